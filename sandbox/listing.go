package sandbox

import (
	"cmp"
	"slices"
	"time"
)

// Info describes an environment that is alive.
type Info struct {
	ID, Key               string
	FunctionName, Version string
	Runtime               string // as the driver names it
	LogStream             string
	PID                   int // of the runtime's process, 0 when none runs
	Created               time.Time
	Busy                  bool
	RequestID             string    // what it runs
	Since                 time.Time // since when it is busy or idle
	Served                int       // invocations
	LastStart             Start     // of its newest invocation
	MemoryMB              int       // the most it has used
}

// Environments lists the environments that are alive, oldest first.
func (p *Pool) Environments() []Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Info, 0, len(p.mu.members))
	for _, m := range p.mu.members {
		all = append(all, Info{ID: m.id, Key: m.spec.Key, FunctionName: m.spec.FunctionName, Version: m.spec.Version,
			Runtime: runtimeVersion(m), LogStream: m.stream, PID: m.pid, Created: m.created, Busy: m.busy,
			RequestID: m.requestID, Since: m.since, Served: m.served, LastStart: m.lastStart, MemoryMB: m.memoryMB})
	}
	slices.SortFunc(all, func(a, b Info) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return all
}
