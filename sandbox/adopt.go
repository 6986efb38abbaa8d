package sandbox

import (
	"context"
	"sync"
	"time"

	"anthill/fault"
)

// adoption is an invocation that an earlier platform began.
type adoption struct {
	done   chan struct{} // closed when result is there
	result *Result       // nil when the environment was lost after all
	taken  bool          // guarded by Pool.mu: somebody asked for it
}

// takeOver brings survivors into the pool. Each finds its own way: idle ones serve again at once, the others when their
// outcome has been taken or has been kept for long enough.
func (p *Pool) takeOver(survivors []Survivor) {
	var settling sync.WaitGroup
	for _, s := range survivors {
		m := newMember(s.ID, s.Spec, s.Environment, s.Created)
		m.booted, m.boots, m.busy, m.start = true, 1, true, Warm
		p.mu.Lock()
		p.mu.members[m.id] = m
		p.mu.Unlock()
		settling.Add(1)
		p.wg.Go(func() { p.settle(m, settling.Done) })
	}
	p.wg.Go(func() {
		settling.Wait()
		close(p.settled)
	})
}

// settle learns what a survivor does and follows it to its end.
func (p *Pool) settle(m *member, settled func()) {
	resumed, err := m.env.Resume(p.ctx)
	if err != nil {
		if !fault.Is(err, fault.Conflict) { // Conflict: it was starting, and had been handed nothing
			p.mu.Lock()
			p.mu.unsure = true
			p.mu.Unlock()
		}
		settled()
		p.discard(m)
		return
	}
	m.booted = !resumed.Ended
	if resumed.First {
		m.start = firstStart(&m.spec)
	}
	if resumed.RequestID == "" {
		settled()
		p.release(m)
		return
	}
	a := &adoption{done: make(chan struct{})}
	p.mu.Lock()
	p.mu.adoptions[resumed.RequestID] = a
	p.mu.found[resumed.RequestID] = true
	m.requestID = resumed.RequestID
	p.mu.Unlock()
	settled()

	inv := &Invocation{RequestID: resumed.RequestID}
	deadline := resumed.Deadline
	if deadline.IsZero() {
		deadline = time.Now().Add(m.spec.Timeout)
	}
	out, err := p.await(p.ctx, m, deadline)
	if err != nil {
		close(a.done)
		p.discard(m)
		return
	}
	phases := Phases{Queued: resumed.Sent, Sent: resumed.Sent, Deadline: deadline.UnixNano()}
	if phases.Sent == 0 {
		phases.Sent = out.Entered
	}
	if phases.Sent == 0 {
		phases.Sent = time.Now().UnixNano()
	}
	a.result = p.finish(m, inv, out, phases, 0)
	close(a.done)

	timer := time.NewTimer(p.c.AdoptWithin)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.ctx.Done():
	}
	p.mu.Lock()
	delete(p.mu.adoptions, resumed.RequestID)
	taken := a.taken
	p.mu.Unlock()
	if !taken {
		a.result.Release()
	}
}

// Adopt looks, after a restart, for the invocation of that id in the environments that survived: it waits for it when
// it still runs and gives its outcome. found is false when no environment knows of it.
func (p *Pool) Adopt(ctx context.Context, requestID string) (r *Result, found bool, err error) {
	const op = "sandbox.Adopt"
	a := p.adoptionOf(requestID)
	if a == nil {
		select {
		case <-p.settled:
		case <-ctx.Done():
			return nil, false, canceled(op, ctx)
		case <-p.ctx.Done():
			return nil, false, fault.In(op, errClosed())
		}
		if a = p.adoptionOf(requestID); a == nil {
			return nil, false, nil
		}
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		return nil, false, canceled(op, ctx)
	}
	if a.result == nil {
		return nil, false, nil
	}
	return a.result, true, nil
}

// firstStart is how an invocation came to its environment that was the first there.
func firstStart(s *Spec) Start {
	switch s.InitializationType {
	case "provisioned-concurrency":
		return Proactive
	case "snap-start":
		return Restored
	}
	return Cold
}

// NeverSent reports whether it is certain that no environment was ever handed the invocation, which was decided on at the
// instant since: after a restart it may then be sent without being run twice.
func (p *Pool) NeverSent(ctx context.Context, requestID string, since time.Time) bool {
	l, ok := p.c.Driver.(Ledger)
	if !ok {
		return false
	}
	select {
	case <-p.settled:
	case <-ctx.Done():
		return false
	case <-p.ctx.Done():
		return false
	}
	complete := l.Complete()
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.mu.unsure && !p.mu.found[requestID] && !complete.IsZero() && complete.Before(since) && !l.Ended(requestID)
}

func (p *Pool) adoptionOf(requestID string) *adoption {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.mu.adoptions[requestID]
	if a != nil {
		a.taken = true
	}
	return a
}

func canceled(op string, ctx context.Context) error {
	return &fault.Error{Kind: fault.Canceled, Op: op, Noun: "invocation", Err: ctx.Err()}
}
