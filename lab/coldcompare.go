package lab

import (
	"fmt"
	"math"
	"slices"

	"anthill/latency"
)

// evaluate computes every cell's figures and compares the levels of each factor.
func (x *experiment) evaluate(r *Experimented) {
	for _, l := range x.levels {
		l.Took = latency.Of(l.took).Summary()
		low, high := latency.MedianInterval(latency.Of(l.each))
		l.Low, l.High = latency.Millis(low), latency.Millis(high)
		for _, how := range sortedKeys(l.served) {
			l.Served = append(l.Served, fmt.Sprintf("%d %s", l.served[how], how))
		}
		if len(l.init) > 0 {
			s := latency.Of(l.init).Summary()
			l.Init = &s
		}
		r.Levels = append(r.Levels, *l)
	}
	for _, factor := range factors() {
		names := x.levelsOf(factor)
		for i := range names {
			for j := i + 1; j < len(names); j++ {
				if p, ok := x.pair(factor, names[i], names[j]); ok {
					r.Pairs = append(r.Pairs, p)
				}
			}
		}
	}
	ps := make([]float64, len(r.Pairs))
	for i, p := range r.Pairs {
		ps[i] = p.P
	}
	for i, p := range latency.Holm(ps) {
		pair := &r.Pairs[i]
		pair.Adjusted = p
		pair.Real = p < 0.05 && (pair.Low > 0 || pair.High < 0)
	}
}

// levelsOf are the levels of a factor that were measured, the base's first.
func (x *experiment) levelsOf(factor string) []string {
	var names []string
	for _, l := range x.levels {
		if n := l.setting.level(factor); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// pair compares two levels of a factor wherever the other factors agree. ok is false when they never do.
func (x *experiment) pair(factor, a, b string) (p Pair, ok bool) {
	p = Pair{Factor: factor, A: a, B: b, Least: math.Inf(1), Most: math.Inf(-1)}
	var as, bs []latency.Distribution
	for _, la := range x.levels {
		if la.setting.level(factor) != a {
			continue
		}
		for _, lb := range x.levels {
			if lb.setting.level(factor) != b || la.setting.with(factor, lb.setting) != lb.setting {
				continue
			}
			da, db := latency.Of(la.each), latency.Of(lb.each)
			as, bs = append(as, da), append(bs, db)
			d := latency.Millis(db.Median() - da.Median())
			p.Least, p.Most = min(p.Least, d), max(p.Most, d)
		}
	}
	if p.Cells = len(as); p.Cells == 0 {
		return p, false
	}
	p.Comparison = latency.CompareStrata(as, bs)
	return p, true
}
