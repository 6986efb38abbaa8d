package latency

import (
	"cmp"
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

	// Threshold is the latency above which a response was called cold, when estimated; FirstThreshold holds instead for a response during
	// which more requests were in flight than ever before (Records counts those of Cold). 0 means that no such response was called cold.
	Threshold, FirstThreshold time.Duration
	Records                   int
	// Evidence is by how much two groups explain the latencies better than one does: twice the logarithm of the Bayes factor.
	Evidence float64
	// ColdLow and ColdHigh are the 95 % interval of the number of cold responses, from a bootstrap; Unsure is how many responses changed their class in
	// more than one in twenty of its resamples.
	ColdLow, ColdHigh, Unsure int
	// Wrong is how many responses the model itself expects to be in the wrong class.
	Wrong float64
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
	leastEvidence = 6   // "strong" on the scale of Kass and Raftery (1995): twenty to one
	leastRatio    = 1.5 // a cold start that costs less than half a request more is not told from noise
	resamples     = 200 // of the bootstrap
)

// EstimateSplit divides rs by their times alone, for endpoints that do not tell. ok is false when they do not fall into two groups that can be told
// apart; then all are called warm and Method says why.
//
// Two groups are fitted to the logarithms of the latencies (see mixture). A request during which more requests are in flight than ever before is likelier
// to be cold than others: where nothing was warm it has to be. How much likelier is fitted too, so that it counts for nothing where it means nothing. A request
// that is called warm may still be a cold start that the endpoint hid, and a slow warm request may be called cold: no log of response times can tell.
func EstimateSplit(rs []Response) (s Split, ok bool) {
	first := records(rs)
	s = Split{Warm: rs}
	if len(rs) == 0 {
		s.Method = "There are no single response times, so there is no cold and no warm."
		return s, false
	}
	h := histogramOf(rs, first)
	one, two := h.fit()
	if e := 2 * (two.evidence - one.evidence); !math.IsInf(e, 0) && !math.IsNaN(e) {
		s.Evidence = e
	}
	switch {
	case s.Evidence < leastEvidence, math.Exp(two.cold.mean-two.warm.mode) < leastRatio, !two.apart(h):
		s.Method = fmt.Sprintf("Estimate: the %d response times do not fall into two groups that can be told apart, so none is called cold.", len(rs))
		return s, false
	}
	cuts := two.cuts()
	s.Threshold, s.FirstThreshold = duration(cuts[0]), duration(cuts[1])
	s.Warm = nil
	for i, r := range rs {
		switch {
		case !cuts.cold(r, first[i]):
			s.Warm = append(s.Warm, r)
		default:
			s.Cold = append(s.Cold, r)
			if first[i] {
				s.Records++
			}
		}
	}
	if len(s.Cold) == 0 {
		return Split{Warm: rs, Evidence: s.Evidence, Method: fmt.Sprintf("Estimate: the %d response times do not fall into two groups that can be told apart, so none is called cold.", len(rs))}, false
	}
	s.Wrong = two.wrong(h, cuts)
	s.bootstrap(h, two, cuts)
	s.Boundary = changePoint(rs)
	s.Method = s.words(len(rs))
	return s, true
}

func (s *Split) words(n int) string {
	cut := fmt.Sprintf("above %.0f ms", Millis(s.Threshold))
	switch first := fmt.Sprintf("above %.0f ms when more requests were in flight than ever before", Millis(s.FirstThreshold)); {
	case s.Threshold == 0:
		cut = first
	case s.FirstThreshold > 0 && s.FirstThreshold < s.Threshold*95/100:
		cut += " (" + first + ")"
	}
	first := "as a cold start must where nothing was warm"
	if 2*s.Records < len(s.Cold) {
		first = "as a cold start must where nothing was warm: the others may be something else that is slow, or environments that had expired"
	}
	return fmt.Sprintf("Estimate, made from the response times alone: two groups were fitted to their logarithms, and what lies %s is called cold. %d of %d are (95 %% interval of a bootstrap: %d to %d); "+
		"%d of those came when more requests were in flight than ever before, %s. By the model %s are in the wrong group; %d changed theirs when the data were resampled %d times. "+
		"Evidence for two groups: %.0f (twice the logarithm of the Bayes factor; 6 is asked for).", cut, len(s.Cold), n, s.ColdLow, s.ColdHigh, s.Records, first, expected(s.Wrong), s.Unsure, resamples, s.Evidence)
}

func expected(n float64) string {
	if n < 0.1 {
		return "less than 0.1"
	}
	return fmt.Sprintf("about %.1f", n)
}

// duration is the latency of that logarithm, to the microsecond; 0 when there is none.
func duration(log float64) time.Duration {
	if math.IsInf(log, 0) {
		return 0
	}
	return time.Duration(math.Exp(log)).Round(time.Microsecond)
}

// records says of each response whether more requests were in flight during it than ever before, itself among them. None is when the times of
// the responses are not known.
func records(rs []Response) []bool {
	out := make([]bool, len(rs))
	order := make([]int, 0, len(rs))
	ends := make([]time.Time, 0, len(rs))
	for i, r := range rs {
		if r.At.IsZero() {
			return make([]bool, len(rs))
		}
		order, ends = append(order, i), append(ends, r.At)
	}
	sent := func(i int) time.Time { return rs[i].At.Add(-rs[i].Latency) }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Or(sent(a).Compare(sent(b)), cmp.Compare(a, b)) })
	slices.SortFunc(ends, time.Time.Compare)
	flying, ended, most := 0, 0, 0
	for _, i := range order {
		for ; ended < len(ends) && !ends[ended].After(sent(i)); ended++ {
			flying--
		}
		if flying++; flying > most {
			most, out[i] = flying, true
		}
	}
	return out
}

// bootstrap fits resamples of h anew, from the fit of all. A resample has each bin as often as a Poisson draw about its count says.
func (s *Split) bootstrap(h *histogram, fit mixture, cuts thresholds) {
	rng := rand.New(rand.NewPCG(1, 2))
	changed := make([][2]int, len(h.counts[0]))
	colds := make([]float64, 0, resamples)
	for range resamples {
		again := fit
		again.refine(h.resample(rng), 20)
		c, n := again.cuts(), 0.0
		h.each(func(bin, kind int, x, count float64) {
			if x > c[kind] {
				n += count
			}
			if (x > c[kind]) != (x > cuts[kind]) {
				changed[bin][kind]++
			}
		})
		colds = append(colds, n)
	}
	slices.Sort(colds)
	s.ColdLow, s.ColdHigh = int(colds[resamples*25/1000]), int(colds[resamples*975/1000])
	h.each(func(bin, kind int, _, count float64) {
		if changed[bin][kind]*20 > resamples {
			s.Unsure += int(count)
		}
	})
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
