package sandbox_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"anthill/sandbox"
	"anthill/sandbox/sandboxtest"
)

const (
	initTakes   = time.Second
	handlerTime = 100 * time.Millisecond
)

// burst is a pool whose inits take a second and whose handler a tenth of one.
func burst(t *testing.T, log *transcript, c sandbox.Config, o sandboxtest.Options) (*sandbox.Pool, *sandboxtest.Driver) {
	if o.Init == nil {
		o.Init = func(context.Context, sandbox.Spec) error { time.Sleep(initTakes); return nil }
	}
	d := sandboxtest.NewWith(map[string]sandboxtest.Func{"h": func(_ context.Context, event []byte) ([]byte, error) {
		time.Sleep(handlerTime)
		return event, nil
	}}, o)
	c.Lines = log
	return open(t, d, c), d
}

// together sends n requests one after another at the same instant and gives their results in that order.
func together(t *testing.T, p *sandbox.Pool, n int) []*sandbox.Result {
	results := make([]*sandbox.Result, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			r, err := p.Invoke(t.Context(), spec("h"), sandbox.Invocation{RequestID: fmt.Sprint("r", i), Payload: fmt.Append(nil, i)})
			if err != nil {
				t.Error(err)
				return
			}
			r.Release()
			results[i] = r
		})
		synctest.Wait()
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return results
}

func starts(results []*sandbox.Result) string {
	var all []string
	for _, r := range results {
		all = append(all, string(r.Start))
	}
	return strings.Join(all, " ")
}

func inits(log *transcript) int { return strings.Count(strings.Join(log.take(), "\n"), "INIT_START") }

// What is free first serves the one that has waited longest, and what was made for it becomes idle.
func TestAReleasedEnvironmentServesTheLongestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &transcript{}
		p, d := burst(t, log, sandbox.Config{}, sandboxtest.Options{})
		defer closePool(t, p)
		together(t, p, 1)
		begin := time.Now()
		results := together(t, p, 3)
		if got := starts(results); got != "warm warm warm" {
			t.Errorf("starts: %s", got)
		}
		for i, r := range results {
			if got, want := time.Unix(0, r.Phases.Received).Sub(begin), time.Duration(i+1)*handlerTime; got != want {
				t.Errorf("request %d was answered after %s, want %s", i, got, want)
			}
		}
		time.Sleep(2 * initTakes)
		if n := d.Len(); n != 3 {
			t.Errorf("%d environments, want 3: as many as there were requests at once", n)
		}
		if n := inits(log); n != 3 {
			t.Errorf("%d lines INIT_START, want 3", n)
		}
		if got := starts(together(t, p, 3)); strings.Count(got, "proactive") != 2 || strings.Count(got, "warm") != 1 {
			t.Errorf("afterwards: %s, want two environments that were initialised ahead of time", got)
		}
	})
}

// Of inits that may not run at once, those that nobody needs any more do not begin.
func TestInitsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &transcript{}
		p, d := burst(t, log, sandbox.Config{Inits: 1}, sandboxtest.Options{})
		defer closePool(t, p)
		if got := starts(together(t, p, 8)); got != "cold warm warm warm warm warm warm warm" {
			t.Errorf("starts: %s", got)
		}
		time.Sleep(2 * initTakes)
		if n := d.Len(); n != 2 {
			t.Errorf("%d environments, want 2: the second was begun when the first was ready and others waited", n)
		}
	})
}

// spacious is a driver that says that the machine has processors to spare.
type spacious struct{ *sandboxtest.Driver }

func (spacious) Spare() bool { return true }

// Inits that only sleep do not hold each other up.
func TestInitsRunAtOnceWhileAProcessorIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idle, d := burst(t, &transcript{}, sandbox.Config{}, sandboxtest.Options{})
		defer closePool(t, idle)
		p := open(t, spacious{d}, sandbox.Config{Inits: 1})
		defer closePool(t, p)
		begin := time.Now()
		if got := starts(together(t, p, 10)); got != strings.TrimSpace(strings.Repeat("cold ", 10)) {
			t.Errorf("starts: %s", got)
		}
		if took := time.Since(begin); took > 2*initTakes {
			t.Errorf("ten took %s", took)
		}
	})
}

// A request that is served by what was begun for another has waited for its init, and says for how much of it.
func TestColdIsWhatWaitedForAnInit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		slower := sandboxtest.Options{Init: func(context.Context, sandbox.Spec) error {
			time.Sleep(time.Duration(n.Add(1)) * initTakes)
			return nil
		}}
		p, _ := burst(t, &transcript{}, sandbox.Config{}, slower)
		defer closePool(t, p)
		var wg sync.WaitGroup
		for i := range 3 { // inits end after 1 s, 2.5 s and 4 s
			wg.Go(func() {
				r := invoke(t, p, spec("h"), fmt.Sprint(i), "1")
				defer r.Release()
				want := []sandbox.Start{sandbox.Cold, sandbox.Warm, sandbox.Warm}[i]
				if ph := r.Phases; r.Start != want || r.Start == sandbox.Cold && ph.SpawnBegin < ph.Queued {
					t.Errorf("request %d: %s, %+v; want %s", i, r.Start, ph, want)
				}
			})
			time.Sleep(initTakes / 2)
		}
		wg.Wait()
	})
}

// Whatever arrives, ends, fails and is dropped in whatever order: every request is answered once, with its own answer, by an
// environment that serves it alone, and its instants are in order.
func TestBurstsLoseNothing(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			log := &transcript{}
			var mu sync.Mutex
			pause := func(most int) time.Duration {
				mu.Lock()
				defer mu.Unlock()
				return time.Duration(rnd.IntN(most)) * time.Millisecond
			}
			p, _ := burst(t, log, sandbox.Config{Inits: int(seed % 4), MaxEnvironments: 3 + int(seed%20)}, sandboxtest.Options{
				Init: func(context.Context, sandbox.Spec) error {
					d := pause(1000)
					time.Sleep(d)
					if d%(7*time.Millisecond) == 0 {
						return &sandboxtest.Error{Type: "ValueError", Message: "no"}
					}
					return nil
				}})
			defer closePool(t, p)
			var serving sync.Map
			var cold atomic.Int32
			var wg sync.WaitGroup
			for i := range 60 {
				wg.Go(func() {
					want := fmt.Sprint(i)
					r, err := p.Invoke(t.Context(), spec("h"), sandbox.Invocation{RequestID: want, Payload: []byte(want), ForceCold: i%13 == 5})
					if err != nil {
						t.Error(err)
						return
					}
					if _, both := serving.LoadOrStore(r.EnvironmentID, i); both {
						t.Errorf("%s serves two at once", r.EnvironmentID)
					}
					if r.FunctionError == "" && string(r.Payload) != want {
						t.Errorf("request %s got %s", want, r.Payload)
					}
					if r.Start == sandbox.Cold {
						if r.InitDuration > 0 {
							cold.Add(1) // one init is of one request
						}
						// An init after a failed one is part of the invocation: it begins after Sent.
						if ph := r.Phases; ph.Queued > ph.SpawnBegin || ph.SpawnBegin > ph.InitEnd || r.InitDuration > 0 && ph.InitEnd > ph.Sent || ph.Sent > ph.Received {
							t.Errorf("request %s: %+v", want, ph)
						}
					}
					time.Sleep(pause(50))
					serving.Delete(r.EnvironmentID)
					r.Release()
				})
				if i == 30 {
					p.Drop(spec("h").Key)
				}
				time.Sleep(pause(40))
			}
			wg.Wait()
			time.Sleep(time.Minute)
			text := strings.Join(log.take(), "\n")
			if n := strings.Count(text, "INIT_START"); int(cold.Load()) > n {
				t.Errorf("%d cold starts of %d inits", cold.Load(), n)
			}
			if n := strings.Count(text, "REPORT RequestId"); n != 60 {
				t.Errorf("%d reports of 60 requests", n)
			}
			for _, e := range p.Environments() {
				if e.Busy {
					t.Errorf("%s is still busy", e.ID)
				}
			}
		})
	}
}
