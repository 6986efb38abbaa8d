package latency_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"anthill/latency"
)

func normal(seed uint64, n int, about, spread time.Duration) latency.Distribution {
	rng := rand.New(rand.NewPCG(seed, 0))
	vs := make([]time.Duration, n)
	for i := range vs {
		vs[i] = about + time.Duration(rng.NormFloat64()*float64(spread))
	}
	return latency.Of(vs)
}

func TestCompare(t *testing.T) {
	const ms = time.Millisecond
	a := normal(1, 100, 20*ms, ms)
	for _, c := range []struct {
		name string
		b    latency.Distribution
		real bool
	}{
		{"the same population", normal(2, 100, 20*ms, ms), false},
		{"a millisecond slower", normal(3, 100, 21*ms, ms), true},
		{"faster", normal(4, 60, 18*ms, ms), true},
		{"empty", latency.Of(nil), false},
		{"itself", a, false},
	} {
		got := latency.Compare(a, c.b)
		if got.Real() != c.real {
			t.Errorf("%s: real = %v: difference %v, %v to %v, p = %v", c.name, got.Real(), got.Difference, got.Low, got.High, got.P)
		}
	}
}

// scipy 1.14.1: mannwhitneyu([1,2,3,4,5], [3,4,5,6,7,8], method='asymptotic') gives U = 4.5 and p = 0.066015431521231.
func TestMannWhitneyAgainstScipy(t *testing.T) {
	c := latency.Compare(latency.Of([]time.Duration{1, 2, 3, 4, 5}), latency.Of([]time.Duration{3, 4, 5, 6, 7, 8}))
	if math.Abs(c.P-0.066015431521231) > 1e-12 || math.Abs(c.Superior-(30-4.5)/30) > 1e-9 {
		t.Errorf("p = %.15f, superior = %.4f", c.P, c.Superior)
	}
}

func TestHolm(t *testing.T) {
	got := latency.Holm([]float64{0.01, 0.04, 0.03, 0.005})
	want := []float64{0.03, 0.06, 0.06, 0.02} // the example of Holm's method in R's p.adjust
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("got %v, want %v", got, want)
			break
		}
	}
	if len(latency.Holm(nil)) != 0 || latency.Holm([]float64{0.9, 0.8})[0] != 1 {
		t.Error("nothing, or more than one")
	}
}

// The interval holds the median and, for a normal population, the true one nearly always; one value has no width.
func TestMedianInterval(t *testing.T) {
	missed := 0
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 9))
		var ds []time.Duration
		for range 40 {
			ds = append(ds, time.Duration(1e6*(10+rng.NormFloat64())))
		}
		d := latency.Of(ds)
		low, high := latency.MedianInterval(d)
		if low > d.Median() || high < d.Median() {
			t.Fatalf("%v to %v does not hold the median %v", low, high, d.Median())
		}
		if low > 10*time.Millisecond || high < 10*time.Millisecond {
			missed++
		}
	}
	if missed > 12 { // 5 of 100 are expected; the seeds are fixed
		t.Errorf("%d of 100 intervals missed the true median", missed)
	}
	if low, high := latency.MedianInterval(latency.Of([]time.Duration{7})); low != 7 || high != 7 {
		t.Errorf("of one value: %v to %v", low, high)
	}
}

// A factor that adds a millisecond under circumstances that differ by far more is found when they are compared pair by pair, and shows less in one heap.
func TestCompareStrata(t *testing.T) {
	const ms = time.Millisecond
	var as, bs, same []latency.Distribution
	var allA, allB []time.Duration
	for i, about := range []time.Duration{10 * ms, 100 * ms, 300 * ms} {
		as, bs, same = append(as, normal(uint64(i), 20, about, ms)), append(bs, normal(uint64(10+i), 20, about+2*ms, ms)), append(same, normal(uint64(20+i), 20, about, ms))
		allA, allB = append(allA, as[i].Values()...), append(allB, bs[i].Values()...)
	}
	if c := latency.CompareStrata(as, bs); !c.Real() || c.Difference < ms || c.Difference > 3*ms {
		t.Errorf("not found: %+v", c)
	}
	if c := latency.CompareStrata(as, same); c.Real() {
		t.Errorf("found where there is none: %+v", c)
	}
	if heap, pairs := latency.Compare(latency.Of(allA), latency.Of(allB)), latency.CompareStrata(as, bs); heap.P < 1000*pairs.P {
		t.Errorf("one heap shows it as well: p = %g, in pairs %g", heap.P, pairs.P)
	}
	if c := latency.CompareStrata(append(as, latency.Of(nil)), append(bs, normal(1, 5, ms, ms))); !c.Real() {
		t.Errorf("an empty sample counts: %+v", c)
	}
}
