package sandbox

import (
	"context"
	"time"
)

// Driver makes execution environments. Package process has real ones, package sandboxtest Go functions.
type Driver interface {
	// Create makes the place of an environment: its directory, its /tmp, its identity. Nothing runs in it yet.
	Create(ctx context.Context, spec Spec, id string) (Environment, error)

	// Survivors gives the environments that an earlier platform left behind. The pool calls it once, when it opens.
	Survivors(ctx context.Context) ([]Survivor, error)

	// Close ends every environment.
	Close() error
}

// Preparer is a Driver that can do work ahead of the first start of a function: a template to fork from.
type Preparer interface {
	// Prepare makes the first start of spec quick. It may be called again; it is never needed.
	Prepare(ctx context.Context, spec Spec) error
	// Forget drops what Prepare made for key.
	Forget(key string)
}

// Gauge is a Driver that knows how busy the machine is.
type Gauge interface {
	// Spare reports whether a processor is free at this moment.
	Spare() bool
}

// Snapshotter is a Driver that can restore environments from a process that has run the function's init.
type Snapshotter interface {
	// Snapshot runs spec's init, once, and keeps the process, when spec.InitializationType is "snap-start". What the init
	// printed comes with it. Environments of spec that start later are restored from it; where none was kept, and where it was
	// lost and cannot be taken again, they start by an init of their own.
	Snapshot(ctx context.Context, spec Spec) (Snapshot, error)
}

// Snapshot is the end of the init that a snapshot was taken of.
type Snapshot struct {
	Boot            // Kind is Answered when a snapshot is kept, and when Refused says why it is not
	Refused string  // why the initialised process cannot be copied, in words; "" when a snapshot is kept
	Output  []Entry // of the init
}

// Ledger is a Driver that knows what earlier platforms have handed over.
type Ledger interface {
	// Complete is the instant since when every invocation that was handed over is known: a survivor tells of it, or Ended
	// does. Zero means that nothing is known.
	Complete() time.Time
	// Ended reports whether an invocation was handed to an environment that was stopped on a platform's word.
	Ended(requestID string) bool
}

// Environment is one execution environment as its driver sees it. The pool calls its methods from one goroutine at a
// time, but for Stop and Close, which may come from any.
type Environment interface {
	// Boot starts the runtime and waits for its init phase. It is called again after a Stop, an exit or a failed init:
	// the environment keeps its identity and its /tmp. ctx's deadline is the init's limit; when it passes the outcome's
	// kind is TimedOut and the caller stops the environment. The error is our own trouble.
	Boot(ctx context.Context) (Boot, error)

	// Send hands over an invocation, which must end by deadline. The error means that the environment is gone.
	Send(inv *Invocation, deadline time.Time) error

	// Wait waits for the outcome of the invocation that was sent, or that Resume told of. It gives an outcome of kind
	// Pending when until has passed, and may then be called again; so too after ctx's end, which is its only error.
	Wait(ctx context.Context, until time.Time) (Outcome, error)

	// Output gives what the environment has written since the last call, oldest first.
	Output() []Entry

	// Resume says what a survivor is doing. It returns once that is certain.
	Resume(ctx context.Context) (Resumed, error)

	// Stop ends every process of the environment and returns when none is left.
	Stop()

	// Close ends every process and removes the environment.
	Close() error
}

// Freezer is an Environment that can be held still between its invocations, as AWS holds its own. The pool calls it only while
// the environment is idle.
type Freezer interface {
	// Freeze stops the function's threads, timers and children, and reports whether anything is stopped.
	Freeze() bool
	// Thaw lets them run on. It is called before the next Send, when Freeze gave true.
	Thaw()
}

// Survivor is an environment that outlived the platform that made it.
type Survivor struct {
	ID          string
	Spec        Spec
	Created     time.Time
	Environment Environment
}

// Boot is the end of an init phase.
type Boot struct {
	Outcome               // Answered when init succeeded; Failed, Exited or TimedOut when not
	Start          Start  // Cold, or Restored when it was made from a snapshot or template
	SpawnBegin     int64  // nanoseconds since 1970, as in Phases
	Spawned        int64  //
	InitBegin      int64  //
	InitEnd        int64  //
	Method         string // how the process came to be: "plain", "template", "snapshot", "spare"
	RuntimeVersion string // as INIT_START shows it: "python:3.11.v7"
	PID            int    // of the runtime's process, 0 when there is none
}

// Kind is how an invocation or an init ended.
type Kind uint8

// The kinds of outcomes.
const (
	Pending  Kind = iota // it has not ended yet
	Answered             // with a result
	Failed               // with an error object of the runtime's making
	Exited               // the process ended instead
	TimedOut             // nothing came in time
)

// Outcome is what an environment gave for one invocation or init.
type Outcome struct {
	Kind      Kind
	Payload   []byte // the result or the error object, JSON
	ErrorType string // of Failed

	Exit        string // of Exited, in the words of Go's ProcessState: "exit status 1", "signal: killed"; "" for status 0
	OutOfMemory bool   // the memory limit ended it
	Untaken     bool   // with Exited: the runtime ended before it asked for the invocation, which nobody has seen

	Entered, Returned, Received int64 // as in Phases
	MaxMemoryMB                 int
}

// Entry is one piece of an environment's output: a line of raw output or a whole framed record.
type Entry struct {
	Time time.Time
	Text string // with its newline when it had one
}

// Resumed is what a survivor is doing.
type Resumed struct {
	// RequestID is the invocation that runs or whose outcome is kept: Wait gives its outcome. "" when there is none.
	RequestID string
	Deadline  time.Time // of a running one
	First     bool      // it is the first that the environment was handed
	Sent      int64     // when its environment read the request, nanoseconds since 1970
	Ended     bool      // no process is left; Boot makes it usable again once its outcome, if any, is taken
}
