package latency_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"anthill/latency"
)

func TestNearestRank(t *testing.T) {
	ten := make([]time.Duration, 0, 20)
	for i := 20; i >= 1; i-- {
		ten = append(ten, time.Duration(i))
	}
	d := latency.Of(ten)
	for p, want := range map[float64]time.Duration{0: 1, 5: 1, 5.1: 2, 50: 10, 95: 19, 95.1: 20, 99: 20, 100: 20} {
		if got := d.Percentile(p); got != want {
			t.Errorf("p%v of 1…20 is %d, want %d", p, got, want)
		}
	}
	if d.Mean() != 11 && d.Mean() != 10 { // 10.5, rounded
		t.Errorf("mean %d", d.Mean())
	}
	if z := latency.Of(nil); z.N() != 0 || z.Percentile(50) != 0 || z.Mean() != 0 {
		t.Error("an empty distribution is all zeros")
	}
}

// A percentile is a value of the sample, at least p percent are not above it, and less than p percent are below it.
func TestPercentileProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration { return time.Duration(rapid.IntRange(0, 50).Draw(t, "v")) }), 1, 200).Draw(t, "sample")
		p := float64(rapid.IntRange(1, 100).Draw(t, "p"))
		got := latency.Of(vs).Percentile(p)
		if !slices.Contains(vs, got) {
			t.Fatalf("p%v is %d, which was not observed", p, got)
		}
		below, notAbove := 0, 0
		for _, v := range vs {
			if v < got {
				below++
			}
			if v <= got {
				notAbove++
			}
		}
		if n := float64(len(vs)); float64(notAbove)*100 < p*n || float64(below)*100 >= p*n {
			t.Fatalf("p%v is %d: %d below and %d not above it of %d", p, got, below, notAbove, len(vs))
		}
	})
}

func TestSummaryJSON(t *testing.T) {
	b, err := json.Marshal(latency.Of([]time.Duration{1500 * time.Microsecond}))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"n":1,"mean_ms":1.5,"min_ms":1.5,"p5_ms":1.5,"p50_ms":1.5,"p95_ms":1.5,"p99_ms":1.5,"max_ms":1.5}`
	if string(b) != want {
		t.Errorf("got %s", b)
	}
}

// sample makes n responses about a latency, with some spread, from an instant on.
func sample(rng *rand.Rand, n int, about time.Duration, from time.Time) []latency.Response {
	rs := make([]latency.Response, n)
	for i := range rs {
		rs[i] = latency.Response{At: from.Add(time.Duration(i) * 100 * time.Millisecond), Status: 200,
			Latency: time.Duration(float64(about) * (1 + 0.1*rng.NormFloat64()))}
	}
	return rs
}

func TestEstimateSplit(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	late := start.Add(time.Minute)
	for _, c := range []struct {
		name       string
		cold, warm int
		coldAt     time.Duration
		ok         bool
	}{
		{"ten of a hundred", 10, 100, 600 * time.Millisecond, true},
		{"one of a thousand", 1, 1000, 600 * time.Millisecond, true},
		{"half of them", 50, 50, 20 * time.Millisecond, true},
		{"none", 0, 200, 0, false},
		{"too near to tell", 20, 200, 2200 * time.Microsecond, false},
		{"two requests", 1, 1, 600 * time.Millisecond, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, 7))
			rs := append(sample(rng, c.cold, c.coldAt, start), sample(rng, c.warm, 2*time.Millisecond, late)...)
			s, ok := latency.EstimateSplit(rs)
			if ok != c.ok {
				t.Fatalf("ok = %v: %s", ok, s.Method)
			}
			if ok && (len(s.Cold) != c.cold || len(s.Warm) != c.warm) {
				t.Errorf("%d cold and %d warm, want %d and %d: %s", len(s.Cold), len(s.Warm), c.cold, c.warm, s.Method)
			}
			if !ok && (len(s.Cold) != 0 || len(s.Warm) != len(rs)) {
				t.Errorf("without two groups all are warm; got %d cold", len(s.Cold))
			}
		})
	}
}

func TestExactSplit(t *testing.T) {
	rs := []latency.Response{{Start: latency.Cold}, {Start: latency.Warm}, {Start: latency.Proactive}, {Start: latency.Restored}, {Start: latency.Unknown}, {Start: latency.Warm}}
	s := latency.ExactSplit(rs)
	if len(s.Cold) != 2 || len(s.Warm) != 3 || len(s.Unknown) != 1 || len(s.ByStart[latency.Proactive]) != 1 || !s.Exact {
		t.Errorf("%+v", s)
	}
}
