package interp

import (
	"time"

	"anthill/value"
)

// Input is something that happened outside of the engine.
type Input interface{ input() }

// Start begins an execution. It must be the first input.
type Start struct {
	Input value.Value
	Seed  [16]byte // random: every random draw and id of the execution comes from it
}

// Resume finishes what a history that was cut between two events of one Decide left undone.
type Resume struct{}

// TaskStart says that whoever does the task has been handed the request.
type TaskStart struct {
	Task   uint64
	Worker string // activities: the worker's name
}

// TaskSubmission says that the service accepted the request (.sync and .waitForTaskToken).
type TaskSubmission struct {
	Task    uint64
	Output  value.Value
	Started time.Time // zero: now. When TaskStart was not given before, it is recorded with this instant
}

// TaskOutput gives a task's answer.
type TaskOutput struct {
	Task    uint64
	Output  value.Value
	Started time.Time // as in TaskSubmission
}

// TaskFailure says that a task failed, with the error name that Retry and Catch see.
type TaskFailure struct {
	Task    uint64
	Error   string
	Cause   string
	Started time.Time // as in TaskSubmission
	// Stage says how far the task came. The zero Stage is a task that ran and failed.
	Stage Stage
}

// Stage is how far a failed task came.
type Stage uint8

const (
	Ran          Stage = iota // TaskFailed, LambdaFunctionFailed, ActivityFailed
	NotScheduled              // LambdaFunctionScheduleFailed, ActivityScheduleFailed
	NotStarted                // TaskStartFailed, LambdaFunctionStartFailed
	NotSubmitted              // TaskSubmitFailed
)

// Heartbeat is a sign of life of a task.
type Heartbeat struct {
	Task uint64
}

// TimerFired says that the instant of a Timer has come.
type TimerFired struct {
	Timer Key
}

// MapRunOutput gives the result of a distributed Map: the array of outputs, or what its ResultWriter says.
type MapRunOutput struct {
	MapRun uint64
	Output value.Value
}

// MapRunFailure says that a distributed Map failed: States.ExceedToleratedFailureThreshold, States.ItemReaderFailed,
// States.ResultWriterFailed.
type MapRunFailure struct {
	MapRun uint64
	Error  string
	Cause  string
}

// Stop ends the execution as ABORTED. Error and Cause may be empty.
type Stop struct {
	Error string
	Cause string
}

// Redrive starts a failed, aborted or timed out execution again from the states that did not succeed.
type Redrive struct{}

func (Start) input()          {}
func (Resume) input()         {}
func (TaskStart) input()      {}
func (TaskSubmission) input() {}
func (TaskOutput) input()     {}
func (TaskFailure) input()    {}
func (Heartbeat) input()      {}
func (TimerFired) input()     {}
func (MapRunOutput) input()   {}
func (MapRunFailure) input()  {}
func (Stop) input()           {}
func (Redrive) input()        {}
