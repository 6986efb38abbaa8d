package functions

import (
	"context"

	"anthill/sandbox"
)

// Ref names a function as a caller does.
type Ref struct {
	Account, Region string
	Name            string // the plain name
	Qualifier       string // "", "$LATEST", a version number or an alias
}

// Mode is how an invocation is waited for.
type Mode uint8

const (
	Sync   Mode = iota // wait for the outcome
	Queued             // accept durably, run later, retry
	DryRun             // check only
)

// Invocation is a request to run a function.
type Invocation struct {
	Ref
	Mode          Mode
	RequestID     string // "" makes one
	Payload       []byte // JSON; empty means {}
	TraceID       string
	ClientContext string
	LogTail       bool
	ForceCold     bool // start a fresh environment for it, whatever is idle: for cold-start experiments
	// Keep asks that the outcome stay with its environment until Result.Release is called. Callers that must flush
	// the outcome before it is safe set it; for the others Invoke has released already and Release does nothing.
	Keep bool
}

// Result is an invocation's outcome, with the version that ran.
type Result struct {
	*sandbox.Result
	ExecutedVersion string
	FunctionARN     string // of what ran, qualified as it was invoked
}

// Service keeps functions.
type Service struct{}

// Invoke runs a function. Unknown functions, throttling and broken requests are faults (noun "function").
func (s *Service) Invoke(ctx context.Context, inv Invocation) (*Result, error) { panic("being built") }

// Adopt finds the invocation of that id after a restart of the platform, in the environments that lived on: it waits
// while it runs. found is false when nobody knows it, which means that the machine went down with it.
func (s *Service) Adopt(ctx context.Context, requestID string) (r *Result, found bool, err error) {
	panic("being built")
}
