package latency

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Comparison says how b differs from a.
type Comparison struct {
	A, B Summary
	// Difference is the median of b minus that of a; Low and High are its 95 % interval, from a bootstrap of both medians.
	Difference, Low, High time.Duration
	// P is the two-sided p-value of the Mann–Whitney U test (normal approximation, with the correction for ties): the chance of so
	// great a shift between two samples of one population. It is 1 when a sample is empty.
	P float64
	// Superior is the chance that a value of b is above one of a, ties counted half: 0.5 when neither tends to be.
	Superior float64
}

// Real says whether the difference is to be believed: its interval does not hold zero, and the test finds it too.
func (c Comparison) Real() bool { return (c.Low > 0 || c.High < 0) && c.P < 0.05 }

// Compare compares two samples. The bootstrap is seeded: the same samples give the same interval.
func Compare(a, b Distribution) Comparison {
	c := Comparison{A: a.Summary(), B: b.Summary(), Difference: b.Median() - a.Median(), P: 1, Superior: 0.5}
	if a.N() == 0 || b.N() == 0 {
		return c
	}
	c.P, c.Superior = mannWhitney(a.sorted, b.sorted)
	rng := rand.New(rand.NewPCG(3, 4))
	diffs := make([]time.Duration, 2000)
	for i := range diffs {
		diffs[i] = resampledMedian(rng, b.sorted) - resampledMedian(rng, a.sorted)
	}
	d := Of(diffs)
	c.Low, c.High = d.Percentile(2.5), d.Percentile(97.5)
	return c
}

// resampledMedian is the median of a resample of sorted values. Only which ranks are drawn matters, so they are counted
// and not sorted.
func resampledMedian(rng *rand.Rand, sorted []time.Duration) time.Duration {
	n := len(sorted)
	counts := make([]int, n)
	for range n {
		counts[rng.IntN(n)]++
	}
	need := (n + 1) / 2
	for i, c := range counts {
		if need -= c; need <= 0 {
			return sorted[i]
		}
	}
	return sorted[n-1]
}

// mannWhitney gives the p-value and the chance that a value of b is above one of a. Both are sorted.
func mannWhitney(a, b []time.Duration) (p, superior float64) {
	type ranked struct {
		v   time.Duration
		ofB bool
	}
	all := make([]ranked, 0, len(a)+len(b))
	for _, v := range a {
		all = append(all, ranked{v: v})
	}
	for _, v := range b {
		all = append(all, ranked{v: v, ofB: true})
	}
	slices.SortStableFunc(all, func(x, y ranked) int { return cmpID(int64(x.v), int64(y.v)) })
	n1, n2, n := float64(len(a)), float64(len(b)), float64(len(all))
	var rankB, ties float64
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].v == all[i].v {
			j++
		}
		mean, t := float64(i+j+1)/2, float64(j-i) // of the ranks i+1 … j
		ties += t*t*t - t
		for ; i < j; i++ {
			if all[i].ofB {
				rankB += mean
			}
		}
	}
	u := rankB - n2*(n2+1)/2
	superior = u / (n1 * n2)
	variance := n1 * n2 / 12 * ((n + 1) - ties/(n*(n-1)))
	if variance <= 0 {
		return 1, superior
	}
	z := (math.Abs(u-n1*n2/2) - 0.5) / math.Sqrt(variance)
	if z < 0 {
		return 1, superior
	}
	return math.Erfc(z / math.Sqrt2), superior
}

// MedianInterval is the 95 % bootstrap interval of a sample's median. The bootstrap is seeded: the same sample gives the
// same interval.
func MedianInterval(d Distribution) (low, high time.Duration) {
	if d.N() == 0 {
		return 0, 0
	}
	rng := rand.New(rand.NewPCG(5, 6))
	medians := make([]time.Duration, 2000)
	for i := range medians {
		medians[i] = resampledMedian(rng, d.sorted)
	}
	m := Of(medians)
	return m.Percentile(2.5), m.Percentile(97.5)
}

// Holm adjusts p-values of several tests so that the chance of one false finding among them all stays what a single
// test's would be (Holm 1979, "A simple sequentially rejective multiple test procedure").
func Holm(ps []float64) []float64 {
	order := make([]int, len(ps))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ps[a], ps[b]) })
	out := make([]float64, len(ps))
	most := 0.0
	for rank, i := range order {
		most = max(most, min(1, ps[i]*float64(len(ps)-rank)))
		out[i] = most
	}
	return out
}
