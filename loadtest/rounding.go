package loadtest

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"anthill/latency"
)

// bucketOf rounds a response time as Locust's statistics do before they count it: to the millisecond below 100 ms,
// and to two significant digits above, halves to even.
func bucketOf(ms float64) int {
	switch {
	case ms < 100:
		return int(math.RoundToEven(ms))
	case ms < 1000:
		return int(math.RoundToEven(ms/10)) * 10
	case ms < 10000:
		return int(math.RoundToEven(ms/100)) * 100
	default:
		return int(math.RoundToEven(ms/1000)) * 1000
	}
}

// buckets counts rounded response times.
type buckets map[int]int

func (b buckets) n() int {
	n := 0
	for _, c := range b {
		n += c
	}
	return n
}

// percentile is Locust's: the value at index int(n·p) of the rounded times in ascending order, the last for p = 1.
// (Package latency's percentiles are nearest-rank over exact values; the two may differ by one rank and the rounding.)
func (b buckets) percentile(p float64) int {
	n := b.n()
	below := min(int(float64(n)*p), n-1)
	seen := 0
	for _, ms := range slices.Sorted(maps.Keys(b)) {
		if seen += b[ms]; seen > below {
			return ms
		}
	}
	return 0
}

// LocustPercentiles are what Locust's statistics would show of these response times, by the names of its columns, in milliseconds: each is rounded before
// it is counted, and a percentile is the value at index int(n·p).
func LocustPercentiles(times []time.Duration) map[string]float64 {
	b := buckets{}
	for _, d := range times {
		b[bucketOf(latency.Millis(d))]++
	}
	out := map[string]float64{}
	if len(b) == 0 {
		return out
	}
	names, ps := percentileColumns()
	for i, name := range names {
		out[name] = float64(b.percentile(ps[i]))
	}
	return out
}

// LocustStep is how far apart two neighbouring values of Locust's are about ms.
func LocustStep(ms float64) float64 {
	switch {
	case ms < 100:
		return 1
	case ms < 1000:
		return 10
	case ms < 10000:
		return 100
	}
	return 1000
}

// minus is what b counted since old.
func (b buckets) minus(old buckets) buckets {
	d := buckets{}
	for ms, c := range b {
		if c -= old[ms]; c > 0 {
			d[ms] = c
		}
	}
	return d
}

// pyFloat prints v as Python prints a float, which is how Locust's files have them: 270.0, 478.1562008811578, 1e-07.
func pyFloat(v float64) string {
	if a := math.Abs(v); a != 0 && (a < 1e-4 || a >= 1e16) {
		s := strconv.FormatFloat(v, 'e', -1, 64)
		return s
	}
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
