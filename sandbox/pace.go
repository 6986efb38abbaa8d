package sandbox

import "time"

// A request that finds every environment of its key busy waits for one of them when they are quick, instead of having one
// more made at once: what is free in a fraction of a millisecond is there sooner than any init, and inits would take the
// processors from those that serve. A line that does not go on, or that processors are to spare for, gets more environments.
const (
	quick     = 20 * time.Millisecond  // environments that serve a request in less are worth waiting for
	lookEvery = 2 * time.Millisecond   // how often a line that waits for them is looked at
	longWait  = 100 * time.Millisecond // a request that has waited for so long has an environment made for it
)

// pace is how fast the warm environments of a key serve.
type pace struct {
	busy  int           // warm environments that serve now
	holds time.Duration // for how long a request keeps one, on average of the last
}

func (l *pace) quick() bool { return l != nil && l.busy > 0 && l.holds > 0 && l.holds < quick }

// timeLocked notes that m, which is warm, begins to serve. p.mu must be held.
func (p *Pool) timeLocked(m *member) {
	l := p.mu.paces[m.spec.Key]
	if l == nil {
		l = &pace{}
		p.mu.paces[m.spec.Key] = l
	}
	l.busy++
	m.pace, m.taken = l, time.Now()
}

// timedLocked notes that m has been released. p.mu must be held.
func (m *member) timedLocked() {
	l := m.pace
	if l == nil {
		return
	}
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
		spare := p.gate.spare == nil || p.gate.spare()
		p.mu.Lock()
		l := p.mu.queues[spec.Key]
		if p.mu.closed || len(l.waiting) == 0 {
			l.watched = false
			p.forgetLocked(spec.Key)
			p.mu.Unlock()
			return
		}
		for n := p.wantedLocked(spec.Key, l, spare); n > 0 && p.roomLocked(); n-- {
			p.makeLocked(spec, l)
		}
		p.mu.Unlock()
	}
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
