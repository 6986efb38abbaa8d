package sandbox

import (
	"context"
	"sync/atomic"
	"time"

	"anthill/fault"
)

// maxResponse is AWS's limit for a synchronous response: 6 MiB and 100 bytes.
const maxResponse = 6*1024*1024 + 100

// flushEvery is how often the output of a long invocation is passed on.
const flushEvery = time.Second

// Invoke runs inv in an environment of spec. The error is only ever our own trouble or ctx's end. When ctx ends, an
// invocation that has begun runs on and nobody learns its outcome, as on AWS.
func (p *Pool) Invoke(ctx context.Context, spec Spec, inv Invocation) (*Result, error) {
	const op = "sandbox.Invoke"
	phases := Phases{Queued: time.Now().UnixNano()}
	if inv.ForceCold {
		spec.Method = inv.Method
	}
	m, w, err := p.take(ctx, &spec, inv.ForceCold, inv.Keep)
	if err != nil {
		return nil, fault.In(op, err)
	}
	if w != nil {
		select {
		case a := <-w.ready:
			if m = a.m; a.err != nil {
				return nil, fault.In(op, a.err)
			}
		case <-p.ctx.Done():
			return nil, fault.In(op, errClosed())
		case <-ctx.Done(): // it has begun, and nobody will learn its outcome
			r, err := p.detached(ctx, func() (*Result, error) { return p.serveNext(w, &inv, phases) })
			return r, fault.In(op, err)
		}
	}
	p.begin(m, &inv)
	if m.booted && !m.fresh {
		r, err := p.serveWarm(ctx, m, &inv, phases)
		return r, fault.In(op, err)
	}
	r, err := p.detached(ctx, func() (*Result, error) { return p.serveCold(m, &inv, phases) })
	return r, fault.In(op, err)
}

func (p *Pool) begin(m *member, inv *Invocation) {
	p.mu.Lock()
	m.requestID = inv.RequestID
	m.since = time.Now()
	p.mu.Unlock()
	if !m.fresh { // the log of an init belongs to the request that waited for it
		m.tail = m.tail[:0]
	}
}

// serveNext runs inv in the environment that comes for w.
func (p *Pool) serveNext(w *waiter, inv *Invocation, phases Phases) (*Result, error) {
	m, err := p.arrivalOf(w)
	if err != nil {
		return nil, err
	}
	p.begin(m, inv)
	if m.booted && !m.fresh {
		return p.serveWarm(p.ctx, m, inv, phases)
	}
	return p.serveCold(m, inv, phases)
}

// serveWarm hands inv to a running environment, on the caller's goroutine.
func (p *Pool) serveWarm(ctx context.Context, m *member, inv *Invocation, phases Phases) (*Result, error) {
	m.thaw()
	m.flush(p) // what was printed since the last invocation comes before START
	if m.start == Proactive {
		phases.init(&m.boot)
		if m.boot.InitEnd > phases.Queued { // it was made ahead of time, but not early enough
			phases.waited()
			m.start = Cold
		}
	}
	now := time.Now()
	deadline := now.Add(m.spec.Timeout)
	phases.Sent, phases.Deadline = now.UnixNano(), deadline.UnixNano()
	m.line(now, startLine(m, inv))
	if err := m.env.Send(inv, deadline); err != nil {
		return p.serveAnew(ctx, m, inv, phases)
	}
	out, err := p.await(ctx, m, deadline)
	if err == nil && out.Untaken {
		return p.serveAnew(ctx, m, inv, phases)
	}
	if err != nil {
		so := phases // a copy for those who need it later: the others' stay where they are
		return p.detached(ctx, func() (*Result, error) {
			out, err := p.await(p.ctx, m, deadline)
			if err != nil {
				return nil, err
			}
			return p.finish(m, inv, out, so, 0), nil
		})
	}
	return p.finish(m, inv, out, phases, 0), nil
}

// serveAnew runs inv in an environment that died while it was idle, or after its last answer. AWS starts anew in the same
// environment; the caller never hears of it.
func (p *Pool) serveAnew(ctx context.Context, m *member, inv *Invocation, phases Phases) (*Result, error) {
	m.env.Stop() // it may be about to end only
	m.booted = false
	m.lines, m.tail = m.lines[:0], m.tail[:0]
	return p.detached(ctx, func() (*Result, error) { return p.serveCold(m, inv, phases) })
}

// detached runs serve on a goroutine of the pool and waits for it as long as ctx lasts. A result that nobody waits for
// is released.
func (p *Pool) detached(ctx context.Context, serve func() (*Result, error)) (*Result, error) {
	type answer struct {
		r   *Result
		err error
	}
	done := make(chan answer, 1)
	var abandoned atomic.Bool
	p.mu.Lock()
	if p.mu.closed {
		p.mu.Unlock()
		return nil, errClosed()
	}
	p.wg.Go(func() {
		r, err := serve()
		if !abandoned.CompareAndSwap(false, true) {
			if r != nil {
				r.Release()
			}
			return
		}
		done <- answer{r, err}
	})
	p.mu.Unlock()
	select {
	case a := <-done:
		return a.r, a.err
	case <-ctx.Done():
		if abandoned.CompareAndSwap(false, true) {
			return nil, &fault.Error{Kind: fault.Canceled, Noun: "invocation", Err: ctx.Err()}
		}
		a := <-done
		return a.r, a.err
	}
}

// serveCold runs the init phase, then the invocation. An init that fails or takes too long is repeated once, as part of
// the invocation and under its timeout (AWS: "suppressed init").
func (p *Pool) serveCold(m *member, inv *Invocation, phases Phases) (*Result, error) {
	if m.boots == 0 {
		if err := p.firstBoot(m, nil); err != nil {
			p.discard(m)
			return nil, err
		}
	}
	var initDuration time.Duration
	if m.fresh {
		m.fresh = false
		phases.init(&m.boot)
		phases.waited()
		if m.unrestored() {
			return p.refuse(m, inv, phases), nil
		}
		if m.booted {
			initDuration = time.Duration(m.boot.InitEnd - m.boot.SpawnBegin)
		}
	}
	now := time.Now()
	deadline := now.Add(m.spec.Timeout)
	phases.Sent, phases.Deadline = now.UnixNano(), deadline.UnixNano()
	if !m.booted {
		boot, err := p.bootWithin(m, m.spec.Timeout, nil)
		if err != nil {
			p.discard(m)
			return nil, err
		}
		if phases.SpawnBegin == 0 {
			phases.init(&boot)
		}
		m.start = boot.Start
		if m.unrestored() {
			return p.refuse(m, inv, phases), nil
		}
		m.initDone(boot, "invoke", m.spec.Timeout)
		if boot.Kind != Answered {
			m.line(time.Now(), startLine(m, inv))
			return p.finish(m, inv, boot.Outcome, phases, 0), nil
		}
	}
	m.line(time.Now(), startLine(m, inv))
	if initDuration > 0 { // the invocation's time begins when its init has ended
		now = time.Now()
		deadline = now.Add(m.spec.Timeout)
		phases.Sent, phases.Deadline = now.UnixNano(), deadline.UnixNano()
	}
	if err := m.env.Send(inv, deadline); err != nil {
		out, werr := p.await(p.ctx, m, deadline) // it ended right after its init: Wait knows how
		if werr != nil {
			p.discard(m)
			return nil, err
		}
		return p.finish(m, inv, out, phases, initDuration), nil
	}
	out, err := p.await(p.ctx, m, deadline)
	if err != nil {
		return nil, err
	}
	return p.finish(m, inv, out, phases, initDuration), nil
}

// firstBoot runs the init phase of a new environment. leave is as of bootWithin.
func (p *Pool) firstBoot(m *member, leave func()) error {
	limit := p.c.InitLimit
	if m.spec.InitializationType == SnapStart {
		limit = max(limit, SnapshotLimit(&m.spec)) // its snapshot may have to be taken again
	}
	boot, err := p.bootWithin(m, limit, leave)
	if err != nil {
		return err
	}
	m.fresh, m.start = true, boot.Start
	m.initDone(boot, "init", limit)
	return nil
}

// bootWithin runs one init phase and passes its output on. On failure nothing of the runtime is left running. leave gives
// back the place at the gate that the caller has; nil means that it has none.
func (p *Pool) bootWithin(m *member, limit time.Duration, leave func()) (Boot, error) {
	if leave == nil {
		var err error
		if leave, err = p.gate.enter(p.ctx); err != nil {
			return Boot{}, errClosed()
		}
		defer leave()
	}
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	m.boots++
	spawn := time.Now().UnixNano()
	boot, err := m.env.Boot(ctx)
	leave()
	if err != nil {
		return Boot{}, err
	}
	if boot.SpawnBegin == 0 {
		boot.SpawnBegin = spawn
	}
	if boot.InitEnd == 0 {
		boot.InitEnd = time.Now().UnixNano()
	}
	first := m.boots == 1
	m.boot = boot
	if first {
		m.line(time.Unix(0, spawn), m.beginLine())
	}
	m.drain()
	if first {
		m.restoreReport()
	}
	m.emit(p)
	if boot.Kind != Answered {
		m.env.Stop()
		m.flush(p)
		return boot, nil
	}
	if p.c.InitDelay != nil {
		select {
		case <-time.After(p.c.InitDelay()):
		case <-p.ctx.Done():
		}
		boot.InitEnd = time.Now().UnixNano()
		m.boot = boot
	}
	m.booted = true
	p.mu.Lock()
	m.pid = boot.PID
	m.life.SpawnBegin, m.life.Spawned, m.life.InitBegin, m.life.InitEnd = boot.SpawnBegin, boot.Spawned, boot.InitBegin, boot.InitEnd
	m.life.Method, m.life.Start = boot.Method, boot.Start
	p.mu.Unlock()
	return boot, nil
}

// init takes the instants of an init.
func (p *Phases) init(b *Boot) {
	p.SpawnBegin, p.Spawned, p.InitBegin, p.InitEnd = b.SpawnBegin, b.Spawned, b.InitBegin, b.InitEnd
}

// waited leaves of an init that began before the request came what the request waited for.
func (p *Phases) waited() {
	for _, t := range []*int64{&p.SpawnBegin, &p.Spawned, &p.InitBegin, &p.InitEnd} {
		if *t != 0 {
			*t = max(*t, p.Queued)
		}
	}
}

// await waits for the outcome until deadline, passing output on meanwhile. At the deadline it ends the environment.
func (p *Pool) await(ctx context.Context, m *member, deadline time.Time) (Outcome, error) {
	every := flushEvery
	for {
		until := time.Now().Add(every)
		if until.After(deadline) {
			until = deadline
		}
		out, err := m.env.Wait(ctx, until)
		if err != nil || out.Kind != Pending {
			return out, err
		}
		now := time.Now()
		if !now.Before(deadline) {
			m.env.Stop()
			return Outcome{Kind: TimedOut, Received: now.UnixNano()}, nil
		}
		every = flushEvery
		if m.flush(p) > 1<<20 { // a flood: keep up with it
			every = flushEvery / 20
		}
	}
}

// ceil rounds up to the millisecond, as AWS bills.
func ceil(d time.Duration) time.Duration {
	return (d + time.Millisecond - 1).Truncate(time.Millisecond)
}

// finish turns an outcome into a result, with AWS's error objects and log lines.
func (p *Pool) finish(m *member, inv *Invocation, out Outcome, phases Phases, initDuration time.Duration) *Result {
	if out.Received == 0 {
		out.Received = time.Now().UnixNano()
	}
	phases.Entered, phases.Returned, phases.Received = out.Entered, out.Returned, out.Received
	r := &Result{RequestID: inv.RequestID, Phases: phases, Spec: &m.spec, EnvironmentID: m.id, LogStream: m.stream,
		MaxMemoryMB: max(out.MaxMemoryMB, m.boot.MaxMemoryMB), InitDuration: initDuration, Start: m.start,
		Duration: time.Duration(out.Received - phases.Sent)}
	if out.Kind == TimedOut {
		r.Duration = m.spec.Timeout // AWS bills and reports the timeout itself
	}
	r.Billed = ceil(r.Duration + initDuration)
	if m.start == Restored && initDuration > 0 {
		r.Billed = ceil(r.Duration) + m.billedRestore()
	}
	if m.start == "" {
		r.Start = Warm
	}
	if m.start != Warm {
		r.Method = m.boot.Method
	}
	m.start = Warm
	fill(r, m, inv, &out)
	if out.Kind == Exited || out.Kind == TimedOut {
		m.env.Stop()
		m.booted = false
	}
	m.drain()
	if text := failureLine(m, r, &out); text != "" {
		m.line(time.Unix(0, out.Received), text)
	}
	m.report(r, &out)
	if inv.LogTail {
		r.LogTail = append([]byte(nil), m.tail...)
	}
	m.emit(p)
	p.mu.Lock()
	m.served++
	m.memoryMB = r.MaxMemoryMB
	m.lastStart = r.Start
	m.answeredLocked(time.Duration(out.Returned - out.Entered))
	p.mu.Unlock()
	r.Release = func() {
		if atomic.CompareAndSwapInt32(&r.released, 0, 1) {
			p.release(m)
		}
	}
	return r
}

// unrestored reports whether its last start was a restore that failed. AWS does not try again within the request.
func (m *member) unrestored() bool { return m.boot.Start == Restored && m.boot.Kind != Answered }

// refuse is the result of a request whose environment could not be restored. The next request has another environment.
func (p *Pool) refuse(m *member, inv *Invocation, phases Phases) *Result {
	out := m.boot.Outcome
	out.Received = time.Now().UnixNano()
	phases.Received = out.Received
	r := &Result{RequestID: inv.RequestID, Phases: phases, Spec: &m.spec, EnvironmentID: m.id, LogStream: m.stream, Start: Restored,
		Method: m.boot.Method, MaxMemoryMB: out.MaxMemoryMB, Unrestored: true, Release: func() {}}
	if fill(r, m, inv, &out); out.Kind == TimedOut {
		r.fail("SnapStartTimeoutException", "Lambda couldn't restore the snapshot within the timeout limit.")
	}
	if inv.LogTail {
		r.LogTail = append([]byte(nil), m.tail...)
	}
	p.discard(m)
	return r
}

// discard ends an environment that could not be started.
func (p *Pool) discard(m *member) {
	m.emit(p)
	p.mu.Lock()
	m.dropped = true
	p.mu.Unlock()
	p.release(m)
}
