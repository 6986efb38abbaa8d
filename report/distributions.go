package report

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"anthill/latency"
)

// Named is a distribution with its name in a figure.
type Named struct {
	Name string
	D    latency.Distribution
	// Foreign marks figures that were not measured here (the course's on AWS): drawn hollow.
	Foreign bool
}

// CDF shows several distributions as the share of requests that were done by a time, on a logarithmic axis.
func CDF(name, title, caption string, ds []Named) (Figure, error) {
	s := sheet{name: name, title: title, caption: caption, width: 560, height: 280,
		subtitle: "Share of requests done by a time; logarithmic scale"}
	p := newPlot("response time (ms)", "share of requests (%)")
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	p.X.Min, p.X.Max = math.Inf(1), 0
	p.Y.Min, p.Y.Max, p.Y.Tick.Marker = 0, 100, linearTicks(5)
	p.Add(grid(true, true))
	looks := []tone{solid(deepBlue(), 1.8), dashed(brick(), 1.8, 6, 3), dashed(faint(), 1.8, 1.5, 2), dashed(ink(), 1.5, 8, 2, 1.5, 2), dashed(sky(), 2, 3, 1.5)}
	for i, d := range ds {
		if d.D.N() == 0 {
			continue
		}
		look := looks[i%len(looks)]
		s.keys = append(s.keys, lineKey(fmt.Sprintf("%s (n = %d)", d.Name, d.D.N()), look))
		lo, hi := latency.Millis(d.D.Min()), latency.Millis(d.D.Max())
		p.X.Min, p.X.Max = min(p.X.Min, max(lo, 1e-3)/1.15), max(p.X.Max, hi*1.15, 2e-3)
		p.Add(painter(func(c draw.Canvas, p *plot.Plot) {
			fx, fy := p.Transforms(&c)
			n := float64(d.D.N())
			pts := []vg.Point{}
			for j, v := range d.D.Values() {
				x := fx(max(latency.Millis(v), 1e-3))
				pts = append(pts, vg.Point{X: x, Y: fy(100 * float64(j) / n)}, vg.Point{X: x, Y: fy(100 * float64(j+1) / n)})
			}
			c.StrokeLines(look.line(), pts)
		}))
	}
	if p.X.Max == 0 {
		p.X.Min, p.X.Max = 1, 10
	}
	s.plot = p
	return s.figure()
}

// Ranges compares distributions line by line: a bar from p5 to p95, a tick at p50 and its figure. One value is a dot.
func Ranges(name, title, caption, xLabel string, ds []Named) (Figure, error) {
	s := sheet{name: name, title: title, caption: caption, width: 560, height: 92 + 24*float64(len(ds)),
		subtitle: "Bar from p5 to p95, tick at p50; a single value is a dot; logarithmic scale"}
	p := newPlot(xLabel, "")
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	p.X.Min, p.X.Max = math.Inf(1), 0
	p.Y.Min, p.Y.Max = -0.5, float64(len(ds))-0.5
	var names plot.ConstantTicks
	for i, d := range ds {
		names = append(names, plot.Tick{Value: float64(len(ds) - 1 - i), Label: fmt.Sprintf("%s (n = %d)", d.Name, d.D.N())})
		lo, hi := latency.Millis(d.D.Percentile(5)), latency.Millis(d.D.Percentile(95))
		if hi > 0 {
			p.X.Min, p.X.Max = min(p.X.Min, max(lo, 1e-3)/1.4), max(p.X.Max, hi*3)
		}
	}
	if p.X.Max == 0 {
		p.X.Min, p.X.Max = 0.1, 10
	}
	p.Y.Tick.Marker = names
	p.Y.Tick.Length, p.Y.LineStyle.Width = 0, 0
	p.Add(grid(true, false), painter(func(c draw.Canvas, p *plot.Plot) {
		for i, d := range ds {
			if d.D.N() > 0 {
				rangeBar(c, p, float64(len(ds)-1-i), d)
			}
		}
	}))
	s.plot = p
	return s.figure()
}

func rangeBar(c draw.Canvas, p *plot.Plot, row float64, d Named) {
	fx, fy := p.Transforms(&c)
	at := func(q float64) vg.Length { return fx(max(latency.Millis(d.D.Percentile(q)), 1e-3)) }
	y, mid, end := fy(row), at(50), at(95)
	var col color.Color = deepBlue()
	fill := paleBlue()
	if d.Foreign {
		col, fill = brick(), paleBrick()
	}
	if d.D.N() == 1 {
		c.DrawGlyph(draw.GlyphStyle{Color: col, Radius: vg.Points(3.5), Shape: draw.CircleGlyph{}}, vg.Point{X: mid, Y: y})
	} else {
		r := box(at(5), y-vg.Points(5), end, y+vg.Points(5))
		c.FillPolygon(fill, r)
		c.StrokeLines(draw.LineStyle{Color: col, Width: vg.Points(0.7)}, append(r, r[0]))
		c.StrokeLine2(draw.LineStyle{Color: col, Width: vg.Points(2.2)}, mid, y-vg.Points(7), mid, y+vg.Points(7))
	}
	style := letters(9, ink())
	style.YAlign = draw.YCenter
	c.FillText(style, vg.Point{X: max(end, mid) + vg.Points(8), Y: y}, Ms(d.D.Median()))
}
