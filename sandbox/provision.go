package sandbox

import (
	"time"

	"anthill/fault"
)

// provisionLimit is how long an init ahead of time may take at least (Lambda developer guide, "Init phase": 130 s or the
// function's timeout, whichever is longer).
const provisionLimit = 130 * time.Second

// provision is what Provision was asked for one key.
type provision struct {
	spec    Spec
	n       int
	filling bool   // a goroutine is making environments
	failure string // why the last one could not be made
}

// Provision keeps n environments of spec initialised ahead of time, busy or idle, until it is called for the same key
// again: 0 ends it. It returns at once.
func (p *Pool) Provision(spec Spec, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case p.wakeUp <- struct{}{}: // some may have to go now
	default:
	}
	if n <= 0 {
		delete(p.mu.provisions, spec.Key)
		return
	}
	pr := p.mu.provisions[spec.Key]
	if pr == nil {
		pr = &provision{}
		p.mu.provisions[spec.Key] = pr
	}
	spec.InitializationType = "provisioned-concurrency"
	pr.spec, pr.n, pr.failure = spec, n, ""
	p.refillLocked(spec.Key)
}

// Provisioned tells how many environments of key are initialised, of those that Provision was asked for, and why one
// could not be made, if that is so.
func (p *Pool) Provisioned(key string) (ready int, failure string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pr := p.mu.provisions[key]
	if pr == nil {
		return 0, ""
	}
	return min(p.aliveLocked(key, true), pr.n), pr.failure
}

// aliveLocked counts the environments of key that will serve again; with ready only those that have served or waited.
func (p *Pool) aliveLocked(key string, ready bool) (n int) {
	for _, m := range p.mu.members {
		if m.spec.Key == key && !m.dropped && !m.once && (!ready || m.requestID != "" || !m.busy) {
			n++
		}
	}
	return n
}

// provisionedLocked reports whether an idle environment of key must stay. p.mu must be held.
func (p *Pool) provisionedLocked(key string) bool {
	pr := p.mu.provisions[key]
	return pr != nil && p.aliveLocked(key, false) <= pr.n
}

// refillLocked makes what is missing for key. p.mu must be held.
func (p *Pool) refillLocked(key string) {
	pr := p.mu.provisions[key]
	if pr == nil || pr.filling || p.mu.closed {
		return
	}
	pr.filling = true
	p.wg.Go(func() { p.fillProvision(key, pr) })
}

// fillProvision makes one environment after another until there are enough, or one cannot be made.
func (p *Pool) fillProvision(key string, pr *provision) {
	for {
		p.mu.Lock()
		full := len(p.mu.members)+p.mu.starting >= p.c.MaxEnvironments
		if p.mu.provisions[key] != pr || p.mu.closed || full || p.aliveLocked(key, false) >= pr.n {
			pr.filling = false
			p.mu.Unlock()
			return
		}
		spec := pr.spec
		p.mu.starting++
		p.mu.Unlock()
		if err := p.initAhead(&spec); err != nil {
			p.mu.Lock()
			pr.filling, pr.failure = false, err.Error()
			p.mu.Unlock()
			return
		}
	}
}

// initAhead makes an environment and leaves it idle.
func (p *Pool) initAhead(spec *Spec) error {
	const op = "sandbox.Provision"
	m, err := p.create(p.ctx, spec, false)
	if err != nil {
		return fault.In(op, err)
	}
	limit := max(provisionLimit, spec.Timeout)
	boot, err := p.bootWithin(m, limit, nil)
	if err == nil {
		m.initDone(boot, "init", limit)
	}
	if err == nil && boot.Kind != Answered {
		err = &fault.Error{Kind: fault.Invalid, Op: op, Noun: "function", Name: spec.FunctionName, Detail: "its init failed: " + boot.ErrorType}
	}
	if err != nil {
		p.discard(m)
		return fault.In(op, err)
	}
	m.start = Proactive
	m.emit(p)
	p.release(m)
	return nil
}
