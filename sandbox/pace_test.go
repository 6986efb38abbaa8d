package sandbox_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"anthill/sandbox"
	"anthill/sandbox/sandboxtest"
)

// crowded is a driver that says whether the machine has processors to spare.
type crowded struct {
	*sandboxtest.Driver
	spare bool
}

func (c crowded) Spare() bool { return c.spare }

// some is how many environments a small fan-out has at once.
const some = 8

// paced is a pool of a handler that takes as long as its event says, whose inits take a second. It has some environments, and
// each has served requests of 1 ms.
func paced(t *testing.T, spare bool) (*sandbox.Pool, *sandboxtest.Driver) {
	d := sandboxtest.NewWith(map[string]sandboxtest.Func{"h": func(_ context.Context, event []byte) ([]byte, error) {
		took, err := time.ParseDuration(string(event[1 : len(event)-1]))
		time.Sleep(took)
		return event, err
	}}, sandboxtest.Options{Init: func(context.Context, sandbox.Spec) error { time.Sleep(initTakes); return nil }})
	p := open(t, crowded{d, spare}, sandbox.Config{Lines: &transcript{}})
	for range 3 {
		var all []*sandbox.Result
		for range some {
			all = append(all, invoke(t, p, spec("h"), "first", `"1ms"`))
		}
		for _, r := range all {
			r.Release()
		}
	}
	return p, d
}

// at sends n requests at once and gives how long the last one took.
func at(t *testing.T, p *sandbox.Pool, n int, event string) time.Duration {
	begin := time.Now()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { invoke(t, p, spec("h"), fmt.Sprint(i), event).Release() })
	}
	wg.Wait()
	return time.Since(begin)
}

// Requests wait for a quick environment that is free before any other could be, and nothing is made for them.
func TestAQuickEnvironmentIsWorthWaitingFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, d := paced(t, false)
		defer closePool(t, p)
		if took := at(t, p, 20*some, `"1ms"`); took != 20*time.Millisecond {
			t.Errorf("%d requests of 1 ms took %s in %d environments", 20*some, took, some)
		}
		time.Sleep(2 * initTakes)
		if n := d.Len(); n != some {
			t.Errorf("%d environments, want %d", n, some)
		}
	})
}

// A line that processors are to spare for, or that has waited for long, gets more environments; and so does one whose
// environments are not quick any more.
func TestALineThatDoesNotGoOnGetsEnvironments(t *testing.T) {
	for _, c := range []struct {
		name  string
		spare bool
		event string
		n     int // requests at once
		least int // environments afterwards
	}{
		{"with a processor to spare", true, `"5ms"`, 10 * some, some + 1},
		{"after a long wait", false, `"1ms"`, 300 * some, some + 1},
		{"all of them stuck", false, `"3s"`, 2 * some, 2 * some},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, d := paced(t, c.spare)
				defer closePool(t, p)
				took := at(t, p, c.n, c.event)
				time.Sleep(10 * initTakes)
				if n := d.Len(); n < c.least || n > c.n {
					t.Errorf("%d environments, want %d to %d", n, c.least, c.n)
				}
				if most := 6 * time.Second; took > most {
					t.Errorf("the last request took %s", took)
				}
			})
		})
	}
}

// A small fan-out that comes again has an environment for each of its requests, however quick they are.
func TestASmallFanOutRunsSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := sandboxtest.NewWith(map[string]sandboxtest.Func{"h": func(_ context.Context, event []byte) ([]byte, error) {
			time.Sleep(time.Millisecond)
			return event, nil
		}}, sandboxtest.Options{Init: func(context.Context, sandbox.Spec) error { time.Sleep(initTakes); return nil }})
		p := open(t, crowded{d, false}, sandbox.Config{Lines: &transcript{}})
		defer closePool(t, p)
		for range 3 {
			invoke(t, p, spec("h"), "first", `"x"`).Release()
		}
		for range some {
			at(t, p, 5, `"x"`)
			time.Sleep(2 * initTakes)
		}
		if took := at(t, p, 5, `"x"`); took != time.Millisecond {
			t.Errorf("5 requests of 1 ms took %s in %d environments", took, d.Len())
		}
	})
}

// What is dropped while requests wait for it serves nobody any more: they get environments of their own.
func TestALineWhoseEnvironmentIsDroppedGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := paced(t, false)
		defer closePool(t, p)
		var wg sync.WaitGroup
		for i := range 2 * some {
			wg.Go(func() { invoke(t, p, spec("h"), fmt.Sprint(i), `"10ms"`).Release() })
		}
		synctest.Wait()
		p.Drop(spec("h").Key)
		wg.Wait()
	})
}

// Of requests to a handler that takes next to no time no more run at once than keep the processors busy, though environments
// are idle; those whose outcomes will be held do, and those that wait behind handlers that take longer after all are let go soon.
func TestTinyHandlersShareTheProcessors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, d := paced(t, false)
		defer closePool(t, p)
		n := 4 * sandbox.Enough()
		var held []*sandbox.Result
		for range n {
			held = append(held, invoke(t, p, spec("h"), "held", `"1ms"`))
		}
		for _, r := range held {
			r.Release()
		}
		for range 50 {
			invoke(t, p, spec("h"), "x", `"50us"`).Release()
		}
		if d.Len() != n {
			t.Fatalf("%d environments, want %d", d.Len(), n)
		}
		if took := at(t, p, n, `"50us"`); took != 4*50*time.Microsecond {
			t.Errorf("%d requests of 50 µs took %s", n, took)
		}
		began := time.Now()
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				r, err := p.Invoke(t.Context(), spec("h"), sandbox.Invocation{RequestID: fmt.Sprint(i), Payload: []byte(`"50us"`), Keep: true})
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Second)
				r.Release()
			})
		}
		wg.Wait()
		if took := time.Since(began); took != time.Second+50*time.Microsecond {
			t.Errorf("%d requests whose outcomes are held for a second took %s", n, took)
		}
		if took := at(t, p, n, `"1s"`); took > time.Second+20*time.Millisecond {
			t.Errorf("%d requests of a second took %s", n, took)
		}
	})
}
