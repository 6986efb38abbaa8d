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
