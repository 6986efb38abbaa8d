package sandbox

import (
	"runtime"
	"time"
)

// A request that finds every environment of its key busy waits for one of them when they are quick, instead of having one
// more made at once: what is free in a fraction of a millisecond is there sooner than any init, and inits would take the
// processors from those that serve. A line that does not go on, or that processors are to spare for, gets more environments.
//
// Where handlers take next to no time, processors are all that requests wait for. Then no more of them run at once than keep
// the processors busy, and the rest wait in line while environments are idle: a few that the processors' caches know serve
// more than many that they do not.
const (
	quick     = 20 * time.Millisecond  // environments that serve a request in less are worth waiting for
	few       = 8                      // while no more serve, each request without one has one made: a small fan-out runs side by side from its second time on
	lookEvery = 2 * time.Millisecond   // how often a line that waits for them is looked at
	stuck     = 2 * lookEvery          // a line that has not moved for so long gets as many idle environments as serve already
	longWait  = 100 * time.Millisecond // a request that has waited for so long has an environment made for it

	tiny    = 250 * time.Microsecond // handlers that take less, as they see it, wait for nothing but processors
	tinyRow = 8                      // as many of them begin it
)

// enough is how many requests to such handlers of one key run at once: two for each processor.
func enough() int { return 2 * runtime.GOMAXPROCS(0) }

// pace is how fast the warm environments of a key serve.
type pace struct {
	busy    int           // warm environments that serve now, or whose outcome is held
	holds   time.Duration // for how long a request keeps one, on average of the last
	running int           // of busy, those whose outcome has not come
	tiny    int           // rises with every handler that took next to no time, and falls faster with others
}

func (l *pace) quick() bool {
	return l != nil && l.busy >= few && l.holds > 0 && l.holds < quick
}

func (l *pace) run() int {
	if l == nil {
		return 0
	}
	return l.running
}

// full reports whether requests should wait although environments are idle.
func (l *pace) full() bool { return l != nil && l.tiny >= tinyRow && l.running >= enough() }

// timeLocked notes that m, which is warm, begins to serve. p.mu must be held.
func (p *Pool) timeLocked(m *member) {
	l := p.mu.paces[m.spec.Key]
	if l == nil {
		l = &pace{}
		p.mu.paces[m.spec.Key] = l
	}
	l.busy++
	l.running++
	m.pace, m.taken, m.running = l, time.Now(), true
}

// answeredLocked notes that the outcome of m has come, whose handler took so long; 0 means that nobody knows. p.mu must be held.
func (m *member) answeredLocked(handler time.Duration) {
	l := m.pace
	if l == nil || !m.running {
		return
	}
	m.running = false
	l.running--
	switch { // one that a processor was taken from tells little
	case handler > 0 && handler < tiny:
		l.tiny = min(l.tiny+1, 2*tinyRow)
	default:
		l.tiny = max(l.tiny-tinyRow/2, 0)
	}
}

// timedLocked notes that m has been released. p.mu must be held.
func (m *member) timedLocked() {
	l := m.pace
	if l == nil {
		return
	}
	m.answeredLocked(0)
	m.pace = nil
	l.busy--
	took := time.Since(m.taken)
	if l.holds == 0 {
		l.holds = took
	}
	l.holds += (took - l.holds) / 8
}

// watch makes environments for a line that waits for quick ones, when it does not go on. It ends with the line.
func (p *Pool) watch(spec *Spec) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-p.ctx.Done():
			return
		}
		p.mu.Lock()
		l := p.mu.queues[spec.Key]
		if pace := p.mu.paces[spec.Key]; !p.mu.closed && time.Since(l.moved) >= stuck { // those that were tiny take their time
			for n := max(pace.run(), 1); n > 0 && p.seatLocked(spec.Key); n-- {
			}
		}
		if p.mu.closed || len(l.waiting) == 0 {
			l.watched = false
			p.forgetLocked(spec.Key)
			p.mu.Unlock()
			return
		}
		if len(p.mu.idle[spec.Key]) > 0 {
			p.mu.Unlock()
			continue
		}
		p.mu.Unlock()
		spare := p.gate.spare == nil || p.gate.spare()
		p.mu.Lock()
		if p.mu.closed || len(l.waiting) == 0 { // the next look ends it
			p.mu.Unlock()
			continue
		}
		for n := p.wantedLocked(spec.Key, l, spare); n > 0 && p.roomLocked(); n-- {
			p.makeLocked(spec, l)
		}
		p.mu.Unlock()
	}
}

// seatLocked gives an idle environment to the request of key that has waited longest, and reports whether there were both.
// p.mu must be held.
func (p *Pool) seatLocked(key string) bool {
	stack := p.mu.idle[key]
	if l := p.mu.queues[key]; len(stack) == 0 || l == nil || len(l.waiting) == 0 {
		return false
	}
	m := p.popLocked(key)
	return p.handLocked(key, arrival{m: m})
}

// popLocked takes the environment of key that was used last, of which there must be one, for a request. p.mu must be held.
func (p *Pool) popLocked(key string) *member {
	stack := p.mu.idle[key]
	m := stack[len(stack)-1]
	p.mu.idle[key] = stack[:len(stack)-1]
	m.busy = true
	p.timeLocked(m)
	return m
}

// wantedLocked is how many more makers a line should have. p.mu must be held.
func (p *Pool) wantedLocked(key string, l *queue, spare bool) (n int) {
	pace := p.mu.paces[key]
	if !pace.quick() {
		return len(l.waiting) - l.makers
	}
	for _, w := range l.waiting {
		if time.Since(w.since) < longWait {
			break
		}
		n++
	}
	if spare && n == 0 && time.Since(l.waiting[0].since) > min(2*pace.holds, longWait) {
		n = 1
	}
	return n - l.makers
}

// roomLocked reports whether one more environment may be made, for which one of another key may have to go. p.mu must be held.
func (p *Pool) roomLocked() bool {
	if len(p.mu.members)+p.mu.starting < p.c.MaxEnvironments {
		return true
	}
	victim := p.longestIdleLocked()
	if victim != nil {
		p.removeLocked(victim)
	}
	return victim != nil
}
