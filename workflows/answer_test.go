package workflows_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"anthill/fault"
)

// Many answer the same task while its execution is being written: one of them is acknowledged, the others learn that
// there is no such task any more.
func TestOneAnswerIsAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer func() { h.close() }()
		h.slow = time.Second
		h.kill(false)
		a, err := h.CreateActivity(home, "work", nil, nil)
		h.check(err)
		m := h.machine("activity", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"`+a.ARN+`","End":true}}}`)
		for n := range 5 {
			e := h.start(m, fmt.Sprint("e", n), `1`)
			task, err := h.Fetch(t.Context(), a.ARN, "worker")
			h.check(err)
			var mu sync.Mutex
			var wg sync.WaitGroup
			var acked []string
			for i := range 20 {
				wg.Go(func() {
					if i < 5 { // these keep the execution busy
						_ = h.SendHeartbeat(t.Context(), task.Token)
						return
					}
					said := fmt.Sprint(i)
					err := h.SendSuccess(t.Context(), task.Token, said)
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						acked = append(acked, said)
					} else if !fault.Is(err, fault.Timeout) {
						t.Errorf("an answer that came too late: %v", err)
					}
				})
			}
			wg.Wait()
			if len(acked) != 1 {
				t.Fatalf("%d answers were acknowledged: %v", len(acked), acked)
			}
			time.Sleep(time.Minute)
			h.wantEnd(e.ARN, "SUCCEEDED", acked[0])
		}
	})
}
