package sandbox

import (
	"cmp"
	"slices"
	"time"
)

// life is how an environment came to be: the instants of its newest init.
type life struct {
	SpawnBegin, Spawned, InitBegin, InitEnd int64
	Method                                  string
	Start                                   Start
}

// keptLives is how many environments that are gone are remembered.
const keptLives = 10_000

// Info describes an environment that is alive, or was.
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

	// SpawnBegin to InitEnd are the instants of its newest init, as in Phases; Start and Method say how it was made.
	SpawnBegin, Spawned, InitBegin, InitEnd int64
	Start                                   Start
	Method                                  string
	InitializationType                      string    // "on-demand", "provisioned-concurrency" or "snap-start"
	Ended                                   time.Time `json:",omitzero"` // zero while it is alive
}

// Environments lists the environments that are alive, oldest first.
func (p *Pool) Environments() []Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Info, 0, len(p.mu.members))
	for _, m := range p.mu.members {
		all = append(all, m.infoLocked())
	}
	slices.SortFunc(all, func(a, b Info) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// Ended lists the environments of this pool that ended after an instant, in the order of their ends. The newest ten
// thousand are remembered.
func (p *Pool) Ended(after time.Time) []Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, _ := slices.BinarySearchFunc(p.mu.ended, after, func(e Info, t time.Time) int {
		if e.Ended.After(t) {
			return 1
		}
		return -1
	})
	return slices.Clone(p.mu.ended[i:])
}

// rememberLocked keeps what is known of m, which ends now. p.mu must be held.
func (p *Pool) rememberLocked(m *member) {
	if len(p.mu.ended) >= keptLives {
		p.mu.ended = append(p.mu.ended[:0], p.mu.ended[keptLives/10:]...)
	}
	e := m.infoLocked()
	e.Ended = time.Now()
	p.mu.ended = append(p.mu.ended, e)
	if p.c.Ended != nil {
		p.c.Ended(e)
	}
}

// infoLocked describes m. Pool.mu must be held.
func (m *member) infoLocked() Info {
	kind := m.spec.InitializationType
	if kind == "" {
		kind = "on-demand"
	}
	return Info{ID: m.id, Key: m.spec.Key, FunctionName: m.spec.FunctionName, Version: m.spec.Version,
		Runtime: runtimeVersion(m), LogStream: m.stream, PID: m.pid, Created: m.created, Busy: m.busy,
		RequestID: m.requestID, Since: m.since, Served: m.served, LastStart: m.lastStart, MemoryMB: m.memoryMB,
		SpawnBegin: m.life.SpawnBegin, Spawned: m.life.Spawned, InitBegin: m.life.InitBegin, InitEnd: m.life.InitEnd,
		Start: m.life.Start, Method: m.life.Method, InitializationType: kind}
}
