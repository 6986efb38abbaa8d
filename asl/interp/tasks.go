package interp

import (
	"encoding/hex"
	"time"

	"anthill/asl"
	"anthill/asl/failure"
)

// taskEvents is the events of a kind of task.
type taskEvents struct {
	scheduled, scheduleFailed, started, startFailed, submitFailed, succeeded, failed, timedOut Type
}

var (
	lambdaEvents = taskEvents{LambdaFunctionScheduled, LambdaFunctionScheduleFailed, LambdaFunctionStarted, LambdaFunctionStartFailed,
		LambdaFunctionFailed, LambdaFunctionSucceeded, LambdaFunctionFailed, LambdaFunctionTimedOut}
	activityEvents = taskEvents{ActivityScheduled, ActivityScheduleFailed, ActivityStarted, ActivityFailed,
		ActivityFailed, ActivitySucceeded, ActivityFailed, ActivityTimedOut}
	serviceEvents = taskEvents{TaskScheduled, TaskFailed, TaskStarted, TaskStartFailed,
		TaskSubmitFailed, TaskSucceeded, TaskFailed, TaskTimedOut}
)

func eventsOf(s *asl.State) *taskEvents {
	switch s.Task.Resource.Kind {
	case asl.LambdaFunction:
		return &lambdaEvents
	case asl.Activity:
		return &activityEvents
	}
	return &serviceEvents
}

// schedule does a Task state up to its task's being owed.
func (x *Execution) schedule(f *frame) *trouble {
	spec := f.state.Task
	v := x.own(f)
	if spec.Resource.Kind == asl.Activity || spec.Resource.Pattern == asl.WaitForTaskToken {
		v.token = x.token(x.seq + 1)
	}
	in, t := f.input, (*trouble)(nil)
	if !f.state.JSONata {
		if in, t = v.effective(); t != nil {
			return t
		}
	}
	args, t := v.parameters()
	if t != nil {
		return t
	}
	e := Event{Type: eventsOf(f.state).scheduled, Prev: f.prev, Resource: spec.Resource.ARN, Payload: f.printed(args), Frame: f.id, Token: v.token}
	if e.Timeout, _, t = v.number(spec.Timeout, in); t != nil {
		return t
	}
	if e.Heartbeat, _, t = v.number(spec.Heartbeat, in); t != nil {
		return t
	}
	if spec.Credentials != nil {
		if e.Credentials, t = v.expr(spec.Credentials, in); t != nil {
			return t
		}
	}
	if x.id.Refuse != nil {
		if why := x.id.Refuse(spec.Resource, args); why != "" {
			return f.runtimeTrouble("%s", why)
		}
	}
	x.emit(e)
	return nil
}

// take handles an input.
func (x *Execution) take(in Input) {
	if _, ok := in.(Redrive); ok {
		x.redrive()
		return
	}
	if x.status > Running {
		return
	}
	switch in := in.(type) {
	case Start:
		x.start(in)
	case Resume:
		x.resume()
	case TaskStart:
		if f := x.running(in.Task); f != nil && !f.task.started {
			x.emit(Event{Type: eventsOf(f.state).started, Prev: f.prev, Resource: f.state.Task.Resource.ARN, Name: in.Worker, Frame: f.id})
		}
	case TaskSubmission:
		if f := x.running(in.Task); f != nil {
			x.ensureStarted(f, in.Started)
			x.emit(Event{Type: TaskSubmitted, Prev: f.prev, Resource: f.state.Task.Resource.ARN, Payload: in.Output, Frame: f.id})
		}
	case TaskOutput:
		if f := x.running(in.Task); f != nil {
			x.taskOutput(f, in)
		}
	case TaskFailure:
		if f := x.running(in.Task); f != nil {
			x.taskFailure(f, in)
		}
	case Heartbeat:
		if f := x.running(in.Task); f != nil {
			x.emit(Event{Type: TaskHeartbeat, Frame: f.id})
		}
	case TimerFired:
		x.fired(in.Timer)
	case MapRunOutput:
		x.mapRunOutput(in)
	case MapRunFailure:
		x.mapRunFailure(in)
	case Stop:
		x.emit(Event{Type: ExecutionAborted, Error: in.Error, Cause: in.Cause})
	}
}

func (x *Execution) start(in Start) {
	if x.status != Created {
		return
	}
	x.emit(Event{Type: ExecutionStarted, Payload: in.Input, Token: hex.EncodeToString(in.Seed[:])})
}

// resume puts every frame that can go on into the queue again.
func (x *Execution) resume() {
	for id := uint32(0); id < x.nextFrame; id++ {
		if f := x.frames[id]; f != nil {
			x.enqueue(f)
		}
	}
}

// running is the frame whose task was scheduled by event seq and is not done; nil when there is none.
func (x *Execution) running(seq uint64) *frame {
	if d := x.owed.find(Key{seq, TaskEffect}); d != nil {
		return d.frame
	}
	return nil
}

// ensureStarted writes that f's task had started, when nobody has.
func (x *Execution) ensureStarted(f *frame, at time.Time) {
	if f.task.started {
		return
	}
	now := x.now
	if !at.IsZero() {
		x.now = at
	}
	x.emit(Event{Type: eventsOf(f.state).started, Prev: f.prev, Resource: f.state.Task.Resource.ARN, Frame: f.id})
	x.now = now
}

func (x *Execution) taskOutput(f *frame, in TaskOutput) {
	x.ensureStarted(f, in.Started)
	ev := eventsOf(f.state)
	arn := f.state.Task.Resource.ARN
	out := in.Output.Sealed()
	if len(out.Raw()) > MaxPayload {
		x.emit(Event{Type: ev.failed, Prev: f.prev, Resource: arn, Frame: f.id, Error: failure.DataLimitExceeded,
			Cause: "The state/task '" + arn + "' returned a result with a size exceeding the maximum number of bytes service limit."})
		return
	}
	x.emit(Event{Type: ev.succeeded, Prev: f.prev, Resource: arn, Payload: out, Frame: f.id})
}

func (x *Execution) taskFailure(f *frame, in TaskFailure) {
	ev := eventsOf(f.state)
	e := Event{Type: ev.failed, Resource: f.state.Task.Resource.ARN, Error: in.Error, Cause: in.Cause, Frame: f.id}
	switch in.Stage {
	case NotScheduled:
		e.Type = ev.scheduleFailed
	case NotStarted:
		e.Type = ev.startFailed
	case NotSubmitted:
		e.Type = ev.submitFailed
		x.ensureStarted(f, in.Started)
	default:
		x.ensureStarted(f, in.Started)
	}
	e.Prev = f.prev
	x.emit(e)
}

// fired handles a timer. Every task whose time is up by now times out with it, so that tasks that were begun together
// end together.
func (x *Execution) fired(k Key) {
	if !x.owed.has(k) {
		return
	}
	switch k.Kind {
	case MachineTimer:
		x.emit(Event{Type: ExecutionTimedOut})
	case WaitTimer, RetryTimer:
		x.emit(Event{Type: TimerEnded, Frame: x.owed.find(k).frame.id})
	case TimeoutTimer, HeartbeatTimer:
		for _, e := range x.owed.all() {
			if t, ok := e.(*Timer); ok && (t.Timer == k || !t.At.After(x.now)) && (t.Timer.Kind == TimeoutTimer || t.Timer.Kind == HeartbeatTimer) && x.owed.has(t.Timer) {
				x.timeOut(t.Timer)
			}
		}
	}
}

func (x *Execution) timeOut(k Key) {
	f := x.running(k.Seq)
	if f == nil {
		return
	}
	x.ensureStarted(f, time.Time{})
	x.emit(Event{Type: eventsOf(f.state).timedOut, Prev: f.prev, Resource: f.state.Task.Resource.ARN, Frame: f.id,
		Error: failure.Timeout, Count: missed(k.Kind == HeartbeatTimer)})
}
