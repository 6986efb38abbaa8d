package interp

import (
	"time"

	"anthill/value"
)

// Event is one thing that happened to an execution. It is immutable.
type Event struct {
	Seq  uint64 // position in the execution's history, dense from 1
	ID   int64  // AWS's event id; 0 for an event that AWS does not show
	Prev int64  // AWS's previousEventId
	Type Type
	Time time.Time // when it happened; nanoseconds count

	Name     string      // state; map state of an iteration; worker of ActivityStarted
	Payload  value.Value // input, output or parameters, by Type
	Error    string      // "" for none
	Cause    string      // "" for none
	Resource string      // Task*, LambdaFunction*, Activity*: the Resource of the definition (see asl.ParseResource); MapRunStarted, MapRunRedriven: the map run's ARN
	Index    int         // MapIteration*: index; MapStateStarted: length; ExecutionRedriven and MapRunRedriven: redriveCount
	Assigned []Variable  // *StateExited: assignedVariables
	Location string      // EvaluationFailed: location, "" for none

	Timeout     int64       // *Scheduled: timeoutInSeconds; 0 for none
	Heartbeat   int64       // *Scheduled: heartbeatInSeconds; 0 for none
	Credentials value.Value // *Scheduled: {"RoleArn": …} as the state has it; Absent for none

	// What replay needs and AWS does not show.
	Frame uint32    // which flow of states: 0 is the machine's own
	Next  string    // *StateExited: the state that follows; "" at the end of a flow
	Until time.Time // WaitBegun: the end of the wait; Retry: the next attempt
	Token string    // *Scheduled: the task token; ExecutionStarted: the seed
	Count int       // Retry: the retrier; MapStateStarted: iterations at once, *TimedOut and BranchLost: 1 for a missed heartbeat
}

// Variable is an assigned workflow variable.
type Variable struct {
	Name  string // without $
	Value value.Value
}
