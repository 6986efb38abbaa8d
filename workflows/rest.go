package workflows

import (
	"container/heap"
	"time"

	"anthill/store"
)

const (
	defaultRestAfter = 5 * time.Second
	restLead         = 100 * time.Millisecond // how long before its deadline an execution is taken up
	restPerEvent     = time.Millisecond       // a long history stays in memory longer: taking it up costs more
	takenUpAtOnce    = 64                     // executions that are read at the same time when their time comes
)

// openRecord is what the store has of an execution that has not ended. It is written with the events that make it true, so
// that a start of the platform need not read the histories of those that only wait.
type openRecord struct {
	Rests   bool       `json:"r,omitempty"`
	Until   int64      `json:"u,omitempty"` // ns since 1970: the earliest instant it waits for; 0 for none
	Waiting []unserved `json:"w,omitempty"` // its tasks that no worker has fetched
}

// unserved is a task of an activity.
type unserved struct {
	Activity string `json:"a"` // ARN
	Task     uint64 `json:"t"`
}

// resting is what stays in memory of an open execution that only waits.
type resting struct {
	arn  string
	at   int64         // ns since 1970 when it is to be taken up; 0: only by a message
	slot int           // in the heap
	done chan struct{} // as run.done; nil until somebody asks
}

// dueHeap is ordered by resting.at.
type dueHeap []*resting

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].slot, h[j].slot = i, j }
func (h *dueHeap) Push(x any)        { p := x.(*resting); p.slot = len(*h); *h = append(*h, p) }
func (h *dueHeap) Pop() any {
	old := *h
	p := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return p
}

// rest decides whether r may be put down as it is now. The caller drives r.
func (r *run) rest() (rec openRecord) {
	r.resting = false
	until, unfetched, idle := r.x.Idle()
	if !idle || !until.IsZero() && time.Until(until) < r.s.c.RestAfter {
		return rec
	}
	r.resting, rec.Rests = true, true
	if !until.IsZero() {
		rec.Until = until.UnixNano()
	}
	for _, t := range unfetched {
		rec.Waiting = append(rec.Waiting, unserved{t.Resource.ARN, t.Task})
	}
	return rec
}

// restWrites keeps the record of r among the open ones true.
func (r *run) restWrites() []store.Write {
	rested := r.resting
	rec := r.rest()
	if !rested && !r.resting {
		return nil
	}
	return []store.Write{r.s.open.Write(r.arn, rec)}
}

// calmRun is a run that may be put down, to be looked at when at has come.
type calmRun struct {
	r  *run
	at time.Time
}

// mayRest notes that r waits for something that is far. r.mu.calm has been set by the caller.
func (s *Service) mayRest(r *run) {
	s.mu.Lock()
	s.mu.calm = append(s.mu.calm, calmRun{r, time.Now().Add(s.c.RestAfter)})
	first := len(s.mu.calm) == 1
	s.mu.Unlock()
	if first {
		s.pokeRest()
	}
}

func (s *Service) pokeRest() {
	select {
	case s.wakeRest <- struct{}{}:
	default:
	}
}

// keepResting puts down what has been waiting for a while and takes up what is due, until Close.
func (s *Service) keepResting() {
	slots := make(chan struct{}, takenUpAtOnce)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next := s.putDownCalm()
		due, at := s.takeDue()
		for _, r := range due {
			select {
			case slots <- struct{}{}:
			case <-s.ctx.Done():
				return
			}
			s.spawn(func() work {
				defer func() { <-slots }()
				return r.takeUp()
			})
		}
		timer.Reset(max(min(next, at), 0))
		select {
		case <-timer.C:
		case <-s.wakeRest:
		case <-s.ctx.Done():
			return
		}
	}
}

// takeDue takes those whose time has come out of the resting ones, and says how long it is to the next. Whoever calls must
// take them up.
func (s *Service) takeDue() (due []*run, next time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().UnixNano()
	for len(s.mu.due) > 0 && s.mu.due[0].at <= now && len(due) < takenUpAtOnce {
		due = append(due, s.liftLocked(s.mu.due[0]))
	}
	if len(s.mu.due) == 0 {
		return due, time.Hour
	}
	return due, time.Duration(s.mu.due[0].at - now)
}

// putDownCalm puts down the runs that have been calm for long enough, and says when to look again.
func (s *Service) putDownCalm() (again time.Duration) {
	for {
		s.mu.Lock()
		if len(s.mu.calm) == 0 {
			s.mu.calm = nil
			s.mu.Unlock()
			return time.Hour
		}
		c := s.mu.calm[0]
		if wait := time.Until(c.at); wait > 0 {
			s.mu.Unlock()
			return wait
		}
		s.mu.calm[0] = calmRun{}
		s.mu.calm = s.mu.calm[1:]
		s.mu.Unlock()
		if c.r.putDown() {
			s.mayRest(c.r)
		}
	}
}

// putDown leaves of r what the store says of it and a few words in memory, unless it does something. later is true when it
// has not been calm for long enough.
func (r *run) putDown() (later bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.calm = false
	if r.mu.busy || r.mu.gone || len(r.mu.inbox) > 0 || !r.resting || r.dead != nil {
		return false // when it is calm again it will say so
	}
	until, _, idle := r.x.Idle()
	if !idle || !until.IsZero() && time.Until(until) < 2*restLead {
		return false
	}
	if time.Since(r.mu.since) < r.s.c.RestAfter+time.Duration(r.x.Seq())*restPerEvent {
		r.mu.calm = true
		return true
	}
	p := &resting{arn: r.arn, slot: -1, done: r.done}
	if !until.IsZero() {
		p.at = until.Add(-restLead).UnixNano()
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if r.s.mu.closed || r.s.mu.runs[r.arn] != r {
		return false
	}
	delete(r.s.mu.runs, r.arn)
	r.s.restLocked(p)
	r.mu.gone = true
	r.mu.notices.stopLocked()
	for _, t := range r.timers {
		t.Stop()
	}
	for _, t := range r.tasks {
		t.wanted.end() // whoever brings an answer finds the execution by its name
	}
	return false
}

// restLocked adds p to the resting ones. s.mu must be held.
func (s *Service) restLocked(p *resting) {
	s.mu.resting[p.arn] = p
	if p.at != 0 {
		heap.Push(&s.mu.due, p)
		if p.slot == 0 {
			s.pokeRest()
		}
	}
}

// liftLocked makes the run of a resting execution. It is busy until takeUp, which the caller must see to. s.mu must be held.
func (s *Service) liftLocked(p *resting) *run {
	delete(s.mu.resting, p.arn)
	if p.slot >= 0 {
		heap.Remove(&s.mu.due, p.slot)
	}
	r := s.blank(p.arn, p.done)
	r.mu.busy = true
	s.mu.runs[p.arn] = r
	return r
}

// find gives the run of an open execution, which is taken up when it rests; nil when it is not open.
func (s *Service) find(executionARN string) *run {
	s.mu.RLock()
	r, p := s.mu.runs[executionARN], s.mu.resting[executionARN]
	s.mu.RUnlock()
	if r != nil || p == nil {
		return r
	}
	s.mu.Lock()
	if r = s.mu.runs[executionARN]; r != nil {
		s.mu.Unlock()
		return r
	}
	if p = s.mu.resting[executionARN]; p == nil {
		s.mu.Unlock()
		return nil
	}
	r = s.liftLocked(p)
	s.mu.Unlock()
	s.spawn(r.takeUp)
	return r
}

// openUntil gives a channel that is closed when an open execution has ended; nil when it is not open.
func (s *Service) openUntil(executionARN string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.mu.runs[executionARN]; r != nil {
		return r.done
	}
	p := s.mu.resting[executionARN]
	if p == nil {
		return nil
	}
	if p.done == nil {
		p.done = make(chan struct{})
	}
	return p.done
}

// takeUp reads a resting execution again and goes on with it.
func (r *run) takeUp() work {
	if err := r.load(); err != nil {
		r.dead = err
		if r.s.ctx.Err() == nil {
			r.s.log.Error("an execution cannot be taken up", "execution", r.arn, "error", err)
		}
		return r.drain()
	}
	r.resting = true
	return r.resume()
}
