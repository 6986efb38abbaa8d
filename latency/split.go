package latency

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Split is a set of responses divided into cold and warm.
type Split struct {
	// Exact says that the platform told for each request how it was served. Otherwise the split is an estimate.
	Exact  bool
	Method string // how it was made, in a sentence or two
	Cold   []Response
	Warm   []Response
	// ByStart are the responses of which the platform said how they were served, by kind, when Exact.
	ByStart map[Start][]Response
	// Unknown are responses of which the platform had no record, when Exact.
	Unknown []Response

	// Threshold is the latency above which a response was called cold, when estimated: the middle (on a logarithmic
	// scale) of the gap between the slowest warm and the fastest cold response, which are GapLow and GapHigh.
	Threshold, GapLow, GapHigh time.Duration
	// Separation is the distance of the two classes' means in standard deviations within a class, on a logarithmic scale.
	Separation float64
	// Unsure is how many responses changed their class in more than one in twenty of the bootstrap's resamples.
	Unsure int
	// Boundary is the time estimate: the change point of the series. Responses completed before it were mostly cold.
	Boundary ChangePoint
}

// ChangePoint is the instant at which a series of responses changed, estimated by least squares on the logarithm of the
// latencies in the order of their completion.
type ChangePoint struct {
	At time.Time // the middle between the last response before and the first after; zero when there is none
	// Low and High bound it: every cut between them has a likelihood within 1.92 of the best's (a 95 % interval).
	Low, High time.Time
	Before    int // responses up to the boundary
	After     int
}

// ExactSplit divides rs by what the platform told of each.
func ExactSplit(rs []Response) Split {
	s := Split{Exact: true, ByStart: map[Start][]Response{},
		Method: "Exact: the platform recorded for every request how its environment came to be."}
	for _, r := range rs {
		switch {
		case r.Start == Unknown:
			s.Unknown = append(s.Unknown, r)
		case r.Start.IsCold():
			s.Cold = append(s.Cold, r)
		default:
			s.Warm = append(s.Warm, r)
		}
		if r.Start != Unknown {
			s.ByStart[r.Start] = append(s.ByStart[r.Start], r)
		}
	}
	return s
}

const (
	leastSeparation = 5    // standard deviations; the most that one normal population of 10,000 shows when cut anywhere is about 4
	leastRatio      = 1.5  // a cold start that costs less than half a request more is not told from noise
	resamples       = 1000 // of the bootstrap
)

// EstimateSplit divides rs by their latencies alone, for endpoints that do not tell. ok is false when the latencies do not fall into
// two groups that can be told apart; then all are called warm and Method says why.
//
// The cut is where the two groups lie the most standard deviations apart on a logarithmic scale, with one deviation for
// both; how far the cut can be trusted is tried by a bootstrap with a fixed seed. A request that is called warm may be a cold start
// that the endpoint hid, and a slow warm request may be called cold: no log of response times can tell.
func EstimateSplit(rs []Response) (s Split, ok bool) {
	logs := make([]float64, len(rs))
	for i, r := range rs {
		logs[i] = math.Log(max(float64(r.Latency), 1))
	}
	sorted := slices.Sorted(slices.Values(logs))
	k, sep := bestCut(sorted)
	s = Split{Warm: rs, Separation: sep}
	if k == 0 || sep < leastSeparation || math.Exp(sorted[k]-sorted[k-1]) < leastRatio {
		s.Method = fmt.Sprintf("Estimate: the %d response times do not fall into two groups that can be told apart, so none is called cold.", len(rs))
		return s, false
	}
	cut := (sorted[k] + sorted[k-1]) / 2
	s.Warm = nil
	for i, r := range rs {
		if logs[i] > cut {
			s.Cold = append(s.Cold, r)
		} else {
			s.Warm = append(s.Warm, r)
		}
	}
	s.GapLow, s.GapHigh = duration(sorted[k-1]), duration(sorted[k])
	s.Threshold = duration(cut)
	s.Unsure = unsure(logs, cut)
	s.Boundary = changePoint(rs)
	s.Method = fmt.Sprintf("Estimate, made from the response times alone: the cut that separates two groups best (on a logarithmic scale) lies at %.0f ms, "+
		"in a gap from %.0f ms to %.0f ms; the groups' means are %.0f standard deviations apart, and %d of %d responses changed their group when the data were resampled %d times.",
		Millis(s.Threshold), Millis(s.GapLow), Millis(s.GapHigh), sep, s.Unsure, len(rs), resamples)
	return s, true
}

func duration(log float64) time.Duration { return time.Duration(math.Round(math.Exp(log))) }

// bestCut finds the k that separates sorted[:k] from sorted[k:] best, and by how many pooled standard deviations.
// The deviation is never taken below one percent of the value, so that two equal values are no group by themselves.
func bestCut(sorted []float64) (k int, separation float64) {
	n := len(sorted)
	if n < 3 {
		return 0, 0
	}
	var sum, squares float64
	mid := sorted[n/2] // squares about a value amid the data keep their digits
	for _, v := range sorted {
		sum += v - mid
		squares += (v - mid) * (v - mid)
	}
	var s, q float64
	for i := 1; i < n; i++ {
		v := sorted[i-1] - mid
		s += v
		q += v * v
		if sorted[i] == sorted[i-1] {
			continue
		}
		a, b := float64(i), float64(n-i)
		within := (q - s*s/a) + (squares - q - (sum-s)*(sum-s)/b)
		deviation := math.Sqrt(max(within/float64(n), 1e-4))
		if d := ((sum-s)/b - s/a) / deviation; d > separation {
			k, separation = i, d
		}
	}
	return k, separation
}

// unsure counts the values that fell on the other side of the cut in more than 5 % of the resamples.
func unsure(logs []float64, cut float64) int {
	rng := rand.New(rand.NewPCG(1, 2))
	changed := make([]int, len(logs))
	sample := make([]float64, len(logs))
	rounds := resamples
	if len(logs) > 5000 { // the answer is plain long before
		rounds = resamples / 20
	}
	for range rounds {
		for i := range sample {
			sample[i] = logs[rng.IntN(len(logs))]
		}
		slices.Sort(sample)
		k, _ := bestCut(sample)
		if k == 0 {
			continue
		}
		c := (sample[k] + sample[k-1]) / 2
		for i, v := range logs {
			if (v > cut) != (v > c) {
				changed[i]++
			}
		}
	}
	n := 0
	for _, c := range changed {
		if c*20 > rounds {
			n++
		}
	}
	return n
}

// changePoint finds where the series of rs, in the order of completion, changes its level.
func changePoint(rs []Response) ChangePoint {
	rs = slices.Clone(rs)
	slices.SortStableFunc(rs, func(a, b Response) int { return a.At.Compare(b.At) })
	n := len(rs)
	if n < 4 || rs[0].At.IsZero() {
		return ChangePoint{}
	}
	prefix := make([]float64, n+1)
	squares := 0.0
	for i, r := range rs {
		v := math.Log(max(float64(r.Latency), 1))
		prefix[i+1] = prefix[i] + v
		squares += v * v
	}
	// The log likelihood of a cut after i responses, up to a constant, for normal values with one deviation.
	likelihood := func(i int) float64 {
		a, b := prefix[i], prefix[n]-prefix[i]
		within := squares - a*a/float64(i) - b*b/float64(n-i)
		return -float64(n) / 2 * math.Log(max(within/float64(n), 1e-6))
	}
	best := 1
	for i := 2; i < n; i++ {
		if likelihood(i) > likelihood(best) {
			best = i
		}
	}
	low, high := best, best
	for i := 1; i < n; i++ {
		if likelihood(i) >= likelihood(best)-1.92 {
			low, high = min(low, i), max(high, i)
		}
	}
	between := func(i int) time.Time { return rs[i-1].At.Add(rs[i].At.Sub(rs[i-1].At) / 2) }
	return ChangePoint{At: between(best), Low: rs[low-1].At, High: rs[high].At, Before: best, After: n - best}
}
