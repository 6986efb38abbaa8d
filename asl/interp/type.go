package interp

// Type is the type of an event. Its String is AWS's name. For each type the fields of Event that AWS's details show are
// given; what is not listed has none.
type Type uint8

const (
	ExecutionStarted   Type = iota + 1 // Payload: input. (roleArn is the Identity's.)
	ExecutionSucceeded                 // Payload: output
	ExecutionFailed                    // Error, Cause
	ExecutionTimedOut                  // Error, Cause
	ExecutionAborted                   // Error, Cause
	ExecutionRedriven                  // Index: redriveCount

	// Name, Payload: input
	PassStateEntered
	TaskStateEntered
	ChoiceStateEntered
	WaitStateEntered
	SucceedStateEntered
	FailStateEntered
	ParallelStateEntered
	MapStateEntered

	// Name, Payload: output, Assigned
	PassStateExited
	TaskStateExited
	ChoiceStateExited
	WaitStateExited
	SucceedStateExited
	ParallelStateExited
	MapStateExited

	TaskStateAborted
	WaitStateAborted
	ParallelStateAborted
	MapStateAborted

	EvaluationFailed // Error, Cause, Location, Name: state

	LambdaFunctionScheduled      // Resource, Payload: input, Timeout, Credentials
	LambdaFunctionScheduleFailed // Error, Cause
	LambdaFunctionStarted
	LambdaFunctionStartFailed // Error, Cause
	LambdaFunctionSucceeded   // Payload: output
	LambdaFunctionFailed      // Error, Cause
	LambdaFunctionTimedOut    // Error, Cause

	ActivityScheduled      // Resource, Payload: input, Timeout, Heartbeat
	ActivityScheduleFailed // Error, Cause
	ActivityStarted        // Name: workerName
	ActivitySucceeded      // Payload: output
	ActivityFailed         // Error, Cause
	ActivityTimedOut       // Error, Cause

	// All: Resource, which gives resource and resourceType
	TaskScheduled    // Payload: parameters, Timeout, Heartbeat, Credentials. (region is the Identity's.)
	TaskStarted      //
	TaskStartFailed  // Error, Cause
	TaskSubmitted    // Payload: output
	TaskSubmitFailed // Error, Cause
	TaskSucceeded    // Payload: output
	TaskFailed       // Error, Cause
	TaskTimedOut     // Error, Cause

	ParallelStateStarted
	ParallelStateSucceeded
	ParallelStateFailed

	MapStateStarted // Index: length
	MapStateSucceeded
	MapStateFailed
	MapIterationStarted   // Name, Index
	MapIterationSucceeded // Name, Index
	MapIterationFailed    // Name, Index
	MapIterationAborted   // Name, Index

	MapRunStarted // Resource: mapRunArn
	MapRunSucceeded
	MapRunFailed // Error, Cause
	MapRunAborted
	MapRunRedriven // Resource: mapRunArn, Index: redriveCount

	Retry         // hidden: a state failed and will be tried again at Until. Error, Cause; Count: the retrier
	TaskHeartbeat // hidden: a task gave a sign of life
	WaitBegun     // hidden: a Wait state waits until Until
	TimerEnded    // hidden: the timer of a Wait or of a retry has fired
	BranchLost    // hidden: a branch or iteration failed, and the state it belongs to with it. Error, Cause

	types
)

var typeNames = [types]string{
	"",
	"ExecutionStarted", "ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted", "ExecutionRedriven",
	"PassStateEntered", "TaskStateEntered", "ChoiceStateEntered", "WaitStateEntered", "SucceedStateEntered", "FailStateEntered",
	"ParallelStateEntered", "MapStateEntered",
	"PassStateExited", "TaskStateExited", "ChoiceStateExited", "WaitStateExited", "SucceedStateExited", "ParallelStateExited",
	"MapStateExited",
	"TaskStateAborted", "WaitStateAborted", "ParallelStateAborted", "MapStateAborted",
	"EvaluationFailed",
	"LambdaFunctionScheduled", "LambdaFunctionScheduleFailed", "LambdaFunctionStarted", "LambdaFunctionStartFailed",
	"LambdaFunctionSucceeded", "LambdaFunctionFailed", "LambdaFunctionTimedOut",
	"ActivityScheduled", "ActivityScheduleFailed", "ActivityStarted", "ActivitySucceeded", "ActivityFailed", "ActivityTimedOut",
	"TaskScheduled", "TaskStarted", "TaskStartFailed", "TaskSubmitted", "TaskSubmitFailed", "TaskSucceeded", "TaskFailed",
	"TaskTimedOut",
	"ParallelStateStarted", "ParallelStateSucceeded", "ParallelStateFailed",
	"MapStateStarted", "MapStateSucceeded", "MapStateFailed", "MapIterationStarted", "MapIterationSucceeded",
	"MapIterationFailed", "MapIterationAborted",
	"MapRunStarted", "MapRunSucceeded", "MapRunFailed", "MapRunAborted", "MapRunRedriven",
	"Retry", "TaskHeartbeat", "WaitBegun", "TimerEnded", "BranchLost",
}

// String is AWS's name of the type.
func (t Type) String() string { return typeNames[t] }

// Hidden reports whether AWS's histories do not show events of this type. They have ID 0.
func (t Type) Hidden() bool { return t >= Retry }

// Enters reports whether an event of that type is the entry into a state: a state transition.
func (t Type) Enters() bool { return t >= PassStateEntered && t <= MapStateEntered }

// Ends reports whether an event of that type is the end of an execution.
func (t Type) Ends() bool {
	switch t {
	case ExecutionSucceeded, ExecutionFailed, ExecutionTimedOut, ExecutionAborted:
		return true
	}
	return false
}
