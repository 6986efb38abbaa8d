package latency

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// A mixture explains the logarithms of response times by two groups. The warm one is a Student t with a scale for each side of its mode, for slow warm
// requests are many and by no means normal, with strays, which lie anywhere between its mode and the slowest of all; the cold one is a Student t. A request that raised
// the number in flight (a "first" one) has a chance of its own of being cold. The fit is by expectation and maximisation over a histogram, so that a million requests
// cost what a thousand do.
type mixture struct {
	warm   warm
	strays float64 // their share of what is not cold
	top    float64 // where they end
	cold   student
	// share of cold ones among others (0) and among first ones (1); 0 in a model of one group
	share [2]float64
	// evidence is the logarithm of the chance of the data under the model, with its parameters integrated out as far as the models differ in them
	// (Laplace's approximation; the shares by their beta priors).
	evidence float64
}

type warm struct {
	mode        float64
	left, right float64 // scales
	freedom     float64
	norm        float64 // logarithm of the density at the mode
}

// student is a Student t with coldFreedom degrees of freedom.
type student struct{ mean, deviation float64 }

const coldFreedom = 5

const (
	leastScale     = 0.01 // of a group, on the logarithmic scale: two equal values are no group by themselves
	leastDeviation = 0.05
	mostDeviation  = 0.8
)

func (w *warm) settle() {
	a, _ := math.Lgamma((w.freedom + 1) / 2)
	b, _ := math.Lgamma(w.freedom / 2)
	w.norm = a - b - 0.5*math.Log(w.freedom*math.Pi) + math.Log(2/(w.left+w.right))
}

// distance is how many scales x lies from the mode, squared.
func (w *warm) distance(x float64) float64 {
	d := (x - w.mode) / w.right
	if x < w.mode {
		d = (x - w.mode) / w.left
	}
	return d * d
}

func (w *warm) log(x float64) float64 {
	return w.norm - (w.freedom+1)/2*math.Log1p(w.distance(x)/w.freedom)
}

func (s student) log(x float64) float64 {
	const norm = -0.9686196 // ln Γ(3) − ln Γ(5/2) − ½ ln 5π
	d := (x - s.mean) / s.deviation
	return norm - math.Log(s.deviation) - (coldFreedom+1)/2.0*math.Log1p(d*d/coldFreedom)
}

// weight is how much a value counts for the group's place and width.
func (s student) weight(x float64) float64 {
	if s.deviation == 0 { // nothing is known yet
		return 1
	}
	d := (x - s.mean) / s.deviation
	return (coldFreedom + 1) / (coldFreedom + d*d)
}

// histogram counts logarithms of latencies: others (0) and first ones (1).
type histogram struct {
	low, width float64
	counts     [2][]float64
	n          [2]float64
	used       [2][]int // bins that are not empty
}

const mostBins = 400

func logOf(r Response) float64 { return math.Log(max(float64(r.Latency), 1)) }

func histogramOf(rs []Response, first []bool) *histogram {
	low, high := math.Inf(1), math.Inf(-1)
	for _, r := range rs {
		x := logOf(r)
		low, high = min(low, x), max(high, x)
	}
	h := &histogram{low: low, width: max((high-low)/mostBins, 0.002)}
	if len(rs) == 0 {
		return h
	}
	bins := int((high-low)/h.width) + 1
	h.counts = [2][]float64{make([]float64, bins), make([]float64, bins)}
	for i, r := range rs {
		k := 0
		if first[i] {
			k = 1
		}
		b := min(int((logOf(r)-low)/h.width), bins-1)
		if h.counts[k][b]++; h.counts[k][b] == 1 {
			h.used[k] = append(h.used[k], b)
		}
		h.n[k]++
	}
	slices.Sort(h.used[0])
	slices.Sort(h.used[1])
	return h
}

// resample draws each bin's count anew, as a Poisson bootstrap does.
func (h *histogram) resample(rng *rand.Rand) *histogram {
	r := &histogram{low: h.low, width: h.width}
	for kind := range h.counts {
		r.counts[kind] = make([]float64, len(h.counts[kind]))
		for _, b := range h.used[kind] {
			if n := poisson(rng, h.counts[kind][b]); n > 0 {
				r.counts[kind][b] = n
				r.used[kind] = append(r.used[kind], b)
				r.n[kind] += n
			}
		}
	}
	return r
}

// poisson draws a count about a mean; for large means from the normal that it then is.
func poisson(rng *rand.Rand, mean float64) float64 {
	if mean > 50 {
		return max(0, math.Round(mean+math.Sqrt(mean)*rng.NormFloat64()))
	}
	n, left := 0.0, math.Exp(-mean)
	for p := rng.Float64(); p > left; p *= rng.Float64() {
		n++
	}
	return n
}

func (h *histogram) at(bin int) float64 { return h.low + (float64(bin)+0.5)*h.width }

// each calls f with every bin that is not empty, its kind, its place and its count.
func (h *histogram) each(f func(bin, kind int, x, count float64)) {
	for kind := range h.counts {
		for _, b := range h.used[kind] {
			f(b, kind, h.at(b), h.counts[kind][b])
		}
	}
}

// fit gives the best model of one group and the best of two, the latter from several beginnings; both with several weights of the tails.
func (h *histogram) fit() (one, two mixture) {
	two.evidence = math.Inf(-1)
	if h.n[0]+h.n[1] < 3 {
		return two, two
	}
	low, high := h.at(0), h.at(len(h.counts[0])-1)
	begin := mixture{strays: 0.01, top: high}
	begin.warm.freedom = 4
	one = begin
	one.begin(h, math.Inf(1))
	one.refine(h, 100)
	one = one.otherTails(h)
	var tried []mixture
	for i := 1; i < 12; i++ {
		m := begin
		if m.begin(h, low+(high-low)*float64(i)/12) {
			m.refine(h, 8)
			tried = append(tried, m)
		}
	}
	slices.SortStableFunc(tried, func(a, b mixture) int { return cmp.Compare(b.evidence, a.evidence) })
	for _, m := range tried[:min(3, len(tried))] {
		m.refine(h, 100)
		if m = m.otherTails(h); m.evidence > two.evidence && m.cold.mean > m.warm.mode {
			two = m
		}
	}
	return one, two
}

// otherTails is the best of the model and of it with other weights of the warm group's tails.
func (m mixture) otherTails(h *histogram) mixture {
	best := m
	for _, freedom := range []float64{2.5, 8, 30} {
		again := m
		again.warm.freedom = freedom
		again.warm.settle()
		if again.refine(h, 50); again.evidence > best.evidence {
			best = again
		}
	}
	return best
}

// begin calls everything above cut cold. It reports whether there is something on both sides.
func (m *mixture) begin(h *histogram, cut float64) bool {
	certain := make([][2]float64, len(h.counts[0]))
	n := [2]float64{}
	h.each(func(bin, kind int, x, count float64) {
		side := 0
		if x > cut {
			certain[bin], side = [2]float64{1, 1}, 1
		}
		n[side] += count
	})
	if n[0] == 0 || n[1] == 0 && !math.IsInf(cut, 1) {
		return false
	}
	m.warm.left, m.warm.right = 0, 0 // no weights yet
	m.maximise(h, certain, 0.01*n[0])
	m.maximise(h, certain, 0.01*n[0])
	return true
}

// refine improves the model until it stays, at most so many times, and weighs it.
func (m *mixture) refine(h *histogram, most int) {
	cold := make([][2]float64, len(h.counts[0]))
	last := math.Inf(-1)
	for range most {
		likelihood, strays := m.expect(h, cold)
		if likelihood-last < 1e-3 {
			break
		}
		last = likelihood
		m.maximise(h, cold, strays)
	}
	m.evidence, _ = m.expect(h, cold)
	if m.share == [2]float64{} {
		return
	}
	var counts [2]float64
	h.each(func(bin, kind int, _, count float64) { counts[kind] += cold[bin][kind] * count })
	n := max(counts[0]+counts[1], 1)
	m.evidence -= math.Log(max(m.span()*math.Sqrt(n)/(m.cold.deviation*math.Sqrt(2*math.Pi)), 1)) // the cold group may lie anywhere
	m.evidence -= math.Log(n)/2 + 1                                                               // and be as wide as it likes
	for kind, c := range counts {
		// Few of the others are cold; of first ones nothing is known.
		a, b := 0.5, 20.0
		if kind == 1 {
			a, b = 1, 1
		}
		if all := h.n[kind]; all > 0 {
			p := m.share[kind]
			m.evidence += beta(c+a, all-c+b) - beta(a, b) - c*math.Log(p) - (all-c)*math.Log1p(-p)
		}
	}
}

// beta is the logarithm of the beta function.
func beta(a, b float64) float64 {
	x, _ := math.Lgamma(a)
	y, _ := math.Lgamma(b)
	z, _ := math.Lgamma(a + b)
	return x + y - z
}

// span is where strays can lie.
func (m *mixture) span() float64 { return max(m.top-m.warm.mode, leastDeviation) }

// served is the logarithm of the density of what is not cold, and how much of it is strays'.
func (m *mixture) served(x float64) (log, strays float64) {
	log = m.warm.log(x) + math.Log1p(-m.strays)
	if x <= m.warm.mode || m.strays == 0 {
		return log, 0
	}
	s := math.Log(m.strays / m.span())
	most := max(log, s)
	all := most + math.Log(math.Exp(log-most)+math.Exp(s-most))
	return all, math.Exp(s - all)
}

// chance is how likely a response is cold.
func (m *mixture) chance(x float64, kind int) float64 {
	p := m.share[kind]
	if p == 0 {
		return 0
	}
	served, _ := m.served(x)
	return 1 / (1 + (1-p)/p*math.Exp(served-m.cold.log(x)))
}

// expect says how likely each bin is cold, and gives the likelihood of all and the number of strays.
func (m *mixture) expect(h *histogram, cold [][2]float64) (sum, strays float64) {
	h.each(func(bin, kind int, x, count float64) {
		p := m.share[kind]
		w, stray := m.served(x)
		if p == 0 {
			sum += count * w
			strays += count * stray
			return
		}
		w += math.Log1p(-p)
		c := m.cold.log(x) + math.Log(p)
		most := max(w, c)
		all := most + math.Log(math.Exp(w-most)+math.Exp(c-most))
		cold[bin][kind] = math.Exp(c - all)
		sum += count * all
		strays += count * stray * (1 - cold[bin][kind])
	})
	return sum, strays
}

func (m *mixture) maximise(h *histogram, cold [][2]float64, strays float64) {
	var n, weight, sum, squares float64
	var share [2]float64
	h.each(func(bin, kind int, x, count float64) {
		c := cold[bin][kind] * count
		w, d := c*m.cold.weight(x), x-h.low
		n, weight, sum, squares = n+c, weight+w, sum+w*d, squares+w*d*d
		share[kind] += c
	})
	m.share = [2]float64{}
	if n > 0 {
		m.cold.mean = h.low + sum/weight
		m.cold.deviation = min(max(math.Sqrt(max(squares-sum*sum/weight, 0)/n), leastDeviation), mostDeviation)
		for kind := range share { // half a response of doubt on each side
			if h.n[kind] > 0 {
				m.share[kind] = (share[kind] + 0.5*n/(h.n[0]+h.n[1])) / (h.n[kind] + 0.5)
			}
		}
	}
	var served []float64
	if m.warm.left > 0 {
		served = make([]float64, len(cold))
		for bin := range served {
			_, stray := m.served(h.at(bin))
			served[bin] = 1 - stray
		}
	}
	m.warm.maximise(h, cold, served)
	m.strays = min(strays/max(h.n[0]+h.n[1]-n, 1), 0.2)
}

// maximise fits the warm group to what is not cold: a weighted two-piece normal, whose scales follow from the sums of squares on either side of the mode
// (John 1982, "The three-parameter two-piece normal family of distributions"), with the weights of a Student t. served is the share of each bin that no stray
// explains; nil at the beginning, when there are no scales yet either.
func (w *warm) maximise(h *histogram, cold [][2]float64, served []float64) {
	bins := len(h.counts[0])
	type sums struct{ n, x, xx float64 }
	before := make([]sums, bins+1)
	mass := 0.0
	mid := h.at(bins / 2) // squares about a value amid the data keep their digits
	for b := range bins {
		x := h.at(b)
		count := h.counts[0][b]*(1-cold[b][0]) + h.counts[1][b]*(1-cold[b][1])
		if served != nil {
			count *= served[b]
		}
		mass += count
		if served != nil {
			count *= (w.freedom + 1) / (w.freedom + w.distance(x))
		}
		d := x - mid
		before[b+1] = sums{before[b].n + count, before[b].x + count*d, before[b].xx + count*d*d}
	}
	all := before[bins]
	best, left, right := math.Inf(1), 0.0, 0.0
	for b := range bins {
		if before[b+1].n == before[b].n {
			continue
		}
		mode := h.at(b) - mid
		l, r := before[b+1], sums{all.n - before[b+1].n, all.x - before[b+1].x, all.xx - before[b+1].xx}
		sl := max(l.xx-2*mode*l.x+mode*mode*l.n, 0)
		sr := max(r.xx-2*mode*r.x+mode*mode*r.n, 0)
		if s := math.Cbrt(sl) + math.Cbrt(sr); s < best {
			best, left, right = s, math.Cbrt(sl), math.Cbrt(sr)
			w.mode = h.at(b)
		}
	}
	k := math.Sqrt(best / max(mass, 1e-9))
	w.left, w.right = max(k*left, leastScale), max(k*right, leastScale)
	w.settle()
}

// thresholds are the logarithms of latencies above which others (0) and first ones (1) are called cold.
type thresholds [2]float64

func (t thresholds) cold(r Response, first bool) bool {
	if first {
		return logOf(r) > t[1]
	}
	return logOf(r) > t[0]
}

// cuts finds for each kind the lowest latency from which on cold is likelier, up to the middle of the cold group. What is slower still is called cold too,
// though the model would rather see a stray of the warm ones: a cold start can be slow without end.
func (m *mixture) cuts() thresholds {
	var t thresholds
	for kind := range t {
		t[kind] = math.Inf(1)
		from, to := m.warm.mode+math.Log(leastRatio)/2, m.cold.mean
		if m.share[kind] == 0 || from >= to || m.chance(to, kind) < 0.5 {
			continue
		}
		for range 60 { // the chance rises from the warm group's middle to the cold one's
			if x := (from + to) / 2; m.chance(x, kind) < 0.5 {
				from = x
			} else {
				to = x
			}
		}
		t[kind] = to
	}
	return t
}

// wrong is how many responses the model expects in the wrong class.
func (m *mixture) wrong(h *histogram, t thresholds) float64 {
	n := 0.0
	h.each(func(_, kind int, x, count float64) {
		p := m.chance(x, kind)
		if x > t[kind] {
			p = 1 - p
			if x > m.cold.mean { // called cold because it is slower still
				p = min(p, 0.5)
			}
		}
		n += count * p
	})
	return n
}

// apart says whether there is a valley between the two groups: a density of less than half the cold group's own. Where there is none, the cold group is the flank of
// the warm one. A valley among the first ones alone will do when hardly any others are cold. When many are, no less than the first ones, what is found is hardly
// made of cold starts unless the valley is all but empty: a busy machine has slow warm requests of its own.
func (m *mixture) apart(h *histogram) bool {
	all := m.valley((m.share[0]*h.n[0] + m.share[1]*h.n[1]) / (h.n[0] + h.n[1]))
	switch rare, first := m.share[0] < 0.05, m.share[1] > 3*m.share[0]; {
	case rare && first:
		return min(all, m.valley(m.share[1])) < 0.5
	case rare || first:
		return all < 0.5
	}
	return all < 0.05
}

// valley is the lowest density between the groups' middles, as a share of that at the cold group's.
func (m *mixture) valley(share float64) float64 {
	density := func(x float64) float64 {
		served, _ := m.served(x)
		return (1-share)*math.Exp(served) + share*math.Exp(m.cold.log(x))
	}
	lowest := math.Inf(1)
	for i := range 100 {
		lowest = min(lowest, density(m.warm.mode+(m.cold.mean-m.warm.mode)*float64(i)/100))
	}
	return lowest / density(m.cold.mean)
}
