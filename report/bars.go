package report

import (
	"fmt"
	"image/color"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"anthill/latency"
)

// PhaseRow is one bar of PhaseBars.
type PhaseRow struct {
	Name   string
	N      int
	Phases []latency.Part
}

// PhaseBars shows for each row the phases of its invocations as one bar of the medians, one after another. Rows come with their
// number of invocations.
func PhaseBars(name, title, caption string, rows []PhaseRow) (Figure, error) {
	looks := phaseLooks()
	var order []string
	fills := map[string]color.Color{}
	for _, p := range latency.Phases() {
		order = append(order, string(p))
		fills[string(p)] = looks[p]
	}
	var bs []bar
	for _, r := range rows {
		b := bar{name: r.Name, n: r.N}
		for _, p := range r.Phases {
			b.parts = append(b.parts, latency.Step{Name: string(p.Phase), Took: p.Took})
		}
		bs = append(bs, b)
	}
	return bars(name, title, caption, "time since the request came in (ms)", bs, order, fills)
}

// StepRow is one bar of StepBars.
type StepRow struct {
	Name  string
	N     int
	Steps []latency.Step
}

// StepBars shows for each transition between two tasks the steps of the way from handler to handler as one bar of the medians.
func StepBars(name, title, caption string, rows []StepRow) (Figure, error) {
	looks := phaseLooks()
	fills := map[string]color.Color{"answer read": looks[latency.Gateway], "decided": looks[latency.RuntimeStart], "flushed": looks[latency.Imports], "dispatched": looks[latency.Slot],
		"environment": looks[latency.ProcessStart], "delivered": looks[latency.Delivery]}
	var bs []bar
	for _, r := range rows {
		bs = append(bs, bar{r.Name, r.N, r.Steps})
	}
	return bars(name, title, caption, "time since the handler returned (ms)", bs, []string{"answer read", "decided", "flushed", "dispatched", "environment", "delivered"}, fills)
}

// bar is one bar of parts, one after another.
type bar struct {
	name  string
	n     int
	parts []latency.Step
}

func bars(name, title, caption, xLabel string, rows []bar, order []string, fills map[string]color.Color) (Figure, error) {
	s := sheet{name: name, title: title, caption: caption, width: 560, height: 120 + 26*float64(len(rows)),
		subtitle: "The medians of the parts, one after another; their sum need not be the median of the whole"}
	p := newPlot(xLabel, "")
	p.Y.Min, p.Y.Max = -0.6, float64(max(len(rows), 1))-0.4
	var names plot.ConstantTicks
	longest := time.Duration(0)
	used := map[string]bool{}
	for i, r := range rows {
		names = append(names, plot.Tick{Value: float64(len(rows) - 1 - i), Label: fmt.Sprintf("%s (n = %d)", r.name, r.n)})
		sum := time.Duration(0)
		for _, part := range r.parts {
			sum += part.Took
			used[part.Name] = true
		}
		longest = max(longest, sum)
	}
	p.Y.Tick.Marker, p.Y.Tick.Length, p.Y.LineStyle.Width = names, 0, 0
	p.X.Min, p.X.Max, p.X.Tick.Marker = 0, max(latency.Millis(longest)*1.05, 1e-3), linearTicks(7)
	for _, label := range order {
		if used[label] {
			s.keys = append(s.keys, boxKey(label, fills[label]))
		}
	}
	p.Add(grid(true, false), painter(func(c draw.Canvas, p *plot.Plot) {
		fx, fy := p.Transforms(&c)
		for i, r := range rows {
			y, at := fy(float64(len(rows)-1-i)), 0.0
			for _, part := range r.parts {
				to := at + latency.Millis(part.Took)
				b := box(fx(at), y-vg.Points(8), fx(to), y+vg.Points(8))
				c.FillPolygon(fills[part.Name], b)
				c.StrokeLines(draw.LineStyle{Color: color.White, Width: vg.Points(0.4)}, append(b, b[0]))
				at = to
			}
		}
	}))
	s.plot = p
	return s.figure()
}

// phaseLooks gives every phase a fill: red for what makes an environment, blue for what serves, grey for what waits. No two have the
// same lightness, so that they keep apart in grey.
func phaseLooks() map[latency.Phase]color.Color {
	return map[latency.Phase]color.Color{
		latency.Gateway:      color.NRGBA{0x74, 0x7f, 0x88, 0xff},
		latency.Slot:         color.NRGBA{0xc9, 0xce, 0xd3, 0xff},
		latency.ProcessStart: color.NRGBA{0xf8, 0xe4, 0xd8, 0xff},
		latency.RuntimeStart: color.NRGBA{0xe8, 0xa6, 0x78, 0xff},
		latency.Imports:      color.NRGBA{0xa8, 0x48, 0x1a, 0xff},
		latency.Restore:      color.NRGBA{0x7a, 0x3a, 0x12, 0xff},
		latency.Delivery:     color.NRGBA{0x6a, 0xa3, 0xd0, 0xff},
		latency.Handler:      deepBlue(),
		latency.Answer:       ink(),
	}
}
