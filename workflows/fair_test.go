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

// A machine with 10,000 ready tasks does not starve another, be they of as many executions or of one: machines take turns where
// tasks wait for one another.
func TestMachinesTakeTurns(t *testing.T) {
	const few, atOnce = 4, 4
	const iterations = 3_000 // as many as a history of 25,000 events holds
	executions := 10_000
	if testing.Short() {
		executions = 1_000
	}
	items := "[" + strings.TrimSuffix(strings.Repeat(`"many",`, iterations), ",") + "]"
	for name, c := range map[string]struct {
		definition, input string
		executions, tasks int
	}{
		"executions": {chain("work"), `"many"`, executions, executions},
		"iterations": {`{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": ` + chain("work") + `, "ResultPath": null, "End": true}}}`, items, 1, iterations},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				ran, last := 0, 0
				h := newHouse(t, map[string]sandboxtest.Func{"work": func(ctx context.Context, event []byte) ([]byte, error) {
					mu.Lock()
					if ran++; string(event) == `"few"` {
						last = ran
					}
					mu.Unlock()
					time.Sleep(time.Second)
					return []byte("1"), nil
				}})
				defer func() { h.close() }()
				h.tasksAtOnce = atOnce
				h.kill(false)
				crowded, other := h.machine("many", c.definition), h.machine("few", chain("work"))
				for i := range c.executions {
					h.start(crowded, fmt.Sprint("m", i), c.input)
				}
				for i := range few {
					h.start(other, fmt.Sprint("f", i), `"few"`)
				}
				time.Sleep(time.Duration(2*c.tasks/atOnce) * time.Second)
				mu.Lock()
				defer mu.Unlock()
				// As many run as can when the few come; then each of them waits for one of the many.
				if ran != c.tasks+few || last > atOnce+2*few {
					t.Errorf("%d tasks ran; the last of the few was the %dth", ran, last)
				}
			})
		})
	}
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
