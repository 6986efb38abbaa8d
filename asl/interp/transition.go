package interp

import (
	"time"

	"anthill/asl"
	"anthill/asl/failure"
	"anthill/asl/jsonpath"
	"anthill/value"
)

// after is s seconds after t, as late as time can say.
func after(t time.Time, s int64) time.Time {
	const most = int64(290 * 365 * 24 * 3600)
	return t.Add(time.Duration(min(s, most)) * time.Second)
}

// env is the JSONPath surroundings with an input.
func (v *view) env(input value.Value) *jsonpath.Env { return &jsonpath.Env{Input: input, Scope: v} }

// set puts a result into the raw input of the state.
func (v *view) set(r *jsonpath.Ref, result value.Value) (value.Value, *trouble) {
	out, err := r.Set(v.f.input, result)
	if err != nil {
		return out, v.f.failed(err)
	}
	return out, nil
}

// failed decides what becomes of f's state, which failed: another attempt, a catcher, or the end of its flow.
// Specification, "Errors": retriers come first, then catchers.
func (x *Execution) failed(f *frame, t *trouble) {
	if x.retry(f, t) {
		return
	}
	x.closing(f)
	if x.caught(f, t) {
		return
	}
	x.lose(f, t)
}

// closing writes the event that a Parallel or Map state has failed: when a branch, an iteration or a map run did, or
// an EvaluationFailed came before. A States.Runtime of the state itself has none.
func (x *Execution) closing(f *frame) {
	if f.phase != failing {
		return
	}
	switch f.state.Type {
	case asl.Parallel:
		x.emit(Event{Type: ParallelStateFailed, Prev: f.prev, Frame: f.id})
	case asl.Map:
		x.emit(Event{Type: MapStateFailed, Prev: f.prev, Frame: f.id})
	}
}

// retry begins another attempt when a retrier says so.
func (x *Execution) retry(f *frame, t *trouble) bool {
	for i, r := range f.state.Retry {
		if !t.matches(r.Errors) {
			continue
		}
		var tried int64
		if f.tries != nil {
			tried = f.tries[i]
		}
		if tried >= r.MaxAttempts {
			return false
		}
		if x.trace != nil {
			x.trace.retry, x.trace.delay, x.tried = i, x.delay(r, tried), t.Failure
		}
		x.emit(Event{Type: Retry, Frame: f.id, Count: i, Error: t.Name, Cause: t.Cause, Until: x.now.Add(x.delay(r, tried))})
		return true
	}
	return false
}

// delay is how long a retrier waits before attempt tried+1 (specification, "Retrying after error").
func (x *Execution) delay(r *asl.Retrier, tried int64) time.Duration {
	most := float64(asl.MaxSeconds)
	if r.MaxDelay > 0 {
		most = float64(r.MaxDelay)
	}
	s := float64(r.Interval)
	for range tried {
		if s *= r.BackoffRate; s >= most {
			break
		}
	}
	s = min(s, most)
	if r.FullJitter {
		s *= x.draws(x.seq+1, drawJitter).fraction()
	}
	return time.Duration(s * float64(time.Second))
}

// matches reports whether ErrorEquals names the failure. States.Runtime is nobody's; States.ALL is everybody else's;
// States.TaskFailed is every error's but States.Timeout (Developer Guide, "Handling errors").
func (t *trouble) matches(names []string) bool {
	if t.Name == failure.Runtime {
		return false
	}
	for _, n := range names {
		switch {
		case n == t.Name && t.Name != "", n == failure.All:
			return true
		case n == failure.TaskFailed && t.Name != failure.Timeout && t.Name != failure.HeartbeatTimeout:
			return true
		case n == failure.HeartbeatTimeout && t.heartbeat:
			return true
		case n == failure.ResultPathMatchFailure && t.Name == "States.ReferencePathConflict": // the specification's name and AWS's
			return true
		}
	}
	return false
}

// caught leaves f's state by a catcher when one is for the failure.
func (x *Execution) caught(f *frame, t *trouble) bool {
	for i, c := range f.state.Catch {
		if !t.matches(c.Errors) {
			continue
		}
		if x.trace != nil {
			x.trace.catch, x.tried = i, t.Failure
		}
		if again := x.leaveCaught(f, t, c); again != nil {
			if again.evaluation {
				x.emit(Event{Type: EvaluationFailed, Prev: f.prev, Name: f.state.Name, Error: again.Name, Cause: again.Cause, Location: again.location, Frame: f.id})
			}
			x.lose(f, again)
		}
		return true
	}
	return false
}

func (x *Execution) leaveCaught(f *frame, t *trouble, c *asl.Catcher) *trouble {
	v := x.view(f)
	v.caught = value.OfObject(
		value.Member{Key: "Error", Value: value.OfString(t.Name)},
		value.Member{Key: "Cause", Value: value.OfString(t.Cause)})
	vars, again := v.assign(c.Assign, v.caught)
	if again != nil {
		return again
	}
	out := v.caught
	switch {
	case f.state.JSONata && c.Output != nil:
		out, again = v.expr(c.Output, value.Value{})
	case f.state.JSONata:
	case c.DiscardResult:
		out = f.input
	case c.ResultPath != nil:
		out, again = v.set(c.ResultPath, v.caught)
	}
	if again != nil {
		return again
	}
	return x.exit(f, out, vars, c.Next)
}

// lose ends f's flow as failed and takes the failure to the state it belongs to.
func (x *Execution) lose(f *frame, t *trouble) {
	p := f.parent
	if p == nil {
		x.emit(Event{Type: ExecutionFailed, Prev: f.prev, Error: t.Name, Cause: t.Cause, Frame: f.id})
		return
	}
	if p.state.Type == asl.Map {
		x.emit(Event{Type: MapIterationFailed, Prev: f.prev, Name: p.state.Name, Index: f.index, Frame: f.id})
	}
	x.abort(f, f.prev)
	for _, c := range p.join.children {
		if c == nil || c == f || c.phase == ended || c.phase == lost {
			continue
		}
		if p.state.Type == asl.Map {
			x.emit(Event{Type: MapIterationAborted, Prev: f.prev, Name: p.state.Name, Index: c.index, Frame: c.id})
		}
		x.abort(c, f.prev)
	}
	x.emit(Event{Type: BranchLost, Frame: f.id, Prev: f.prev, Error: t.Name, Cause: t.Cause, Count: missed(t.heartbeat)})
}

// missed is how events say that a failure is a missed heartbeat.
func missed(heartbeat bool) int {
	if heartbeat {
		return 1
	}
	return 0
}

// abort writes that the state which f is in, and those inside of it, do not come to their end.
func (x *Execution) abort(f *frame, prev int64) {
	if f.join != nil {
		for _, c := range f.join.children {
			if c == nil || c.phase == ended || c.phase == lost {
				continue
			}
			if f.state.Type == asl.Map {
				x.emit(Event{Type: MapIterationAborted, Prev: prev, Name: f.state.Name, Index: c.index, Frame: c.id})
			}
			x.abort(c, prev)
		}
	}
	if f.phase == entering || f.phase == ended || f.phase == lost || f.aborted || int(f.state.Type) >= len(abortedEvent) {
		return
	}
	if f.phase == failing && f.state.Type != asl.Task || f.phase == idle {
		return
	}
	if e := abortedEvent[f.state.Type]; e != 0 {
		x.emit(Event{Type: e, Prev: prev, Frame: f.id})
	}
}
