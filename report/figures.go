package report

import (
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"anthill/latency"
	"anthill/loadtest"
)

// OverTime is the course's line graph: p50, p95 and the largest response time over the seconds of a run, each over the
// last ten seconds as Locust has it, with every single request behind them where the log has them. split colours the
// requests; it may be empty.
func OverTime(name, title, caption string, run *loadtest.Run, split latency.Split) (Figure, error) {
	s := sheet{name: name, title: title, caption: caption, width: 560, height: 300}
	rows, exact := run.ExactHistory(), true
	if rows == nil {
		rows, exact = run.TotalHistory(), false
	}
	p := newPlot("time of day", "response time (ms)")
	lo, hi, from, to, loc := extent(run, rows)
	p.X.Min, p.X.Max, p.X.Tick.Marker = from, to, clockTicks(loc)
	log := valueAxis(&p.Y, lo, hi)
	p.Add(grid(false, true))

	cold := draw.GlyphStyle{Color: brick(), Radius: vg.Points(2.6), Shape: draw.PyramidGlyph{}}
	warm := draw.GlyphStyle{Color: sky(), Radius: vg.Points(1.7), Shape: draw.CircleGlyph{}}
	p.Add(painter(func(c draw.Canvas, p *plot.Plot) {
		dots(c, p, split.Warm, warm)
		dots(c, p, split.Cold, cold)
	}))
	lines := []struct {
		column, label string
		t             tone
	}{
		{"50%", "p50", solid(deepBlue(), 1.8)},
		{"95%", "p95", dashed(brick(), 1.8, 5, 2.5)},
		{"100%", "max", dashed(faint(), 1.4, 1.5, 2)},
	}
	for _, l := range slices.Backward(lines) {
		p.Add(painter(func(c draw.Canvas, p *plot.Plot) { historyLine(c, p, rows, l.column, l.t) }))
	}
	if len(rows) > 0 {
		for _, l := range lines {
			s.keys = append(s.keys, lineKey(l.label, l.t))
		}
	}
	if n := len(split.Warm); n > 0 {
		s.keys = append(s.keys, dotKey(fmt.Sprintf("warm (n = %s)", thousands(fmt.Sprint(n))), warm))
	}
	if n := len(split.Cold); n > 0 {
		s.keys = append(s.keys, dotKey(fmt.Sprintf("cold (n = %s)", thousands(fmt.Sprint(n))), cold))
	}
	s.subtitle = "Percentiles over the last ten seconds"
	if !exact && len(rows) > 0 {
		s.subtitle += ", as the load generator rounded them"
	}
	if log {
		s.subtitle += "; logarithmic scale"
	}
	if !split.Exact && len(split.Cold) > 0 {
		s.subtitle += "; cold and warm are estimated"
		p.Add(boundary(split.Boundary))
	}
	s.plot = p
	return s.figure()
}

// extent is what the axes have to show.
func extent(run *loadtest.Run, rows []loadtest.HistoryRow) (lo, hi, from, to float64, loc *time.Location) {
	lo, hi, from, to, loc = math.Inf(1), 0, math.Inf(1), math.Inf(-1), time.Local
	see := func(at time.Time, ms float64) {
		if !at.IsZero() {
			x := float64(at.UnixNano()) / 1e9
			from, to, loc = min(from, x), max(to, x), at.Location()
		}
		if ms > 0 {
			lo, hi = min(lo, ms), max(hi, ms)
		}
	}
	for _, r := range rows {
		for _, c := range []string{"50%", "95%", "100%"} {
			see(r.At, r.Percentiles[c])
		}
	}
	for _, r := range run.Responses {
		see(r.At, latency.Millis(r.Latency))
	}
	if hi == 0 {
		lo, hi = 1, 10
	}
	if from > to {
		from, to = 0, 60
	}
	return lo, hi, from, to + (to-from)/100 + 0.1, loc
}

// valueAxis makes a linear axis from zero, or a logarithmic one when the values span more than a factor of eight.
func valueAxis(a *plot.Axis, lo, hi float64) (log bool) {
	if lo > 0 && hi/lo > 8 {
		a.Scale, a.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
		a.Min, a.Max = lo/1.25, hi*1.3
		return true
	}
	a.Min, a.Max, a.Tick.Marker = 0, hi*1.08, linearTicks(5)
	return false
}

func dots(c draw.Canvas, p *plot.Plot, rs []latency.Response, g draw.GlyphStyle) {
	fx, fy := p.Transforms(&c)
	for _, r := range rs {
		if ms := latency.Millis(r.Latency); ms > 0 && !r.At.IsZero() {
			c.DrawGlyph(g, vg.Point{X: fx(float64(r.At.UnixNano()) / 1e9), Y: fy(ms)})
		}
	}
}

// historyLine draws one percentile over time; seconds without a value break the line.
func historyLine(c draw.Canvas, p *plot.Plot, rows []loadtest.HistoryRow, column string, t tone) {
	fx, fy := p.Transforms(&c)
	var part []vg.Point
	flush := func() {
		if len(part) > 1 {
			c.StrokeLines(t.line(), part)
		}
		part = nil
	}
	for _, r := range rows {
		v, ok := r.Percentiles[column]
		if !ok || v <= 0 {
			flush()
			continue
		}
		part = append(part, vg.Point{X: fx(float64(r.At.UnixNano()) / 1e9), Y: fy(v)})
	}
	flush()
}

// boundary draws the estimated change point with its name.
func boundary(b latency.ChangePoint) painter {
	return func(c draw.Canvas, p *plot.Plot) {
		if b.At.IsZero() {
			return
		}
		fx, _ := p.Transforms(&c)
		x := fx(float64(b.At.UnixNano()) / 1e9)
		c.StrokeLine2(dashed(ink(), 0.8, 3, 2).line(), x, c.Min.Y, x, c.Max.Y)
		style := letters(8.5, ink())
		style.YAlign = draw.YTop
		c.FillText(style, vg.Point{X: x + vg.Points(4), Y: c.Max.Y - vg.Points(2)}, "estimated end of the cold starts, "+b.At.Format("15:04:05.0"))
	}
}

// Histogram is the distribution of some response times with their p5, p50, p95 and mean. noun is what is counted ("cold request").
func Histogram(name, title, caption, noun string, d latency.Distribution, coldLook bool) (Figure, error) {
	s := sheet{name: name, title: title, caption: caption, width: 560, height: 270,
		subtitle: fmt.Sprintf("n = %s", thousands(fmt.Sprint(d.N())))}
	p := newPlot("response time (ms)", noun+"s per bin")
	if d.N() == 0 {
		s.subtitle = "n = 0: there are no " + noun + "s to show"
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
		p.X.Tick.Marker, p.Y.Tick.Marker = linearTicks(5), plot.TickerFunc(wholeTicks)
		s.plot = p
		return s.figure()
	}
	b := bin(d)
	if n := d.N() - b.shown; n > 0 {
		s.subtitle += fmt.Sprintf("; %s of them beyond the right edge, the largest %s", thousands(fmt.Sprint(n)), Ms(d.Max()))
	}
	s.subtitle += fmt.Sprintf("; bins of %s ms", plain(b.width))
	p.X.Min, p.X.Max, p.X.Tick.Marker = b.from, b.from+b.width*float64(len(b.counts)), linearTicks(7)
	top := slices.Max(b.counts)
	p.Y.Min, p.Y.Max, p.Y.Tick.Marker = 0, float64(top)*1.08, plot.TickerFunc(wholeTicks)
	p.Add(grid(false, true))
	fill, edge := paleBlue(), deepBlue()
	if coldLook {
		fill, edge = paleBrick(), brick()
	}
	p.Add(painter(func(c draw.Canvas, p *plot.Plot) {
		fx, fy := p.Transforms(&c)
		for i, n := range b.counts {
			if n == 0 {
				continue
			}
			r := box(fx(b.from+float64(i)*b.width), fy(0), fx(b.from+float64(i+1)*b.width), fy(float64(n)))
			c.FillPolygon(fill, r)
			c.StrokeLines(draw.LineStyle{Color: edge, Width: vg.Points(0.6)}, append(r, r[0]))
		}
	}))
	for _, m := range []struct {
		name string
		v    time.Duration
		t    tone
	}{
		{"p5", d.Percentile(5), dashed(faint(), 1.5, 1.5, 2)},
		{"p50", d.Median(), solid(ink(), 1.7)},
		{"p95", d.Percentile(95), dashed(ink(), 1.5, 6, 3)},
		{"mean", d.Mean(), dashed(brick(), 1.5, 6, 2, 1.5, 2)},
	} {
		s.keys = append(s.keys, lineKey(m.name+"  "+Ms(m.v), m.t))
		p.Add(painter(func(c draw.Canvas, p *plot.Plot) {
			fx, _ := p.Transforms(&c)
			if v := latency.Millis(m.v); v <= p.X.Max {
				c.StrokeLine2(m.t.line(), fx(v), c.Min.Y, fx(v), c.Max.Y)
			}
		}))
	}
	s.plot = p
	return s.figure()
}

// wholeTicks labels counts.
func wholeTicks(lo, hi float64) []plot.Tick {
	step := max(1, round125((hi-lo)/5))
	var ts []plot.Tick
	for v := 0.0; v <= hi; v += step {
		ts = append(ts, plot.Tick{Value: v, Label: plain(v)})
	}
	return ts
}

// bins are a histogram's counts, in milliseconds.
type bins struct {
	from, width float64
	counts      []int
	shown       int // values that fell into them
}

// bin chooses round bins by the rule of Freedman and Diaconis, from 8 to 48 of them. A tail that would squeeze the rest
// into a corner (beyond the 95th percentile by more than four times its distance from the 5th) is left outside.
func bin(d latency.Distribution) bins {
	lo, hi := latency.Millis(d.Min()), latency.Millis(d.Max())
	if p5, p95 := latency.Millis(d.Percentile(5)), latency.Millis(d.Percentile(95)); d.N() >= 20 && p95 > p5 && hi > p95+2*(p95-p5) {
		hi = p95 + 2*(p95-p5)
	}
	spread := max(hi-lo, hi*0.02, 1e-3)
	width := 2 * latency.Millis(d.Percentile(75)-d.Percentile(25)) / math.Cbrt(float64(d.N()))
	least := 8.0
	if d.N() < 20 { // few values are shown nearly one by one: wide bins would hide where they lie
		least = 16
	}
	width = round125(max(min(max(width, spread/48), spread/least)*0.75, 1e-3)) // never below a microsecond
	b := bins{width: width, from: math.Floor(lo/width) * width}
	b.counts = make([]int, max(1, int(math.Floor((hi-b.from)/width))+1))
	for _, v := range d.Values() {
		if i := int((latency.Millis(v) - b.from) / width); i >= 0 && i < len(b.counts) {
			b.counts[i]++
			b.shown++
		}
	}
	return b
}
