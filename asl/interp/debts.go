package interp

import (
	"slices"
	"time"

	"anthill/asl"
)

// debts is the effects that are owed. The zero debts is empty.
type debts struct {
	few   []*debt       // what is owed, in no order, while it is little
	many  map[Key]*debt // what is owed, once it was not
	fresh []*debt       // owed or settled since the last take, oldest first
	end   []Key         // taken once and settled since the last take
	room  []Effect      // of the last take
}

// fewDebts is how many are looked through one by one.
const fewDebts = 8

// debt is one effect that is owed. A task's is part of the task, and described when somebody asks for it.
type debt struct {
	key     Key
	effect  Effect // nil for a task
	frame   *frame // whose it is; nil for the machine's
	taken   bool
	settled bool
}

// describe is the effect as it stands.
func (d *debt) describe() Effect {
	if d.effect == nil {
		return d.frame.runTask()
	}
	return d.effect
}

// find gives the debt k; nil when it is not owed.
func (d *debts) find(k Key) *debt {
	if d.many != nil {
		return d.many[k]
	}
	for _, x := range d.few {
		if x.key == k {
			return x
		}
	}
	return nil
}

// owe adds e of a frame, or puts a new description of it in the old one's place.
func (d *debts) owe(f *frame, e Effect) {
	if old := d.find(e.Key()); old != nil {
		old.effect = e
		return
	}
	d.add(&debt{key: e.Key(), effect: e, frame: f})
}

// add puts what is not owed among what is.
func (d *debts) add(x *debt) {
	if d.many == nil && len(d.few) == fewDebts {
		d.many = make(map[Key]*debt, 4*fewDebts)
		for _, y := range d.few {
			d.many[y.key] = y
		}
		d.few = nil
	}
	if d.many != nil {
		d.many[x.key] = x
	} else {
		d.few = append(d.few, x)
	}
	if n := len(d.fresh); n > 16 && n > 2*d.count() { // a replay, which nobody takes from
		d.fresh = slices.DeleteFunc(d.fresh, func(y *debt) bool { return y.settled })
	}
	d.fresh = append(d.fresh, x)
}

// again makes e fresh, although it may have been taken: a timer that was moved.
func (d *debts) again(f *frame, e Effect) {
	d.settle(e.Key())
	d.owe(f, e)
}

// settle takes the effect k off. One that is not owed is passed over.
func (d *debts) settle(k Key) {
	x := d.find(k)
	if x == nil {
		return
	}
	if d.many != nil {
		delete(d.many, k)
	} else {
		last := len(d.few) - 1
		d.few[slices.Index(d.few, x)] = d.few[last]
		d.few[last] = nil
		d.few = d.few[:last]
	}
	x.settled = true
	if x.taken {
		d.end = append(d.end, k)
	}
}

// has reports whether k is owed.
func (d *debts) has(k Key) bool { return d.find(k) != nil }

func (d *debts) count() int { return len(d.few) + len(d.many) }

// each ranges over what is owed, in no order.
func (d *debts) each(yield func(*debt) bool) {
	for _, x := range d.few {
		if !yield(x) {
			return
		}
	}
	for _, x := range d.many {
		if !yield(x) {
			return
		}
	}
}

// take gives what changed since the last take. Both are valid until the next event.
func (d *debts) take() (begin []Effect, end []Key) {
	begin = d.room[:0]
	for i, x := range d.fresh {
		if !x.settled {
			x.taken = true
			begin = append(begin, x.describe())
		}
		d.fresh[i] = nil
	}
	d.fresh = d.fresh[:0]
	end, d.end = d.end, d.end[:0]
	d.room = begin
	return begin, end
}

// all is everything owed, in the order of its events.
func (d *debts) all() []Effect {
	out := make([]Effect, 0, d.count())
	for x := range d.each {
		out = append(out, x.describe())
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
	if x.status != Running || x.owed.count() == 0 || x.owed.count() > mostIdle {
		return until, nil, false
	}
	for d := range x.owed.each {
		if d.effect == nil {
			of := &d.frame.state.Task.Resource
			worker := of.Kind == asl.Activity
			if !worker && !(d.frame.task.submitted && of.Pattern == asl.WaitForTaskToken) { // as RunTask.Open
				return until, nil, false
			}
			if worker && !d.frame.task.started {
				unfetched = append(unfetched, d.frame.runTask())
			}
			continue
		}
		e, ok := d.effect.(*Timer)
		if !ok {
			return until, nil, false
		}
		if until.IsZero() || e.At.Before(until) {
			until = e.At
		}
	}
	return until, unfetched, true
}
