package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/plot"
)

// number prints v with three significant digits or so and no more zeros than needed: 0.42, 12.3, 2,221.
func number(v float64) string {
	a := math.Abs(v)
	switch {
	case a == 0:
		return "0"
	case a < 0.0995:
		return strconv.FormatFloat(v, 'f', 3, 64)
	case a < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case a < 999.5:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return thousands(strconv.FormatFloat(v, 'f', 0, 64))
}

// thousands puts commas into the digits of a whole number.
func thousands(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Number prints v with three significant digits or so and no more zeros than needed.
func Number(v float64) string { return number(v) }

// Ms prints a duration as milliseconds with its unit.
func Ms(d time.Duration) string { return number(float64(d)/1e6) + " ms" }

// round125 is the smallest of 1, 2, 5 times a power of ten that is not below v.
func round125(v float64) float64 {
	if v <= 0 {
		return 1
	}
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5, 10} {
		if m*p >= v*(1-1e-9) {
			return m * p
		}
	}
	return 10 * p
}

// linearTicks has some want labelled ticks at round values.
func linearTicks(want int) plot.TickerFunc {
	return func(lo, hi float64) []plot.Tick {
		step := round125((hi - lo) / float64(want))
		var ts []plot.Tick
		for i := math.Ceil(lo/step - 1e-9); i*step <= hi*(1+1e-9); i++ {
			ts = append(ts, plot.Tick{Value: i * step, Label: plain(i * step)})
		}
		return ts
	}
}

// plain prints a tick's value with no needless digits.
func plain(v float64) string {
	s := strconv.FormatFloat(math.Round(v*1e6)/1e6+0, 'f', -1, 64) // +0 makes -0 a plain 0
	if math.Abs(v) >= 1000 && !strings.Contains(s, ".") {
		return thousands(s)
	}
	return s
}

// logTicks labels 1, 2 and 5 of every decade when there are few decades, else only the powers of ten.
func logTicks(lo, hi float64) []plot.Tick {
	labelled := map[int]bool{1: true}
	if math.Log10(hi/lo) < 2.6 {
		labelled[2], labelled[5] = true, true
	}
	var ts []plot.Tick
	for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)); e++ {
		for m := 1; m <= 9; m++ {
			v := float64(m) * math.Pow(10, e)
			if v < lo*(1-1e-9) || v > hi*(1+1e-9) {
				continue
			}
			t := plot.Tick{Value: v}
			if labelled[m] {
				t.Label = plain(v)
			}
			ts = append(ts, t)
		}
	}
	return ts
}

// clockTicks labels times of day (x in seconds since 1970) in the zone of loc.
func clockTicks(loc *time.Location) plot.TickerFunc {
	return func(lo, hi float64) []plot.Tick {
		step := 1.0
		for _, s := range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400} {
			if step = s; (hi-lo)/s <= 8 {
				break
			}
		}
		var ts []plot.Tick
		for v := math.Ceil(lo/step) * step; v <= hi; v += step {
			ts = append(ts, plot.Tick{Value: v, Label: time.Unix(int64(v), 0).In(loc).Format("15:04:05")})
		}
		return ts
	}
}

// count prints n with its noun: "1 request", "134 requests".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(fmt.Sprint(n)) + " " + noun + "s"
}
