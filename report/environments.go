package report

import (
	"cmp"
	"fmt"
	"image/color"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"anthill/latency"
)

// shownEnvironments is how many environments a timeline has room for.
const shownEnvironments = 60

// Environments shows when each execution environment lived and what it served, between two instants: its init, the time
// it stood idle, and every invocation. Those that began first are shown; the subtitle counts the others.
func Environments(name, title, caption string, es []latency.Environment, vs []latency.Invocation, from, to time.Time) (Figure, error) {
	es = slices.Clone(es)
	slices.SortFunc(es, func(a, b latency.Environment) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	served := map[string][]latency.Invocation{}
	for _, v := range vs {
		served[v.Environment] = append(served[v.Environment], v)
	}
	es = slices.DeleteFunc(es, func(e latency.Environment) bool { return !e.Ended.IsZero() && e.Ended.Before(from) })
	all := len(es)
	es = es[:min(all, shownEnvironments)]
	height := 15.0
	if len(es) > 25 {
		height = 8
	}
	s := sheet{name: name, title: title, caption: caption, width: 560, height: 120 + height*float64(max(len(es), 1))}
	span := to.Sub(from)
	unit, per := "s", float64(time.Second)
	if span < 2*time.Second {
		unit, per = "ms", float64(time.Millisecond)
	}
	p := newPlot("time since the test began ("+unit+")", "")
	p.Y.Min, p.Y.Max = -0.6, float64(max(len(es), 1))-0.4
	p.X.Min, p.X.Max, p.X.Tick.Marker = 0, max(float64(span)/per, 1), linearTicks(7)
	var names plot.ConstantTicks
	for i, e := range es {
		if len(es) <= 25 {
			names = append(names, plot.Tick{Value: float64(len(es) - 1 - i), Label: environmentLabel(e)})
		}
	}
	p.Y.Tick.Marker, p.Y.Tick.Length, p.Y.LineStyle.Width = names, 0, 0
	p.Add(grid(true, false), painter(func(c draw.Canvas, p *plot.Plot) {
		fx, fy := p.Transforms(&c)
		x := func(at int64) vg.Length {
			v := float64(at-from.UnixNano()) / per
			return fx(min(max(v, p.X.Min), p.X.Max))
		}
		for i, e := range es {
			y, half := fy(float64(len(es)-1-i)), vg.Points(height*0.36)
			bar := func(fill color.Color, a, b int64, least vg.Length) {
				if b >= from.UnixNano() && a <= to.UnixNano() {
					x0 := x(a)
					c.FillPolygon(fill, box(x0, y-half, max(x(b), x0+least), y+half))
				}
			}
			end := to.UnixNano()
			if !e.Ended.IsZero() {
				end = e.Ended.UnixNano()
			}
			bar(paleGrey(), e.Created.UnixNano(), end, 0)
			for _, v := range served[e.ID] {
				bar(deepBlue(), v.Sent, v.Received, vg.Points(0.6))
			}
			bar(brick(), e.SpawnBegin, e.InitEnd, vg.Points(1.2))
		}
	}))
	s.keys = []key{boxKey("init", brick()), boxKey("serving an invocation", deepBlue()), boxKey("idle", paleGrey())}
	s.subtitle = count(all, "environment") + ", " + count(len(vs), "invocation")
	if all > len(es) {
		s.subtitle += fmt.Sprintf("; the first %d are shown", len(es))
	}
	s.plot = p
	return s.figure()
}

func environmentLabel(e latency.Environment) string {
	id := e.ID
	if len(id) > 6 {
		id = id[:6]
	}
	return e.FunctionName + " " + id
}
