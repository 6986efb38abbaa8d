package workflows

import (
	"strings"
	"time"

	"anthill/asl/interp"
)

// Delays are waits that are added on purpose, so that a class without a cloud account sees a cloud's shape.
type Delays interface {
	// Transition is the time between the end of a Task, Parallel or Map state and the entry of the next state.
	Transition() time.Duration
	// FanOut is the time from the schedule of a task to its start, when of tasks are scheduled at once and it is number
	// i of them, counted from 0.
	FanOut(i, of int) time.Duration
}

// shift moves the events of one decision that follow a transition by its delay, and gives by how much the last one was
// moved. Their step then waits until that time, so that no event is ever read before its own time.
func (r *run) shift(events []interp.Event) (by time.Duration) {
	if r.s.c.Delays == nil {
		return 0
	}
	for i := range events {
		if i > 0 && strings.HasSuffix(events[i].Type.String(), "StateEntered") {
			switch events[i-1].Type.String() {
			case "TaskStateExited", "ParallelStateExited", "MapStateExited":
				by += r.s.c.Delays.Transition()
			}
		}
		events[i].Time = events[i].Time.Add(by)
	}
	return by
}

// hold waits for d, or until the platform stops.
func (r *run) hold(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.s.ctx.Done():
	}
}

// startDelayed starts effects, tasks that were scheduled together each after its own delay.
func (r *run) startDelayed(effects []interp.Effect) {
	n := 0
	for _, e := range effects {
		if _, ok := e.(*interp.RunTask); ok {
			n++
		}
	}
	i := 0
	for _, e := range effects {
		task, ok := e.(*interp.RunTask)
		if !ok || n < 2 {
			r.start(e, false)
			continue
		}
		t, d := r.newTask(task, false), r.s.c.Delays.FanOut(i, n)
		i++
		r.tasks[task.Key()] = t
		r.s.spawn(func() work {
			select {
			case <-time.After(d):
				return r.perform(t)
			case <-t.wanted.Done():
				return nil
			}
		})
	}
}
