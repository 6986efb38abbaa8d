package workflows_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"anthill/sandbox/sandboxtest"
)

// A machine with many ready tasks does not starve another: they take turns where tasks wait for one another.
func TestMachinesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		h := newHouse(t, map[string]sandboxtest.Func{"work": func(ctx context.Context, event []byte) ([]byte, error) {
			mu.Lock()
			order = append(order, strings.Trim(string(event), `"`))
			mu.Unlock()
			time.Sleep(time.Second)
			return event, nil
		}})
		defer func() { h.close() }()
		h.tasksAtOnce = 4
		h.kill(false)
		many, few := h.machine("many", chain("work")), h.machine("few", chain("work"))
		for i := range 200 {
			h.start(many, fmt.Sprint("m", i), `"many"`)
		}
		for i := range 4 {
			h.start(few, fmt.Sprint("f", i), `"few"`)
		}
		time.Sleep(10 * time.Minute)
		mu.Lock()
		defer mu.Unlock()
		last := 0
		for i, of := range order {
			if of == "few" {
				last = i
			}
		}
		// Four run when the few come; then each of them waits for one of the many.
		if len(order) != 204 || last > 4+2*4 {
			t.Errorf("%d tasks ran; the last of the few was the %dth", len(order), last+1)
		}
	})
}

// Whoever follows histories and stands still holds no execution up.
func TestASlowFollowerHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, map[string]sandboxtest.Func{"A": (&ledger{runs: map[string]int{}}).handler("A", time.Second)})
		defer func() { h.close() }()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			for range h.log.Follow(ctx, "execution/") {
				<-ctx.Done() // it has seen one event and looks at it for ever
			}
		})
		m := h.machine("chain", chain("A"))
		for i := range 50 {
			h.start(m, fmt.Sprint("e", i), `"-"`)
		}
		time.Sleep(5 * time.Second)
		for i := range 50 {
			h.wantEnd(strings.Replace(m.ARN, ":stateMachine:", ":execution:", 1)+fmt.Sprint(":e", i), "SUCCEEDED", `"-A"`)
		}
		cancel()
		wg.Wait()
	})
}
