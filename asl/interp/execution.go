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

	// Token makes the token of a task from the position of its *Scheduled event and 128 random bits; nil gives the bits in
	// hexadecimal. It must be a function of its arguments.
	Token func(task uint64, random [16]byte) string
}

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

// Execution is one execution of a machine. It belongs to one goroutine at a time.
type Execution struct {
	machine *asl.Machine
	id      Identity
	status  Status
	output  value.Value
	fail    failure.Failure
}

// New makes an execution that has not started.
func New(m *asl.Machine, id Identity) *Execution { return &Execution{machine: m, id: id} }

// Decide takes an input and gives all events that follow from it without an outside effect. It advances x; see the
// driver's contract.
func (x *Execution) Decide(in Input, now time.Time) []Event { panic("being built") }

// Apply takes an event of the history. Events that x has already are passed over.
func (x *Execution) Apply(e *Event) { panic("being built") }

// Pending is every effect that is owed now, in the order in which they were called for.
func (x *Execution) Pending() []Effect { panic("being built") }

// Take gives the effects that became owed since the last Take and the keys of those that are not wanted any more.
func (x *Execution) Take() (begin []Effect, end []Key) { panic("being built") }

// Done reports whether x has ended.
func (x *Execution) Done() bool { return x.status > Running }

// Status is where x stands.
func (x *Execution) Status() Status { return x.status }

// Output is the output of an execution that succeeded.
func (x *Execution) Output() value.Value { return x.output }

// Failure is the error and cause of an execution that failed, timed out or was aborted.
func (x *Execution) Failure() failure.Failure { return x.fail }

// Seq is the position of the last event.
func (x *Execution) Seq() uint64 { panic("being built") }
