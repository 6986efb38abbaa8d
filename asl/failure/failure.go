package failure

import "fmt"

// Error names of the Amazon States Language and of Step Functions.
const (
	All                      = "States.ALL"
	BranchFailed             = "States.BranchFailed"
	DataLimitExceeded        = "States.DataLimitExceeded"
	ExceedToleratedThreshold = "States.ExceedToleratedFailureThreshold"
	HeartbeatTimeout         = "States.HeartbeatTimeout"
	IntrinsicFailure         = "States.IntrinsicFailure"
	ItemReaderFailed         = "States.ItemReaderFailed"
	NoChoiceMatched          = "States.NoChoiceMatched"
	ParameterPathFailure     = "States.ParameterPathFailure"
	Permissions              = "States.Permissions"
	QueryEvaluationError     = "States.QueryEvaluationError"
	ReferencePathConflict    = "States.ReferencePathConflict" // what AWS says for a ResultPath that does not fit
	ResultPathMatchFailure   = "States.ResultPathMatchFailure"
	ResultWriterFailed       = "States.ResultWriterFailed"
	Runtime                  = "States.Runtime"
	TaskFailed               = "States.TaskFailed"
	Timeout                  = "States.Timeout"
)

// Failure is why a state failed. It is an error so that evaluators can return it; what a function or a service answered
// is a Failure too, and no fault of ours.
type Failure struct {
	Name  string // an error name: one of the constants, or the user's own
	Cause string // a sentence for people; may be empty
}

// New makes a Failure with a formatted cause.
func New(name, format string, args ...any) *Failure {
	return &Failure{Name: name, Cause: fmt.Sprintf(format, args...)}
}

// Error is the name and the cause.
func (f *Failure) Error() string {
	if f.Cause == "" {
		return f.Name
	}
	return f.Name + ": " + f.Cause
}

// Problem is something wrong in a definition. Evaluators that are compiled from JSON report all of theirs at once.
type Problem struct {
	At      string // JSON pointer to the place, from the value that was compiled: "" is that value itself, "/And/0" inside it
	Code    string // AWS's diagnostic code, such as SCHEMA_VALIDATION_FAILED
	Message string // AWS's words, without the place
}
