package interp

import (
	"slices"
	"time"

	"anthill/asl"
)

// debts is the effects that are owed. The zero debts is empty.
type debts struct {
	owed  map[Key]*debt
	fresh []*debt // owed or settled since the last take, oldest first
	end   []Key   // taken once and settled since the last take
}

type debt struct {
	effect  Effect
	frame   uint32 // whose it is
	taken   bool
	settled bool
}

// owe adds e of a frame, or puts a new description of it in the old one's place.
func (d *debts) owe(frame uint32, e Effect) {
	if old, ok := d.owed[e.Key()]; ok {
		old.effect = e
		return
	}
	if d.owed == nil {
		d.owed = map[Key]*debt{}
	}
	x := &debt{effect: e, frame: frame}
	d.owed[e.Key()] = x
	if len(d.fresh) > 16 && len(d.fresh) > 2*len(d.owed) { // a replay, which nobody takes from
		d.fresh = slices.DeleteFunc(d.fresh, func(y *debt) bool { return y.settled })
	}
	d.fresh = append(d.fresh, x)
}

// again makes e fresh, although it may have been taken: a timer that was moved.
func (d *debts) again(frame uint32, e Effect) {
	d.settle(e.Key())
	d.owe(frame, e)
}

// settle takes the effect k off. One that is not owed is passed over.
func (d *debts) settle(k Key) {
	x, ok := d.owed[k]
	if !ok {
		return
	}
	delete(d.owed, k)
	x.settled = true
	if x.taken {
		d.end = append(d.end, k)
	}
}

// has reports whether k is owed.
func (d *debts) has(k Key) bool {
	_, ok := d.owed[k]
	return ok
}

// take gives what changed since the last take.
func (d *debts) take() (begin []Effect, end []Key) {
	for _, x := range d.fresh {
		if !x.settled {
			x.taken = true
			begin = append(begin, x.effect)
		}
	}
	clear(d.fresh)
	d.fresh = d.fresh[:0]
	end, d.end = d.end, nil
	return begin, end
}

// all is everything owed, in the order of its events.
func (d *debts) all() []Effect {
	out := make([]Effect, 0, len(d.owed))
	for _, x := range d.owed {
		out = append(out, x.effect)
	}
	slices.SortFunc(out, func(a, b Effect) int {
		j, k := a.Key(), b.Key()
		if j.Seq != k.Seq {
			return int(j.Seq) - int(k.Seq)
		}
		return int(j.Kind) - int(k.Kind)
	})
	return out
}

// Pending is every effect that is owed now, in the order in which they were called for.
func (x *Execution) Pending() []Effect { return x.owed.all() }

// Take gives the effects that became owed since the last Take and the keys of those that are not wanted any more. A
// timer that was moved (a heartbeat came) is among both: end it first.
func (x *Execution) Take() (begin []Effect, end []Key) { return x.owed.take() }

// mostIdle is how many effects an execution may be owed and still count as idle.
const mostIdle = 64

// Idle reports whether x only waits: for instants, for answers with a task's token, and for workers of activities. until is
// the earliest of those instants, zero for none; unfetched are the tasks that no worker has yet.
func (x *Execution) Idle() (until time.Time, unfetched []*RunTask, idle bool) {
	if x.status != Running || len(x.owed.owed) == 0 || len(x.owed.owed) > mostIdle {
		return until, nil, false
	}
	for _, d := range x.owed.owed {
		switch e := d.effect.(type) {
		case *Timer:
			if until.IsZero() || e.At.Before(until) {
				until = e.At
			}
		case *RunTask:
			if !e.Open() {
				return until, nil, false
			}
			if !e.Started && e.Resource.Kind == asl.Activity {
				unfetched = append(unfetched, e)
			}
		default:
			return until, nil, false
		}
	}
	return until, unfetched, true
}
