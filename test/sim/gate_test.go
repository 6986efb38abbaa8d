package sim_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"anthill/sandbox"
	"anthill/sandbox/sandboxtest"
)

var errDead = errors.New("this platform is dead")

// gate stands between a platform and the environments: what a platform does after its death does not reach them.
type gate struct {
	*sandboxtest.Driver
	dead *atomic.Bool
	sent *sendings
}

// sendings counts by request id how often an invocation was handed over.
type sendings struct {
	mu sync.Mutex
	n  map[string]int
}

func (s *sendings) add(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n[id]++
}

func (g *gate) Create(ctx context.Context, spec sandbox.Spec, id string) (sandbox.Environment, error) {
	if g.dead.Load() {
		return nil, errDead
	}
	e, err := g.Driver.Create(ctx, spec, id)
	return &gatedEnvironment{e, g}, err
}

func (g *gate) Survivors(ctx context.Context) ([]sandbox.Survivor, error) {
	all, err := g.Driver.Survivors(ctx)
	for i := range all {
		all[i].Environment = &gatedEnvironment{all[i].Environment, g}
	}
	return all, err
}

func (g *gate) Close() error {
	if g.dead.Load() {
		return nil
	}
	return g.Driver.Close()
}

type gatedEnvironment struct {
	sandbox.Environment
	g *gate
}

func (e *gatedEnvironment) Boot(ctx context.Context) (sandbox.Boot, error) {
	if e.g.dead.Load() {
		return sandbox.Boot{}, errDead
	}
	return e.Environment.Boot(ctx)
}

func (e *gatedEnvironment) Send(inv *sandbox.Invocation, deadline time.Time) error {
	if e.g.dead.Load() {
		return errDead
	}
	err := e.Environment.Send(inv, deadline)
	if err == nil {
		e.g.sent.add(inv.RequestID)
	}
	return err
}

func (e *gatedEnvironment) Wait(ctx context.Context, until time.Time) (sandbox.Outcome, error) {
	out, err := e.Environment.Wait(ctx, until)
	if err == nil && e.g.dead.Load() {
		<-ctx.Done()
		return sandbox.Outcome{}, errDead
	}
	return out, err
}

func (e *gatedEnvironment) Resume(ctx context.Context) (sandbox.Resumed, error) {
	if e.g.dead.Load() {
		return sandbox.Resumed{}, errDead
	}
	return e.Environment.Resume(ctx)
}

func (e *gatedEnvironment) Stop() {
	if !e.g.dead.Load() {
		e.Environment.Stop()
	}
}

func (e *gatedEnvironment) Close() error {
	if e.g.dead.Load() {
		return nil
	}
	return e.Environment.Close()
}
