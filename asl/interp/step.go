package interp

import (
	"anthill/asl"
	"anthill/asl/failure"
	"anthill/value"
)

// Events of entering, leaving and aborting a state, by its type; 0 where there is none.
var (
	enteredEvent = [...]Type{asl.Pass: PassStateEntered, asl.Task: TaskStateEntered, asl.Choice: ChoiceStateEntered,
		asl.Wait: WaitStateEntered, asl.Succeed: SucceedStateEntered, asl.Fail: FailStateEntered,
		asl.Parallel: ParallelStateEntered, asl.Map: MapStateEntered}
	exitedEvent = [...]Type{asl.Pass: PassStateExited, asl.Task: TaskStateExited, asl.Choice: ChoiceStateExited,
		asl.Wait: WaitStateExited, asl.Succeed: SucceedStateExited, asl.Parallel: ParallelStateExited, asl.Map: MapStateExited, asl.Fail: 0}
	abortedEvent = [...]Type{asl.Task: TaskStateAborted, asl.Wait: WaitStateAborted, asl.Parallel: ParallelStateAborted, asl.Map: MapStateAborted}
)

// step takes f as far as one state goes: it enters it and does its work, or does what is left to do.
func (x *Execution) step(f *frame) {
	if f.phase == entering {
		x.emit(Event{Type: enteredEvent[f.state.Type], Prev: f.prev, Name: f.state.Name, Payload: f.data, Frame: f.id})
	}
	switch f.phase {
	case entered:
		x.settle(f, x.work(f))
	case waited:
		x.settle(f, x.passThrough(f))
	case answered:
		x.settle(f, x.finish(f))
	case working:
		x.settle(f, x.advance(f))
	case failing:
		x.failed(f, &trouble{Failure: f.fail, heartbeat: f.heartbeat})
	case ended:
		x.flowEnded(f)
	}
}

// settle deals with the trouble that a step of f ended in.
func (x *Execution) settle(f *frame, t *trouble) {
	if t == nil {
		return
	}
	if t.evaluation {
		prev := f.prev
		if prev == f.enteredID && !t.late {
			prev = f.enteredBy // AWS evaluates before the StateEntered event counts as the last one
		}
		x.emit(Event{Type: EvaluationFailed, Prev: prev, Name: f.state.Name, Error: t.Name, Cause: t.Cause, Location: t.location, Frame: f.id})
		return // the frame is failing now and in the queue
	}
	x.failed(f, t)
}

// work does what a state does first.
func (x *Execution) work(f *frame) *trouble {
	switch f.state.Type {
	case asl.Pass:
		return x.pass(f)
	case asl.Task:
		return x.schedule(f)
	case asl.Choice:
		return x.choose(f)
	case asl.Wait:
		return x.wait(f)
	case asl.Succeed:
		return x.passThrough(f)
	case asl.Fail:
		return x.fails(f)
	case asl.Parallel:
		return x.fork(f)
	}
	return x.mapItems(f)
}

// effective is f's input after InputPath.
func (v *view) effective() (value.Value, *trouble) {
	f := v.f
	switch {
	case f.state.DiscardInput:
		v.note("afterInputPath", emptyObject)
		return emptyObject, nil
	case f.state.InputPath == nil:
		v.note("afterInputPath", f.input)
		return f.input, nil
	}
	in, t := v.path(f.state.InputPath, f.input)
	v.note("afterInputPath", in)
	return in, t
}

// note shows a test what the state has come to. Parallel states show only their results.
func (v *view) note(name string, x value.Value) {
	if v.x.trace != nil && !x.IsAbsent() && (v.f.state.Type != asl.Parallel || name == "afterResultSelector" || name == "afterResultPath") {
		v.x.trace.note(name, x)
	}
}

var emptyObject = value.MustParse("{}")

// parameters is the effective input after Parameters of JSONPath or Arguments of JSONata: what the state works on.
func (v *view) parameters() (value.Value, *trouble) {
	s := v.f.state
	if s.JSONata {
		if s.Arguments == nil {
			return v.f.input, nil
		}
		args, t := v.expr(s.Arguments, value.Value{})
		v.note("afterArguments", args)
		return args, t
	}
	in, t := v.effective()
	if t == nil && s.Parameters != nil {
		in, t = v.expr(s.Parameters, in)
	}
	if t == nil {
		v.note("afterParameters", in)
	}
	return in, t
}

// pass does a Pass state.
func (x *Execution) pass(f *frame) *trouble {
	v := x.own(f)
	if f.state.JSONata {
		return x.leave(f, v, value.Value{}, f.input)
	}
	result := f.state.Result
	v.note("result", result)
	if result.IsAbsent() {
		var t *trouble
		if result, t = v.parameters(); t != nil {
			return t
		}
	}
	return x.place(f, v, result)
}

// passThrough leaves a state that has no result: Wait and Succeed.
func (x *Execution) passThrough(f *frame) *trouble {
	v := x.own(f)
	if f.state.JSONata {
		return x.leave(f, v, value.Value{}, f.input)
	}
	in, t := v.effective()
	if t != nil {
		return t
	}
	return x.leave(f, v, in, in)
}

// choose does a Choice state.
func (x *Execution) choose(f *frame) *trouble {
	v := x.own(f)
	in, t := f.input, (*trouble)(nil)
	if !f.state.JSONata {
		if in, t = v.effective(); t != nil {
			return t
		}
	}
	for _, c := range f.state.Choices {
		holds, t := v.holds(c, in)
		if t != nil {
			return t
		}
		if holds {
			return x.leaveBy(f, v, in, in, c.Output, c.Assign, c.Next)
		}
	}
	if f.state.Default == nil {
		return f.troubleOf(failure.New(failure.Runtime, "Failed to transition out of the state. The state does not point to a next state."))
	}
	return x.leaveBy(f, v, in, in, f.state.Output, f.state.Assign, f.state.Default)
}

// holds reports whether a choice rule applies.
func (v *view) holds(c *asl.ChoiceRule, in value.Value) (bool, *trouble) {
	if c.Condition == nil {
		holds, err := c.Rule.Eval(v.env(in))
		if err != nil {
			return false, v.f.failed(err)
		}
		return holds, nil
	}
	out, t := v.expr(c.Condition, value.Value{})
	if t == nil {
		t = v.expect(c.Condition, out, value.Bool)
	}
	return out.Bool(), t
}

// wait does a Wait state up to its waiting.
func (x *Execution) wait(f *frame) *trouble {
	v := x.own(f)
	in, t := f.input, (*trouble)(nil)
	if !f.state.JSONata {
		if in, t = v.effective(); t != nil {
			return t
		}
	}
	until := x.now
	if n := f.state.Wait.Seconds; n != nil {
		s, t := v.seconds(n, in)
		if t != nil {
			return t
		}
		until = after(x.now, s)
	} else if until, t = v.instant(f.state.Wait.Timestamp, in); t != nil {
		return t
	}
	x.emit(Event{Type: WaitBegun, Frame: f.id, Until: until})
	if f.phase == waited {
		return x.passThrough(f)
	}
	return nil
}

// fails does a Fail state: it has no Exited event.
func (x *Execution) fails(f *frame) *trouble {
	v := x.own(f)
	name, t := v.words(f.state.Fail.Error)
	if t != nil {
		return t
	}
	cause, t := v.words(f.state.Fail.Cause)
	if t != nil {
		return t
	}
	return &trouble{Failure: failure.Failure{Name: name, Cause: cause}}
}

// words evaluates Error or Cause of a Fail state.
func (v *view) words(w *asl.Text) (string, *trouble) {
	switch {
	case w == nil:
		return "", nil
	case w.Path != nil:
		env := v.env(v.f.input)
		out := w.Path.Lookup(env)
		if out.IsAbsent() {
			return "", v.f.runtimeTrouble("The JSONPath '%s' specified for the field '%s' could not be found in the input '%s'", w.Path, w.Field, v.f.input.Raw())
		}
		return plain(out), nil
	case w.Expr == nil:
		return w.Literal, nil
	case w.Expr.Template != nil:
		out, t := v.expr(w.Expr, v.f.input)
		return plain(out.Get(w.Field)), t
	}
	out, t := v.expr(w.Expr, value.Value{})
	if t == nil {
		t = v.expect(w.Expr, out, value.String)
	}
	return out.Text(), t
}

// finish leaves a state whose result is there: Task, Parallel, Map.
func (x *Execution) finish(f *frame) *trouble {
	v := x.own(f)
	if f.state.Type == asl.Task {
		v.note("result", f.result)
	}
	if f.state.JSONata {
		v.result = f.result
		return x.leave(f, v, value.Value{}, f.result)
	}
	result := f.result
	if f.state.ResultSelector != nil {
		var t *trouble
		if result, t = v.expr(f.state.ResultSelector, result); t != nil {
			return t
		}
	}
	return x.place(f, v, result)
}

// place puts a result into the raw input by ResultPath and leaves the state.
func (x *Execution) place(f *frame, v *view, result value.Value) *trouble {
	v.note("afterResultSelector", result)
	out := result
	switch {
	case f.state.DiscardResult:
		out = f.input
	case f.state.ResultPath != nil:
		var t *trouble
		if out, t = v.set(f.state.ResultPath, result); t != nil {
			return t
		}
	}
	v.note("afterResultPath", out)
	return x.leave(f, v, result, out)
}

// leave ends a state by its own Assign, OutputPath or Output, and Next. basis is "$" of Assign in JSONPath, out what the
// state gives before OutputPath.
func (x *Execution) leave(f *frame, v *view, basis, out value.Value) *trouble {
	return x.leaveBy(f, v, basis, out, f.state.Output, f.state.Assign, f.state.Next)
}

func (x *Execution) leaveBy(f *frame, v *view, basis, out value.Value, output, assign *asl.Expression, next *asl.State) *trouble {
	vars, t := v.assign(assign, basis)
	if t != nil {
		return t
	}
	switch {
	case f.state.JSONata:
		if output != nil {
			out, t = v.expr(output, value.Value{})
		}
	case f.state.DiscardOutput:
		out = emptyObject
	case f.state.OutputPath != nil:
		out, t = v.path(f.state.OutputPath, out)
	}
	if t != nil {
		return t
	}
	return x.exit(f, out, vars, next)
}

// exit writes the event of leaving f's state.
func (x *Execution) exit(f *frame, out value.Value, vars []Variable, next *asl.State) *trouble {
	out = f.printed(out)
	if len(out.Raw()) > MaxPayload {
		return &trouble{Failure: *failure.New(failure.DataLimitExceeded, "The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.", f.state.Name)}
	}
	e := Event{Type: exitedEvent[f.state.Type], Prev: f.prev, Name: f.state.Name, Payload: out, Assigned: vars, Frame: f.id}
	if next != nil {
		e.Next = next.Name
	}
	x.emit(e)
	return nil
}

// printed is v as events show it: what merely passes through stays as it was written, what was computed is compact.
func (f *frame) printed(v value.Value) value.Value {
	if value.Same(v, f.input) || value.Same(v, f.result) {
		return v.Sealed()
	}
	return v.Compact()
}

// flowEnded goes on in what f is a flow of.
func (x *Execution) flowEnded(f *frame) {
	switch p := f.parent; {
	case p == nil:
		x.emit(Event{Type: ExecutionSucceeded, Prev: f.prev, Payload: f.data, Frame: f.id})
	case p.state.Type == asl.Map:
		x.emit(Event{Type: MapIterationSucceeded, Prev: f.prev, Name: p.state.Name, Index: f.index, Frame: f.id})
	case p.join.allEnded():
		x.emit(Event{Type: ParallelStateSucceeded, Prev: p.join.last(), Frame: p.id})
	}
}

// last is the id of the last event of any branch.
func (j *join) last() (id int64) {
	for _, c := range j.children {
		id = max(id, c.prev)
	}
	return id
}
