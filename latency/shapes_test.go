package latency_test

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"anthill/latency"
)

// shape is a load test on a platform with execution environments, of which the truth is known.
type shape struct {
	name  string
	users int
	spawn float64 // a second
	think time.Duration
	runs  time.Duration
	ready int // environments that are there when it begins
	// keep is how long an idle environment lives; 0 means for ever.
	keep time.Duration
	warm func(*rand.Rand) time.Duration
	cold func(*rand.Rand) time.Duration // what a cold start adds; nil for none

	most float64 // the largest share in the wrong class that is borne, over all seeds
	none bool    // nothing may be called cold in most of the seeds
}

// event is a user who sends at an instant.
type event struct {
	at   time.Duration
	user int
}

type queue []event

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at < q[j].at }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(event)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// play simulates the test.
func (s shape) play(rng *rand.Rand) []latency.Response {
	start := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	var q queue
	for u := range s.users {
		heap.Push(&q, event{time.Duration(math.Floor(float64(u)/s.spawn)) * time.Second, u})
	}
	free := make([]time.Duration, s.ready) // when each environment became idle, or will
	var rs []latency.Response
	for len(q) > 0 {
		e := heap.Pop(&q).(event)
		if e.at > s.runs {
			continue
		}
		with := -1
		for i, at := range free {
			if at <= e.at && (s.keep == 0 || e.at-at <= s.keep) && (with < 0 || at > free[with]) {
				with = i
			}
		}
		took, how := s.warm(rng), latency.Warm
		if with < 0 {
			free = append(free, 0)
			with = len(free) - 1
			if s.cold != nil {
				took, how = took+s.cold(rng), latency.Cold
			}
		}
		free[with] = e.at + took
		rs = append(rs, latency.Response{At: start.Add(e.at + took), Latency: took, Status: 200, Start: how})
		heap.Push(&q, event{e.at + took + time.Duration((0.8+0.4*rng.Float64())*float64(s.think)), e.user})
	}
	return rs
}

// about is a log-normal time with a median and a deviation of its logarithm.
func about(median time.Duration, deviation float64) func(*rand.Rand) time.Duration {
	return func(rng *rand.Rand) time.Duration {
		return time.Duration(float64(median) * math.Exp(deviation*rng.NormFloat64()))
	}
}

// strays adds, to a share of the times, a time between low and high, evenly on a logarithmic scale.
func strays(of func(*rand.Rand) time.Duration, share float64, low, high time.Duration) func(*rand.Rand) time.Duration {
	return func(rng *rand.Rand) time.Duration {
		d := of(rng)
		if rng.Float64() < share {
			d += time.Duration(float64(low) * math.Exp(rng.Float64()*math.Log(float64(high)/float64(low))))
		}
		return d
	}
}

// Loads of many shapes, each with several seeds: the share of responses that the estimate puts into the wrong class, printed with -v.
// "slow warm requests among the cold" is what once hid all ten cold starts of a run on a busy machine: a cut between two groups with one common
// deviation finds none there.
func TestEstimateOnManyShapes(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	for _, sh := range []shape{
		{name: "the course's run", users: 10, spawn: 5, think: 4 * s, runs: 60 * s, warm: about(272*ms, 0.05), cold: about(2100*ms, 0.25), most: 0},
		{name: "ten of a thousand, far apart", users: 10, spawn: 5, think: 500 * ms, runs: 60 * s, warm: about(ms, 0.2), cold: about(300*ms, 0.1), most: 0},
		{name: "slow warm requests among the cold", users: 10, spawn: 10, think: 500 * ms, runs: 60 * s, warm: strays(about(ms, 0.25), 0.02, 3*ms, 60*ms), cold: about(25*ms, 0.15), most: 0.01},
		{name: "many slow warm requests among the cold", users: 10, spawn: 10, think: 500 * ms, runs: 60 * s, warm: strays(about(ms, 0.25), 0.08, 3*ms, 60*ms), cold: about(25*ms, 0.15), most: 0.02},
		{name: "cold starts near the warm", users: 20, spawn: 20, think: 500 * ms, runs: 60 * s, warm: about(20*ms, 0.1), cold: about(20*ms, 0.1), most: 0.001},
		{name: "a warm group with a long tail", users: 10, spawn: 5, think: s, runs: 60 * s, warm: about(20*ms, 0.5), cold: about(900*ms, 0.2), most: 0.002},
		{name: "two kinds of cold start", users: 30, spawn: 5, think: s, runs: 60 * s, warm: about(5*ms, 0.2), most: 0.002, cold: func(rng *rand.Rand) time.Duration {
			if rng.IntN(2) == 0 {
				return about(40*ms, 0.1)(rng)
			}
			return about(400*ms, 0.1)(rng)
		}},
		{name: "environments that expire", users: 5, spawn: 5, think: 20 * s, runs: 900 * s, keep: 18 * s, warm: about(10*ms, 0.2), cold: about(250*ms, 0.2), most: 0.002},
		{name: "mostly cold", users: 5, spawn: 5, think: 20 * s, runs: 900 * s, keep: 16500 * ms, warm: about(10*ms, 0.2), cold: about(250*ms, 0.2), most: 0.002},
		{name: "some were warm before", users: 20, spawn: 20, think: s, runs: 60 * s, ready: 10, warm: about(30*ms, 0.2), cold: about(500*ms, 0.2), most: 0},
		{name: "one cold start of many", users: 1, spawn: 1, think: 50 * ms, runs: 60 * s, warm: about(2*ms, 0.1), cold: about(600*ms, 0.1), most: 0},
		{name: "few requests", users: 4, spawn: 4, think: 2 * s, runs: 12 * s, warm: about(200*ms, 0.1), cold: about(1500*ms, 0.1), most: 0},
		{name: "no cold start", users: 10, spawn: 5, think: s, runs: 60 * s, ready: 10, warm: about(20*ms, 0.2), cold: about(s, 0.1), none: true},
		{name: "no cold start, a long tail", users: 10, spawn: 5, think: s, runs: 60 * s, ready: 10, warm: about(20*ms, 0.7), cold: about(s, 0.1), none: true},
		{name: "no cold start, slow strays", users: 10, spawn: 5, think: s, runs: 60 * s, ready: 10, warm: strays(about(2*ms, 0.2), 0.03, 3*ms, 100*ms), cold: about(s, 0.1), none: true},
		{name: "no cold start, exponential", users: 10, spawn: 5, think: s, runs: 60 * s, ready: 10, cold: about(s, 0.1), none: true,
			warm: func(rng *rand.Rand) time.Duration { return 5*ms + time.Duration(rng.ExpFloat64()*float64(20*ms)) }},
		{name: "no cold start, a machine at its limit", users: 10, spawn: 10, think: 100 * ms, runs: 12 * s, ready: 10, cold: about(s, 0.1), none: true,
			warm: func(rng *rand.Rand) time.Duration {
				if rng.IntN(3) == 0 {
					return about(6*ms, 0.9)(rng)
				}
				return about(1100*time.Microsecond, 0.35)(rng)
			}},
		{name: "cold starts that cost nothing", users: 10, spawn: 5, think: s, runs: 60 * s, warm: about(20*ms, 0.2), none: true},
	} {
		const seeds = 3
		n, wrong, missed, cold, called, found := 0, 0, 0, 0, 0, 0
		for seed := range uint64(seeds) {
			rs := sh.play(rand.New(rand.NewPCG(seed, 11)))
			split, ok := latency.EstimateSplit(rs)
			if ok {
				found++
			}
			for _, r := range split.Cold {
				if called++; !r.Start.IsCold() {
					wrong++
				}
			}
			for _, r := range split.Warm {
				if r.Start.IsCold() {
					wrong++
					missed++
				}
			}
			for _, r := range rs {
				if n++; r.Start.IsCold() {
					cold++
				}
			}
		}
		share := float64(wrong) / float64(n)
		t.Logf("%-40s %6d responses, %4d cold; %4d called cold, %3d missed, %3d warm ones called cold: %.3f %% in the wrong class", sh.name, n, cold, called, missed, wrong-missed, 100*share)
		if sh.none && found > 0 || !sh.none && share > sh.most {
			t.Errorf("%s: %.3f %% are in the wrong class; two groups were found with %d of %d seeds", sh.name, 100*share, found, seeds)
		}
	}
}
