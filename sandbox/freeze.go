package sandbox

import "time"

// An environment that is idle for a while is frozen: what its function left running stops until the next invocation. The
// while is there so that invocations which come close together never pay for it.

// coolLocked sees to it that m, which has just become idle, is frozen when it stays so. p.mu must be held.
func (p *Pool) coolLocked(m *member) {
	if _, can := m.env.(Freezer); !can || p.c.FreezeAfter < 0 || m.cooling {
		return
	}
	m.cooling = true
	time.AfterFunc(p.c.FreezeAfter, func() { p.cool(m) })
}

// cool freezes m when it has been idle for long enough, and looks again later when it has not.
func (p *Pool) cool(m *member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.closed || p.mu.members[m.id] != m || m.busy {
		m.cooling = false // whoever makes it idle starts anew
		return
	}
	if left := p.c.FreezeAfter - time.Since(m.since); left > 0 {
		time.AfterFunc(left, func() { p.cool(m) })
		return
	}
	m.cooling = false
	p.wg.Go(func() { p.freeze(m) })
}

// freeze freezes m unless somebody has taken it meanwhile.
func (p *Pool) freeze(m *member) {
	m.ice.Lock()
	defer m.ice.Unlock()
	p.mu.Lock()
	idle := !p.mu.closed && p.mu.members[m.id] == m && !m.busy
	p.mu.Unlock()
	if idle && !m.frozen {
		m.frozen = m.env.(Freezer).Freeze() // coolLocked asked whether it can
	}
}

// thaw lets m, which is the caller's, run on.
func (m *member) thaw() {
	m.ice.Lock()
	defer m.ice.Unlock()
	if m.frozen {
		m.env.(Freezer).Thaw()
		m.frozen = false
	}
}
