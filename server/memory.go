package server

import (
	"context"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"
)

// After a burst the runtime of Go keeps the memory that the burst took: nothing allocates any more, so nothing is collected
// for minutes, and what is free goes back to the system slowly. Somebody has to look.
const (
	lookAtMemory = 5 * time.Second
	quietBelow   = 4 << 20 // bytes allocated between two looks, below which the platform is quiet
	slackAbove   = 8 << 20 // bytes of garbage and free pages that are worth a collection
)

// memory is what the heap held at a look.
type memory struct {
	allocated uint64 // since the process began
	objects   uint64 // alive, or garbage that was not collected yet
	live      uint64 // alive at the last collection
	free      uint64 // pages that hold nothing and were not given back
}

func readMemory() memory {
	s := []runtimemetrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	runtimemetrics.Read(s)
	return memory{s[0].Value.Uint64(), s[1].Value.Uint64(), s[2].Value.Uint64(), s[3].Value.Uint64()}
}

// slack reports whether the platform has been quiet since before and holds much that nobody uses.
func (m memory) slack(before memory) bool {
	garbage := m.objects - min(m.live, m.objects)
	return m.allocated-before.allocated < quietBelow && garbage+m.free > slackAbove
}

// giveBack returns to the system, when the platform has become quiet, the memory that it does not use, until ctx ends.
func giveBack(ctx context.Context) {
	tick := time.NewTicker(lookAtMemory)
	defer tick.Stop()
	for before := readMemory(); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := readMemory()
		if now.slack(before) {
			debug.FreeOSMemory()
			now = readMemory()
		}
		before = now
	}
}
