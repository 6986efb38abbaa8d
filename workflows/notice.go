package workflows

import (
	"time"

	"anthill/asl/interp"
)

// notices are the tasks of an execution that are being done and whose TaskStarted nobody has written. There is one timer for
// all of them, since most are over long before it. Run.mu guards it.
type notices struct {
	tasks []*Task
	timer *time.Timer
	armed bool
}

// watch counts t among those that are being done.
func (r *run) watch(t *Task) {
	t.begun = time.Now()
	if t.Started {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := &r.mu.notices
	n.tasks = append(n.tasks, t)
	if n.armed || r.mu.gone {
		return
	}
	n.armed = true
	if n.timer == nil {
		n.timer = time.AfterFunc(r.s.c.StartNotice, r.notice)
		return
	}
	n.timer.Reset(r.s.c.StartNotice)
}

// overLocked takes t out of those that are being done. r.mu must be held.
func (r *run) overLocked(t *Task) {
	tasks := r.mu.notices.tasks
	for i := range tasks {
		if tasks[i] == t {
			last := len(tasks) - 1
			tasks[i], tasks[last] = tasks[last], nil
			r.mu.notices.tasks = tasks[:last]
			return
		}
	}
}

// over is overLocked for callers that do not hold r.mu.
func (r *run) over(t *Task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.overLocked(t)
}

// notice writes TaskStarted of tasks that take a while. It is flushed like all that readers see: what they saw stays.
func (r *run) notice() {
	if !r.s.enter() {
		return
	}
	defer r.s.leave()
	for _, t := range r.late(time.Now()) {
		r.deliver(message{in: interp.TaskStart{Task: t.RunTask.Task}, at: t.begun}).do()
	}
}

// late gives and forgets the tasks that have been done for StartNotice, and has the others looked at when they have.
func (r *run) late(now time.Time) (late []*Task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := &r.mu.notices
	next := r.s.c.StartNotice
	rest := n.tasks[:0]
	for _, t := range n.tasks {
		if left := r.s.c.StartNotice - now.Sub(t.begun); left > 0 {
			next = min(next, left)
			rest = append(rest, t)
			continue
		}
		late = append(late, t)
	}
	clear(n.tasks[len(rest):])
	n.tasks = rest
	if n.armed = len(rest) > 0; n.armed {
		n.timer.Reset(next)
	}
	return late
}

// stopLocked ends the timer. r.mu must be held.
func (n *notices) stopLocked() {
	if n.timer != nil {
		n.timer.Stop()
	}
	n.tasks, n.armed = nil, false
}
