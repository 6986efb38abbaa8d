package latency

import (
	"encoding/json"
	"math"
	"slices"
	"time"
)

// Distribution is a sample of durations. The zero value is an empty one.
type Distribution struct {
	sorted []time.Duration
	sum    float64
}

// Of makes a distribution of values, which it copies.
func Of(values []time.Duration) Distribution {
	d := Distribution{sorted: slices.Sorted(slices.Values(values))}
	for _, v := range d.sorted {
		d.sum += float64(v)
	}
	return d
}

// N is the size of the sample.
func (d Distribution) N() int { return len(d.sorted) }

// Values are the sample in ascending order. The caller must not change them.
func (d Distribution) Values() []time.Duration { return d.sorted }

// Percentile is the nearest-rank percentile: the smallest value of the sample that at least p percent of it do not
// exceed. p runs from 0 (the minimum) to 100 (the maximum). An empty sample gives 0.
func (d Distribution) Percentile(p float64) time.Duration {
	n := len(d.sorted)
	if n == 0 {
		return 0
	}
	// The product is rounded to a millionth first: 0.95*20 must be rank 19 and not, by a bit of binary dust, rank 20.
	rank := int(math.Ceil(math.Round(p/100*float64(n)*1e6) / 1e6))
	return d.sorted[min(max(rank, 1), n)-1]
}

// Median is the 50th percentile.
func (d Distribution) Median() time.Duration { return d.Percentile(50) }

// Mean is the arithmetic mean; 0 for an empty sample.
func (d Distribution) Mean() time.Duration {
	if len(d.sorted) == 0 {
		return 0
	}
	return time.Duration(math.Round(d.sum / float64(len(d.sorted))))
}

// Min is the smallest value; 0 for an empty sample.
func (d Distribution) Min() time.Duration { return d.Percentile(0) }

// Max is the largest value; 0 for an empty sample.
func (d Distribution) Max() time.Duration { return d.Percentile(100) }

// Summary is a distribution in a few figures, as the JSON of reports shows it. Every figure is in milliseconds.
type Summary struct {
	N    int     `json:"n"`
	Mean float64 `json:"mean_ms"`
	Min  float64 `json:"min_ms"`
	P5   float64 `json:"p5_ms"`
	P50  float64 `json:"p50_ms"`
	P95  float64 `json:"p95_ms"`
	P99  float64 `json:"p99_ms"`
	Max  float64 `json:"max_ms"`
}

// Summary gives the figures of d.
func (d Distribution) Summary() Summary {
	return Summary{N: d.N(), Mean: Millis(d.Mean()), Min: Millis(d.Min()), P5: Millis(d.Percentile(5)),
		P50: Millis(d.Median()), P95: Millis(d.Percentile(95)), P99: Millis(d.Percentile(99)), Max: Millis(d.Max())}
}

// MarshalJSON writes the summary.
func (d Distribution) MarshalJSON() ([]byte, error) { return json.Marshal(d.Summary()) }

// Millis is d in milliseconds.
func Millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// FromMillis is the duration of ms milliseconds, to the nanosecond. What no duration can hold becomes the longest.
func FromMillis(ms float64) time.Duration {
	switch ns := math.Round(ms * 1e6); {
	case math.IsNaN(ns):
		return 0
	case ns >= math.MaxInt64:
		return math.MaxInt64
	case ns <= math.MinInt64:
		return math.MinInt64
	default:
		return time.Duration(ns)
	}
}
