package latency

import (
	"time"
)

// Source says where a trace comes from, and so how finely its instants are known.
type Source string

const (
	FromHistory Source = "aws-history"   // GetExecutionHistory: milliseconds, event times only
	FromTrace   Source = "anthill-trace" // Anthill's own record: nanoseconds, with every handler's instants
)

// Trace is one execution with its instants. As JSON it is the answer of GET /_anthill/executions/{arn}/trace.
type Trace struct {
	ExecutionARN    string  `json:"executionArn"`
	StateMachineARN string  `json:"stateMachineArn,omitempty"`
	Name            string  `json:"name,omitempty"`
	Type            string  `json:"type,omitempty"` // STANDARD or EXPRESS
	Status          string  `json:"status"`         // RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED
	Events          []Event `json:"events"`
	Tasks           []Task  `json:"tasks"`

	// Profile is the name of the latency profile that the platform added on purpose; "" for none.
	Profile string `json:"latencyProfile,omitempty"`

	Source   Source   `json:"source,omitempty"`
	Problems []string `json:"problems,omitempty"` // what a reader found wrong, in sentences

	more bool // the last page that was read says that there are others
}

// Event is one history event.
type Event struct {
	ID       int64  `json:"id"`
	Previous int64  `json:"previousEventId"`
	Type     string `json:"type"`            // AWS's: TaskStateEntered, TaskScheduled, …
	State    string `json:"state,omitempty"` // the state it belongs to; may be empty where AWS gives none
	Instant  int64  `json:"instant"`         // nanoseconds since 1970: when it was decided or, for TaskStarted, happened
	Durable  int64  `json:"durable,omitempty"`
}

// At is the event's time.
func (e Event) At() time.Time { return time.Unix(0, e.Instant) }

// Task is one attempt of a task, with the instants of the invocation that served it.
// All are nanoseconds since 1970 by one machine's clock; zero means that it did not happen or is not known.
type Task struct {
	Scheduled int64  `json:"scheduledEventId"` // the id of its TaskScheduled or LambdaFunctionScheduled event
	State     string `json:"state"`
	RequestID string `json:"requestId,omitempty"`
	Start     Start  `json:"start,omitempty"`
	Queued    int64  `json:"queued"`   // an environment was asked for
	Sent      int64  `json:"sent"`     // the environment was handed the request
	Entered   int64  `json:"entered"`  // the handler was called, by the environment's clock
	Returned  int64  `json:"returned"` // the handler returned, by the environment's clock
	Received  int64  `json:"received"` // the outcome was read
}
