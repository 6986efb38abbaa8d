package sandbox

import (
	"context"
	"runtime"
	"time"
)

// A request that finds no idle environment waits, and one more is made, unless those that there are are quick (see pace.go).
// Whichever environment of its key is there first serves the request that has waited longest: one that another request gave
// back, or a new one (as on AWS, where the environment that was begun for a request served by another becomes an idle one
// that was initialised ahead of time).
//
// Invariant: of each key there are no fewer makers than requests that wait, or the line is watched; and each maker ends by
// serving one of them, by finding that makers are more than requests before it has begun, or with an idle environment.

// waiter is a request that waits for an environment.
type waiter struct {
	since time.Time
	ready chan arrival // has room for the one arrival
}

// arrival is what a waiter gets: a busy environment, or our own trouble.
type arrival struct {
	m   *member
	err error
}

// queue is the requests of one key that wait.
type queue struct {
	waiting []*waiter // the longest waiting first
	makers  int       // goroutines that make environments for them
	watched bool      // somebody looks whether it needs more makers
	moved   time.Time // when somebody in it was served last, or it began
}

// joinLocked puts a request in the line of spec and sees to it that it will be served. There must be room for one more
// environment, and p.mu must be held.
func (p *Pool) joinLocked(spec *Spec) *waiter {
	w := &waiter{since: time.Now(), ready: make(chan arrival, 1)}
	l := p.mu.queues[spec.Key]
	if l == nil {
		l = &queue{moved: w.since}
		p.mu.queues[spec.Key] = l
	}
	l.waiting = append(l.waiting, w)
	switch {
	case l.watched:
	case p.mu.paces[spec.Key].quick(), len(p.mu.idle[spec.Key]) > 0:
		l.watched = true
		of := *spec
		p.wg.Go(func() { p.watch(&of) })
	default:
		p.makeLocked(spec, l)
	}
	return w
}

// makeLocked starts one more maker for a line. p.mu must be held.
func (p *Pool) makeLocked(spec *Spec, l *queue) {
	l.makers++
	p.mu.starting++
	of := *spec // here and above, so that specs of requests that wait for nothing stay where they are
	p.wg.Go(func() { p.make(&of) })
}

// handLocked gives a to the request of key that has waited longest. It reports whether there was one.
func (p *Pool) handLocked(key string, a arrival) bool {
	l := p.mu.queues[key]
	if l == nil || len(l.waiting) == 0 {
		return false
	}
	w := l.waiting[0]
	l.waiting[0] = nil
	l.waiting = l.waiting[1:]
	l.moved = time.Now()
	w.ready <- a
	return true
}

// retireLocked ends one maker of key.
func (p *Pool) retireLocked(key string) {
	p.mu.queues[key].makers--
	p.forgetLocked(key)
}

// forgetLocked forgets the line of key when nobody is in it or makes anything for it.
func (p *Pool) forgetLocked(key string) {
	if l := p.mu.queues[key]; l.makers == 0 && !l.watched { // nobody waits, then
		delete(p.mu.queues, key)
	}
}

// make makes an environment for the line of spec.
func (p *Pool) make(spec *Spec) {
	leave, err := p.gate.enter(p.ctx)
	if err != nil { // the pool closes: nobody waits for long
		return
	}
	defer leave()
	p.mu.Lock()
	if l := p.mu.queues[spec.Key]; p.mu.closed || l.makers > len(l.waiting) { // others have been served meanwhile
		p.retireLocked(spec.Key)
		p.mu.starting--
		p.signalLocked()
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	m, err := p.create(p.ctx, spec, false)
	if err == nil {
		err = p.firstBoot(m, leave)
	}
	p.mu.Lock()
	handed := p.handLocked(spec.Key, arrival{m, err})
	p.retireLocked(spec.Key)
	p.mu.Unlock()
	switch {
	case m != nil && (err != nil || !handed && !m.booted):
		p.discard(m)
	case m != nil && !handed:
		m.fresh, m.start = false, Proactive
		p.release(m)
	}
}

// arrivalOf gives what came for w. It is only ever cut short by the pool's end.
func (p *Pool) arrivalOf(w *waiter) (*member, error) {
	select {
	case a := <-w.ready:
		return a.m, a.err
	case <-p.ctx.Done():
		return nil, errClosed()
	}
}

// gate keeps inits from starving each other of the machine's processors: of those that want to begin, in the order in which
// they came, limit may run at once, and one more whenever the machine has a processor to spare, as it has while inits sleep.
type gate struct {
	places chan struct{} // has room for limit; nil lets everybody in
	first  chan struct{} // held by the one that may enter next
	spare  func() bool
}

// spareEvery is how often the first in the line looks for a processor to spare.
const spareEvery = 5 * time.Millisecond

func newGate(limit int, spare func() bool) *gate {
	if limit == 0 && spare != nil {
		limit = 2 * runtime.NumCPU()
	}
	if limit <= 0 {
		return &gate{}
	}
	return &gate{places: make(chan struct{}, limit), first: make(chan struct{}, 1), spare: spare}
}

// enter waits for a place. leave gives it back; it may be called again.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	if g.places == nil {
		return func() {}, ctx.Err()
	}
	select {
	case g.first <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-g.first }()
	tick := time.NewTicker(spareEvery)
	defer tick.Stop()
	for {
		select {
		case g.places <- struct{}{}:
			held := true
			return func() {
				if held {
					held = false
					<-g.places
				}
			}, nil
		case <-tick.C:
			if g.spare != nil && g.spare() {
				return func() {}, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// patience is how long the end of an environment gives way at the most.
const patience = 2 * time.Second

// after waits until the inits that want to begin have begun: to end an environment takes as much of a processor as a third of
// a start from a snapshot, and nobody waits for it.
func (g *gate) after(ctx context.Context) {
	if g.places == nil {
		return
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case g.first <- struct{}{}:
		<-g.first
	case <-limit.C:
	case <-ctx.Done():
	}
}
