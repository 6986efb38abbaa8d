package latency_test

import (
	"testing"
	"time"

	"anthill/latency"
)

// Whatever way an invocation went, its parts sum up to the time from its coming in to its outcome.
func TestPartsSumUp(t *testing.T) {
	whole := latency.Invocation{Start: latency.Cold, Arrived: 10, Queued: 20, SpawnBegin: 50, Spawned: 90, InitBegin: 200, InitEnd: 500, Sent: 510, Entered: 600, Returned: 900, Received: 950}
	for _, c := range []struct {
		name  string
		v     func() latency.Invocation
		parts int
	}{
		{"cold", func() latency.Invocation { return whole }, 8},
		{"of before the door's instant was kept", func() latency.Invocation { v := whole; v.Arrived = 0; return v }, 7},
		{"an init that failed", func() latency.Invocation {
			v := whole
			v.InitBegin, v.InitEnd, v.Entered, v.Returned = 0, 0, 0, 0
			return v
		}, 4},
		{"warm", func() latency.Invocation {
			v := whole
			v.Start, v.SpawnBegin, v.Spawned, v.InitBegin, v.InitEnd = latency.Warm, 0, 0, 0, 0
			return v
		}, 5},
		{"the first of an environment made ahead", func() latency.Invocation {
			v := whole
			v.Start, v.SpawnBegin, v.Spawned, v.InitBegin, v.InitEnd = latency.Proactive, 1, 2, 3, 8
			return v
		}, 5},
		{"restored", func() latency.Invocation { v := whole; v.Start = latency.Restored; return v }, 7},
		{"timed out in its handler", func() latency.Invocation { v := whole; v.Returned = 0; return v }, 7},
	} {
		v := c.v()
		var sum time.Duration
		for _, p := range v.Parts() {
			if p.Took < 0 {
				t.Errorf("%s: %s took %v", c.name, p.Phase, p.Took)
			}
			sum += p.Took
		}
		if sum != v.Total() || len(v.Parts()) != c.parts {
			t.Errorf("%s: %d parts of %v together, want %d of %v: %v", c.name, len(v.Parts()), sum, c.parts, v.Total(), v.Parts())
		}
	}
	if init := whole.Init(); init != 450 {
		t.Errorf("the init took %v", init)
	}
}
