package sandbox_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"anthill/sandbox"
	"anthill/sandbox/sandboxtest"
)

// An environment is frozen once it has been idle for long enough, and not while invocations come close together. The
// driver panics when one that is frozen gets an invocation, or one that runs is frozen.
func TestFreeze(t *testing.T) {
	for name, c := range map[string]struct {
		after, pause time.Duration
		want         int // of ten pauses between eleven invocations
	}{
		"by itself after 100 ms": {0, 150 * time.Millisecond, 10},
		"close together":         {0, 50 * time.Millisecond, 0},
		"at once":                {time.Nanosecond, time.Millisecond, 10},
		"never":                  {-1, time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := sandboxtest.New(map[string]sandboxtest.Func{"f": func(context.Context, []byte) ([]byte, error) {
					time.Sleep(time.Second)
					return []byte("1"), nil
				}})
				p := open(t, d, sandbox.Config{FreezeAfter: c.after, KeepAlive: -1})
				defer closePool(t, p)
				for n := range 11 {
					if n > 0 {
						time.Sleep(c.pause)
						synctest.Wait()
					}
					r, err := p.Invoke(t.Context(), spec("f"), sandbox.Invocation{RequestID: "r"})
					if err != nil {
						t.Fatal(err)
					}
					r.Release()
				}
				if got := d.Freezes(); got != c.want {
					t.Errorf("frozen %d times, want %d", got, c.want)
				}
			})
		})
	}
}

// Whatever the load, every invocation is served by an environment that runs.
func TestFreezeUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := sandboxtest.New(map[string]sandboxtest.Func{"f": func(context.Context, []byte) ([]byte, error) {
			time.Sleep(rand.N(20 * time.Millisecond))
			return []byte("1"), nil
		}})
		p := open(t, d, sandbox.Config{FreezeAfter: 5 * time.Millisecond, KeepAlive: time.Second, MaxEnvironments: 4})
		defer closePool(t, p)
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				for range 300 {
					time.Sleep(rand.N(30 * time.Millisecond))
					r, err := p.Invoke(t.Context(), spec("f"), sandbox.Invocation{RequestID: "r"})
					if err != nil || r.FunctionError != "" {
						t.Errorf("%v %+v", err, r)
						return
					}
					r.Release()
				}
			})
		}
		wg.Wait()
		if d.Freezes() == 0 {
			t.Error("nothing was frozen")
		}
	})
}
