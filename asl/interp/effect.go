package interp

import (
	"time"

	"anthill/asl"
	"anthill/asl/failure"
	"anthill/asl/jsonpath"
	"anthill/value"
)

// Key names an effect of an execution: the position of the event that called for it, and what it is.
type Key struct {
	Seq  uint64
	Kind Kind
}

// Kind is what an effect is.
type Kind uint8

const (
	TaskEffect     Kind = iota + 1 // a RunTask
	MapRunEffect                   // a RunMap
	WaitTimer                      // the end of a Wait state
	RetryTimer                     // the next attempt of a state
	TimeoutTimer                   // TimeoutSeconds of a task
	HeartbeatTimer                 // HeartbeatSeconds of a task
	MachineTimer                   // TimeoutSeconds of the machine
)

// Effect is something that the driver owes the execution: a *RunTask, a *RunMap or a *Timer. It does not change.
type Effect interface {
	Key() Key
}

// RunTask asks for a task to be run.
type RunTask struct {
	Task        uint64 // its Key's Seq, by which inputs name it
	State       string
	Resource    asl.Resource
	Arguments   value.Value // Parameters or Arguments, computed; for functions by ARN and activities the input itself
	Timeout     int64       // seconds; 0 for none
	Heartbeat   int64       // seconds; 0 for none
	Credentials value.Value // {"RoleArn": …}; Absent for none
	Token       string      // the task token; "" when the resource has none
	Scheduled   time.Time
	Attempt     int  // retries of the state before this run
	Started     bool // TaskStarted is in the history: after a crash the task may be running, or have run
	Submitted   bool // so is TaskSubmitted
}

// Open reports whether nothing is left to do for the task but to wait for an answer with its token.
func (r *RunTask) Open() bool {
	return r.Resource.Kind == asl.Activity || r.Submitted && r.Resource.Pattern == asl.WaitForTaskToken
}

// Timer asks for a TimerFired at an instant.
type Timer struct {
	Timer Key
	At    time.Time
}

// RunMap asks for a distributed Map: child executions of State.Map.Child(), one an item or batch.
type RunMap struct {
	MapRun         uint64 // its Key's Seq, by which inputs name it
	ARN            string
	State          *asl.State
	Items          value.Value // the items; Absent when Reader says where they are
	Reader         value.Value // the computed Parameters of the ItemReader; Absent when Items are here
	MaxItems       int64       // of the ItemReader; 0 for no limit. A negative one, which only a path can give, is for the driver to refuse
	Writer         value.Value // the computed Parameters of the ResultWriter; Absent for none
	MaxConcurrency int64       // 0 for no limit
	ToleratedCount int64       // failed items that are put up with; -1 when not given
	ToleratedShare float64     // percent of items; -1 when not given
	BatchItems     int64       // most items a batch; 0 for no limit
	BatchBytes     int64       // most bytes a batch; 0 for no limit
	Redriven       bool        // only the children that did not succeed are run again

	x     *Execution
	frame uint32
}

// Input computes the input of a child execution from its item, or what of a batch one item becomes: ItemSelector. source is
// where an ItemReader found the item, "" for items of the input. The error is a *failure.Failure.
func (r *RunMap) Input(index int, item value.Value, source string) (value.Value, error) {
	f := r.x.frames[r.frame]
	if f == nil || f.state == nil || f.state.Map == nil {
		return item, nil
	}
	if f.state.Map.Selector == nil {
		return item, nil
	}
	out, t := r.x.selectItem(f, index, item, source)
	if t != nil {
		return out, &t.Failure
	}
	return out, nil
}

// ItemsOf chooses the items in what the ItemReader has read: what ItemsPath names in it, or all of it when ItemsPath is about
// the state's input. The error is a *failure.Failure: States.ItemReaderFailed when that is no array.
func (r *RunMap) ItemsOf(read value.Value) (value.Value, error) {
	f := r.x.frames[r.frame]
	if path := r.State.Map.Items; path != nil && f != nil {
		out, err := path.Eval(&jsonpath.Env{Input: read, Scope: r.x.view(f)})
		if err == nil {
			read = out
		} else if _, inInput := path.Eval(&jsonpath.Env{Input: f.input, Scope: r.x.view(f)}); inInput != nil {
			return read, failure.New(failure.ItemReaderFailed, "%s", err.(*failure.Failure).Cause)
		}
	}
	if read.Kind() != value.Array {
		return read, failure.New(failure.ItemReaderFailed, "Attempting to map over non-iterable node.")
	}
	return read, nil
}

// BatchInput computes BatchInput of ItemBatcher; Absent when there is none. The error is a *failure.Failure.
func (r *RunMap) BatchInput() (value.Value, error) {
	f := r.x.frames[r.frame]
	if f == nil || r.State.Map.Batch == nil || r.State.Map.Batch.Input == nil {
		return value.Value{}, nil
	}
	v := r.x.view(f)
	in, t := f.input, (*trouble)(nil)
	if !f.state.JSONata {
		in, t = v.effective()
	}
	if t == nil {
		in, t = v.expr(r.State.Map.Batch.Input, in)
	}
	if t != nil {
		return in, &t.Failure
	}
	return in, nil
}

// Key names the effect.
func (r *RunTask) Key() Key { return Key{r.Task, TaskEffect} }

// Key names the effect.
func (r *RunMap) Key() Key { return Key{r.MapRun, MapRunEffect} }

// Key names the effect.
func (t *Timer) Key() Key { return t.Timer }
