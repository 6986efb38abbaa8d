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

// Waterfall shows one execution's tasks under each other on one clock, from the first one's entering: what was
// orchestration and what was the handler. Without handlers' instants it shows started to ended instead.
func Waterfall(name, title, caption string, t *latency.Trace) (Figure, error) {
	stays := latency.Stays(t)
	s := sheet{name: name, title: title, caption: caption, width: 560, height: 110 + 22*float64(len(stays))}
	p := newPlot("time since the first state was entered (ms)", "")
	p.Y.Min, p.Y.Max = -0.6, float64(len(stays))-0.4
	var names plot.ConstantTicks
	known := len(stays) > 0
	var zero, end int64
	for i, st := range stays {
		names = append(names, plot.Tick{Value: float64(len(stays) - 1 - i), Label: st.State})
		known = known && st.Task != nil && st.Task.Returned != 0
		if zero == 0 || st.Entered < zero {
			zero = st.Entered
		}
		end = max(end, st.Ended, st.Started)
	}
	p.Y.Tick.Marker, p.Y.Tick.Length, p.Y.LineStyle.Width = names, 0, 0
	p.X.Min, p.X.Max, p.X.Tick.Marker = 0, max(latency.Millis(time.Duration(end-zero))*1.08, 0.001), linearTicks(7)
	p.Add(grid(true, false))
	type part struct {
		label string
		fill  color.Color
		cut   func(latency.Stay) (from, to int64)
	}
	parts := []part{
		{"entered to started", paleGrey(), func(s latency.Stay) (int64, int64) { return s.Entered, s.Started }},
		{"started to its outcome", deepBlue(), func(s latency.Stay) (int64, int64) { return s.Started, s.Ended }},
	}
	if known {
		parts = []part{
			{"decided, flushed, dispatched", paleGrey(), func(s latency.Stay) (int64, int64) { return s.Entered, s.Task.Queued }},
			{"environment found and handed the request", sky(), func(s latency.Stay) (int64, int64) { return s.Task.Queued, s.Task.Entered }},
			{"handler", deepBlue(), func(s latency.Stay) (int64, int64) { return s.Task.Entered, s.Task.Returned }},
			{"answer", brick(), func(s latency.Stay) (int64, int64) { return s.Task.Returned, max(s.Ended, s.Task.Received) }},
		}
	}
	for _, pt := range parts {
		s.keys = append(s.keys, boxKey(pt.label, pt.fill))
	}
	p.Add(painter(func(c draw.Canvas, p *plot.Plot) {
		fx, fy := p.Transforms(&c)
		x := func(at int64) vg.Length { return fx(latency.Millis(time.Duration(at - zero))) }
		for i, st := range stays {
			y := fy(float64(len(stays) - 1 - i))
			for _, pt := range parts {
				if from, to := pt.cut(st); from != 0 && to > from {
					c.FillPolygon(pt.fill, box(x(from), y-vg.Points(6), x(to), y+vg.Points(6)))
				}
			}
		}
	}))
	s.subtitle = fmt.Sprintf("%s; %s from the first state to the last outcome", count(len(stays), "task"), Ms(time.Duration(end-zero)))
	s.plot = p
	return s.figure()
}
