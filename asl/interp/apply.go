package interp

import (
	"encoding/hex"

	"anthill/asl/failure"
	"anthill/value"
)

// apply is the only place where an Execution changes. It looks at nothing but x and e.
func (x *Execution) apply(e *Event) {
	x.seq = e.Seq
	if e.ID != 0 {
		x.lastID = e.ID
	}
	switch e.Type {
	case ExecutionStarted:
		x.applyStarted(e)
		return
	case ExecutionSucceeded:
		x.end(Succeeded, e)
		x.output = e.Payload
		return
	case ExecutionFailed:
		x.end(Failed, e)
		return
	case ExecutionTimedOut:
		x.end(TimedOut, e)
		return
	case ExecutionAborted:
		x.end(Aborted, e)
		return
	case ExecutionRedriven:
		x.applyRedriven(e)
		return
	}
	f := x.frame(e.Frame)
	if f == nil {
		return
	}
	switch {
	case e.Type >= PassStateEntered && e.Type <= MapStateEntered:
		x.applyEntered(f, e)
	case e.Type >= PassStateExited && e.Type <= MapStateExited:
		x.applyExited(f, e)
	case e.Type >= TaskStateAborted && e.Type <= MapStateAborted:
		f.aborted = true
		if f.phase != failing { // which it stays until the state around is told
			x.release(f)
			f.cut()
		}
	case e.Type >= LambdaFunctionScheduled && e.Type <= TaskTimedOut || e.Type == TaskHeartbeat:
		x.applyTask(f, e)
	case e.Type >= ParallelStateStarted && e.Type <= MapIterationAborted:
		x.applyJoin(f, e)
	case e.Type >= MapRunStarted && e.Type <= MapRunRedriven:
		x.applyMapRun(f, e)
	case e.Type == EvaluationFailed:
		f.prev = e.ID
		x.applyFailure(f, e)
	case e.Type == WaitBegun:
		x.applyWait(f, e)
	case e.Type == TimerEnded:
		f.phase = entered
		if f.timer.Kind == WaitTimer {
			f.phase = waited
		}
		x.release(f)
		x.enqueue(f)
	case e.Type == Retry:
		x.applyRetry(f, e)
	case e.Type == BranchLost:
		p := f.parent
		x.loseChildren(p)
		p.prev = e.Prev
		x.applyFailure(p, e)
	}
}

func (x *Execution) applyStarted(e *Event) {
	x.status = Running
	x.started = e.Time
	x.input = e.Payload
	if b, err := hex.DecodeString(e.Token); err == nil && len(b) == len(x.seed) {
		x.seed = [16]byte(b)
	}
	x.limit(e)
	x.root = x.newFrame(nil, 0, &x.machine.Flow, e.Payload, 0)
}

// limit begins the time that the execution may take.
func (x *Execution) limit(e *Event) {
	most := x.machine.Timeout
	if l := x.id.Longest; l > 0 && (most == 0 || l < most) {
		most = l
	}
	if most > 0 {
		x.owed.owe(nil, &Timer{Key{e.Seq, MachineTimer}, after(e.Time, most)})
	}
}

// end closes the execution. The frames stay as they are, for a redrive.
func (x *Execution) end(s Status, e *Event) {
	x.status = s
	x.fail = failure.Failure{Name: e.Error, Cause: e.Cause}
	for _, e := range x.owed.all() {
		x.owed.settle(e.Key())
	}
}

// applyFailure makes f's state a failed one whose Retry and Catch are to be asked.
func (x *Execution) applyFailure(f *frame, e *Event) {
	x.release(f)
	f.fail = failure.Failure{Name: e.Error, Cause: e.Cause}
	f.heartbeat = e.Count == 1 && e.Type != EvaluationFailed
	f.phase = failing
	x.enqueue(f)
}

func (x *Execution) applyEntered(f *frame, e *Event) {
	if f.state == nil || f.state.Name != e.Name {
		f.state = f.flow.States[e.Name]
	}
	f.phase = entered
	f.enteredID, f.enteredBy, f.enteredAt = e.ID, f.prev, e.Time
	f.input = e.Payload
	f.prev = e.ID
	f.data, f.result, f.around = value.Value{}, value.Value{}, value.Value{}
	f.mapRunARN = ""
	f.attempt, f.tries, f.aborted = 0, nil, false
	x.enqueue(f)
}

func (x *Execution) applyExited(f *frame, e *Event) {
	x.release(f)
	x.dropChildren(f)
	f.prev = e.ID
	for _, v := range e.Assigned {
		f.vars.set(v.Name, v.Value)
	}
	f.data, f.input, f.result = e.Payload, value.Value{}, value.Value{}
	f.fail = failure.Failure{}
	if e.Next == "" {
		f.phase, f.state = ended, nil
	} else {
		f.phase, f.state = entering, f.flow.States[e.Next]
	}
	x.enqueue(f)
}

// loseChildren stops every flow inside of f. They stay as they are, for a redrive, until f's state is left or tried again.
func (x *Execution) loseChildren(f *frame) {
	if f.join == nil {
		return
	}
	for _, c := range f.join.children {
		if c != nil && c.phase != ended {
			x.release(c)
			c.cut()
			x.loseChildren(c)
		}
	}
}

// cut stops f and remembers where it stood.
func (f *frame) cut() {
	if f.phase != lost {
		f.before, f.phase = f.phase, lost
	}
}

func (x *Execution) dropChildren(f *frame) {
	if f.join == nil {
		return
	}
	for _, c := range f.join.children {
		if c != nil {
			x.drop(c)
		}
	}
	f.join = nil
}

func (x *Execution) applyWait(f *frame, e *Event) {
	f.timer = Key{e.Seq, WaitTimer}
	if !e.Until.After(e.Time) {
		f.timer, f.phase = Key{}, waited
		x.enqueue(f)
		return
	}
	f.phase = working
	x.owed.owe(f, &Timer{f.timer, e.Until})
}

func (x *Execution) applyRetry(f *frame, e *Event) {
	x.release(f)
	x.dropChildren(f)
	f.data, f.mapRunARN = value.Value{}, "" // what comes is another map run
	if f.tries == nil {
		f.tries = make([]int64, len(f.state.Retry))
	}
	if e.Count < len(f.tries) {
		f.tries[e.Count]++
	}
	f.attempt++
	f.around, f.aborted = value.Value{}, false
	f.fail = failure.Failure{}
	f.phase = retrying
	f.timer = Key{e.Seq, RetryTimer}
	x.owed.owe(f, &Timer{f.timer, e.Until})
}

// applyTask follows a task from its schedule to its outcome.
func (x *Execution) applyTask(f *frame, e *Event) {
	if e.ID != 0 {
		f.prev = e.ID
	}
	switch e.Type {
	case LambdaFunctionScheduled, ActivityScheduled, TaskScheduled:
		x.release(f)
		f.phase = working
		f.task = &task{seq: e.Seq, token: e.Token, args: e.Payload, scheduled: e.Time, timeout: e.Timeout, heartbeat: e.Heartbeat, creds: e.Credentials,
			debt: debt{key: Key{e.Seq, TaskEffect}, frame: f}}
		x.owed.add(&f.task.debt)
		if e.Type != ActivityScheduled {
			x.watch(f, e)
		}
	case LambdaFunctionStarted, ActivityStarted, TaskStarted:
		f.task.started = true
		if e.Type == ActivityStarted { // its clocks start with the worker (Developer Guide, "Activities")
			x.watch(f, e)
		}
	case TaskSubmitted:
		f.task.submitted = true
		x.beat(f, e)
	case TaskHeartbeat:
		x.beat(f, e)
	case LambdaFunctionSucceeded, ActivitySucceeded, TaskSucceeded:
		x.release(f)
		f.result = e.Payload
		f.phase = answered
		x.enqueue(f)
	default:
		x.applyFailure(f, e)
	}
}

// watch sets the clocks of f's task.
func (x *Execution) watch(f *frame, e *Event) {
	if f.task.timeout > 0 {
		x.owed.owe(f, &Timer{Key{f.task.seq, TimeoutTimer}, after(e.Time, f.task.timeout)})
	}
	x.beat(f, e)
}

// beat sets the heartbeat clock of f's task anew.
func (x *Execution) beat(f *frame, e *Event) {
	if f.task.heartbeat > 0 {
		x.owed.again(f, &Timer{Key{f.task.seq, HeartbeatTimer}, after(e.Time, f.task.heartbeat)})
	}
}

// runTask asks for f's task to be run, or says how far it is.
func (f *frame) runTask() *RunTask {
	t := f.task
	return &RunTask{Task: t.seq, State: f.state.Name, Resource: f.state.Task.Resource, Arguments: t.args, Timeout: t.timeout,
		Heartbeat: t.heartbeat, Credentials: t.creds, Token: t.token, Scheduled: t.scheduled, Attempt: f.attempt,
		Started: t.started, Submitted: t.submitted}
}

// applyJoin follows a Parallel or inline Map state.
func (x *Execution) applyJoin(f *frame, e *Event) {
	switch e.Type {
	case ParallelStateStarted:
		x.release(f)
		f.prev, f.phase = e.ID, working
		in := e.Payload
		if in.IsAbsent() {
			in = f.input
		}
		f.join = &join{children: make([]*frame, len(f.state.Branches))}
		for i, b := range f.state.Branches {
			f.join.children[i] = x.newFrame(f, i, b, in, e.ID)
		}
	case ParallelStateSucceeded:
		items := make([]value.Value, len(f.join.children))
		for i, c := range f.join.children {
			items[i] = c.data
		}
		x.dropChildren(f)
		f.prev = e.Prev // what follows names the last event of the last branch
		f.result = value.OfArray(items...)
		f.phase = answered
		x.enqueue(f)
	case ParallelStateFailed, MapStateFailed:
		f.prev = e.ID
	case MapStateStarted:
		x.applyMapStarted(f, e)
	case MapIterationStarted:
		x.applyIteration(f, e)
	case MapIterationSucceeded:
		j := f.parent.join
		j.results[f.index] = f.data
		j.children[f.index] = nil
		j.running--
		j.done++
		j.launch, j.succeeded = e.Prev, e.ID
		x.enqueue(f.parent)
		f.phase = idle
		delete(x.frames, f.id)
	case MapStateSucceeded:
		f.prev = e.Prev
		if f.join != nil {
			f.result = value.OfArray(f.join.results...)
			x.dropChildren(f)
		}
		f.mapRunARN = ""
		if f.mapRun != nil && f.enteredBy != 0 {
			f.prev = f.mapRun.started // recorded histories name MapRunStarted, but for a Map that comes first of all
		}
		f.phase = answered
		x.enqueue(f)
	}
}

func (x *Execution) applyMapStarted(f *frame, e *Event) {
	x.release(f)
	f.prev, f.phase = e.ID, working
	items := e.Payload
	if items.IsAbsent() {
		items = f.input.Compact()
	}
	if f.state.Map.Distributed {
		f.data = items
		x.enqueue(f)
		return
	}
	n := items.Len()
	f.join = &join{items: items, children: make([]*frame, n), results: make([]value.Value, n), width: e.Count, launch: e.ID, succeeded: e.ID}
	x.enqueue(f)
}

func (x *Execution) applyIteration(f *frame, e *Event) {
	j := f.join
	item := j.items.At(e.Index).Value
	in := e.Payload
	if in.IsAbsent() {
		in = item
	}
	c := x.newFrame(f, e.Index, f.state.Map.Processor, in, e.ID)
	c.item, c.itemIndex = item, e.Index
	j.children[e.Index] = c
	j.next = e.Index + 1
	j.running++
}

// iterationItem is "Map.Item" of the context object.
func iterationItem(index int, item value.Value) value.Value {
	return value.OfObject(value.Member{Key: "Index", Value: value.OfInt(int64(index))}, value.Member{Key: "Value", Value: item})
}
