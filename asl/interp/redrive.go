package interp

import (
	"anthill/asl"
	"anthill/asl/failure"
	"anthill/value"
)

// redrive starts an execution again that did not succeed (Developer Guide, "Redriving executions"): what succeeded
// stays; the state in which each flow failed or was cut off does its work again, with its retriers fresh, without being
// entered anew; of Parallel and Map states only the branches and iterations that did not succeed.
func (x *Execution) redrive() {
	if x.status < Failed || x.root == nil {
		return
	}
	x.emit(Event{Type: ExecutionRedriven, Prev: x.lastID, Index: x.redrives + 1})
	for id := uint32(0); id < x.nextFrame; id++ {
		f := x.frames[id]
		if f != nil && f.phase == entered && f.mapRunARN != "" {
			x.emit(Event{Type: MapRunRedriven, Prev: f.prev, Resource: f.mapRunARN, Index: x.redrives, Frame: f.id})
		}
	}
}

func (x *Execution) applyRedriven(e *Event) {
	x.status = Running
	x.redrives = e.Index
	x.fail, x.self = failure.Failure{}, value.Value{}
	x.limit(e)
	x.revive(x.root, e)
}

// revive lets f go on from where it stood.
func (x *Execution) revive(f *frame, e *Event) {
	if f.phase == lost {
		f.phase = f.before
	}
	f.fail, f.heartbeat, f.aborted = failure.Failure{}, false, false
	f.attempt, f.tries, f.around = 0, nil, value.Value{}
	switch {
	case f.phase == ended, f.phase == idle:
		return
	case f.phase == entering:
		f.prev = e.ID
	case f.join != nil:
		f.phase = working
		x.reviveChildren(f, e)
	default:
		f.prev = e.ID
		f.result = value.Value{}
		f.phase = entered
		if f.state.Type == asl.Succeed {
			f.phase = waited
		}
	}
	x.enqueue(f)
}

func (x *Execution) reviveChildren(f *frame, e *Event) {
	f.join.running = 0
	for _, c := range f.join.children {
		if c == nil {
			continue
		}
		f.join.running++
		x.revive(c, e)
		if c.phase == ended {
			x.enqueue(c)
		}
	}
}
