package interp

import (
	"time"

	"anthill/asl"
	"anthill/asl/failure"
	"anthill/value"
)

// Identity is what the context object and the history say of an execution.
type Identity struct {
	ID               string // the execution's ARN
	Name             string
	RoleARN          string
	StateMachineID   string // ARN
	StateMachineName string

	Longest int64 // seconds that the execution may take, whatever its machine says; 0 for no such limit

	// Token makes the token of a task from the position of its *Scheduled event and 128 random bits; nil gives the bits in
	// hexadecimal. It must be a function of its arguments.
	Token func(task uint64, random [16]byte) string

	// MapRun makes the ARN of a map run from its label (empty for none) and 128 random bits; nil gives one from ID. It
	// must be a function of its arguments.
	MapRun func(label string, random [16]byte) string

	// Refuse says why a task cannot be scheduled at all (its activity does not exist, its parameters have a wrong form), in
	// AWS's words without the state in front; "" when it can. It is asked in Decide only; what it said is in the events. nil
	// refuses nothing.
	Refuse func(r asl.Resource, arguments value.Value) string

	// Extra is further members of the context object's top, such as those of a child execution. Absent for none.
	Extra value.Value
}

// Limits of Step Functions (Developer Guide, "Quotas").
const (
	MaxPayload      = 256 << 10 // bytes of an input or output
	MaxEvents       = 25000     // events that AWS shows of one execution
	MaxInlineWidth  = 40        // iterations of an inline Map at once
	MaxVariable     = 256 << 10 // bytes of one workflow variable, and of one Assign
	MaxAllVariables = 10 << 20  // bytes of all variables of an execution
)

// Status is where an execution stands.
type Status uint8

const (
	Created Status = iota
	Running
	Succeeded
	Failed
	TimedOut
	Aborted
)

var statusNames = [...]string{"CREATED", "RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}

// String is the status as AWS writes it.
func (s Status) String() string { return statusNames[s] }

// Execution is one execution of a machine. It belongs to one goroutine at a time.
type Execution struct {
	machine *asl.Machine
	id      Identity

	// Everything below changes in apply only.
	status    Status
	seq       uint64 // of the last event
	lastID    int64  // of the last event that AWS shows
	seed      [16]byte
	started   time.Time
	input     value.Value
	deadline  time.Time // of the machine; zero for none
	output    value.Value
	fail      failure.Failure
	redrives  int
	root      *frame
	frames    map[uint32]*frame
	nextFrame uint32
	owed      debts
	self      value.Value // "Execution" of the context object, made on demand

	// Only in a Test.
	trace *trace
	given value.Value     // the context object
	tried failure.Failure // what a retrier or catcher has taken on

	// Only during Decide.
	now   time.Time
	seen  view      // of the state that is at work
	out   []Event   // the newest of the events
	full  [][]Event // those before, in pieces: a long batch is not copied over and over
	ready []*frame  // frames that can go on without an outside effect, each once
	head  int
}

// New makes an execution that has not started.
func New(m *asl.Machine, id Identity) *Execution {
	return &Execution{machine: m, id: id, frames: map[uint32]*frame{}}
}

// Decide takes an input and gives all events that follow from it without an outside effect. It advances x; see the
// driver's contract.
func (x *Execution) Decide(in Input, now time.Time) []Event { return x.DecideInto(nil, in, now) }

// DecideInto is Decide that puts the events into room, as many as there is capacity for; its contents are lost.
func (x *Execution) DecideInto(room []Event, in Input, now time.Time) []Event {
	x.now, x.out = now, room[:0]
	x.take(in)
	for x.status == Running && x.head < len(x.ready) {
		f := x.ready[x.head]
		x.ready[x.head] = nil
		x.head++
		f.queued = false
		x.step(f)
	}
	for _, f := range x.ready[x.head:] { // the execution has ended before them
		f.queued = false
	}
	x.ready, x.head = x.ready[:0], 0
	return x.batch()
}

// batch gives and forgets the events of this Decide.
func (x *Execution) batch() []Event {
	out := x.out
	if x.full != nil {
		n := len(out)
		for _, piece := range x.full {
			n += len(piece)
		}
		out = make([]Event, 0, n)
		for _, piece := range x.full {
			out = append(out, piece...)
		}
		out = append(out, x.out...)
	}
	x.out, x.full = nil, nil
	return out
}

// Apply takes an event of the history. Events that x has already are passed over.
func (x *Execution) Apply(e *Event) {
	if e.Seq <= x.seq {
		return
	}
	x.apply(e)
}

// emit makes an event happen: it gets its position, id and time and is applied.
// A history that is full takes nothing more but the end of its execution.
func (x *Execution) emit(e Event) {
	if x.lastID >= MaxEvents-1 && !e.Type.Hidden() && (e.Type < ExecutionSucceeded || e.Type > ExecutionAborted) && e.Type != ExecutionRedriven {
		if x.status > Running {
			return
		}
		e = Event{Type: ExecutionFailed, Prev: e.Prev, Frame: x.root.id, Error: failure.Runtime,
			Cause: "The execution reached the maximum number of history events (25000)."}
	}
	e.Seq = x.seq + 1
	e.Time = x.now
	if !e.Type.Hidden() {
		e.ID = x.lastID + 1
	}
	if n := len(x.out); n == cap(x.out) {
		if n > 0 {
			x.full = append(x.full, x.out)
		}
		x.out = make([]Event, 0, min(max(2*n, 8), 256))
	}
	x.out = append(x.out, e)
	x.apply(&x.out[len(x.out)-1])
}

// Done reports whether x has ended.
func (x *Execution) Done() bool { return x.status > Running }

// Status is where x stands.
func (x *Execution) Status() Status { return x.status }

// Output is the output of an execution that succeeded.
func (x *Execution) Output() value.Value { return x.output }

// Input is what the execution was started with; absent before its first event. It never changes after that.
func (x *Execution) Input() value.Value { return x.input }

// Failure is the error and cause of an execution that failed, timed out or was aborted.
func (x *Execution) Failure() failure.Failure { return x.fail }

// Seq is the position of the last event.
func (x *Execution) Seq() uint64 { return x.seq }

// RedriveCount is how often the execution was redriven.
func (x *Execution) RedriveCount() int { return x.redrives }
