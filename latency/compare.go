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
	return CompareStrata([]Distribution{a}, []Distribution{b})
}

// CompareStrata compares pairs of samples that differ in the same thing, each pair under circumstances of its own: a[i] with b[i]. The difference is the mean of
// the pairs' differences of medians; the test is van Elteren's, which adds the pairs' Mann–Whitney statistics with the weight 1/(n+1) ("On the combination of independent two
// sample tests of Wilcoxon", 1960). Of one pair it is the Mann–Whitney test. Pairs with an empty sample are left out.
func CompareStrata(a, b []Distribution) Comparison {
	var allA, allB []time.Duration
	var as, bs []Distribution
	for i := range a {
		allA, allB = append(allA, a[i].sorted...), append(allB, b[i].sorted...)
		if a[i].N() > 0 && b[i].N() > 0 {
			as, bs = append(as, a[i]), append(bs, b[i])
		}
	}
	c := Comparison{A: Of(allA).Summary(), B: Of(allB).Summary(), P: 1, Superior: 0.5}
	if len(as) == 0 {
		return c
	}
	strata := time.Duration(len(as))
	var excess, variance, pairs, above, correction float64
	for i := range as {
		c.Difference += (bs[i].Median() - as[i].Median()) / strata
		u, v := mannWhitney(as[i].sorted, bs[i].sorted)
		nn := float64(as[i].N() * bs[i].N())
		w := 1 / float64(as[i].N()+bs[i].N()+1)
		excess, variance = excess+w*(u-nn/2), variance+w*w*v
		pairs, above = pairs+nn, above+u
		correction = max(correction, w)
	}
	c.Superior = above / pairs
	if z := (math.Abs(excess) - correction/2) / math.Sqrt(variance); variance > 0 && z > 0 { // corrected for continuity
		c.P = math.Erfc(z / math.Sqrt2)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	diffs := make([]time.Duration, 2000)
	for i := range diffs {
		for k := range as {
			diffs[i] += (resampledMedian(rng, bs[k].sorted) - resampledMedian(rng, as[k].sorted)) / strata
		}
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

// mannWhitney gives the number of pairs in which the value of b is above that of a, ties counted half, and the variance of that number if neither tends to be. Both are sorted.
func mannWhitney(a, b []time.Duration) (u, variance float64) {
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
	return rankB - n2*(n2+1)/2, n1 * n2 / 12 * ((n + 1) - ties/(n*(n-1)))
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
