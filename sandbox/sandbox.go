package sandbox

import "time"

// Spec says what an environment runs. Environments of equal Key are interchangeable.
type Spec struct {
	Key string // names one published state of one function: a change of code or configuration changes it

	FunctionName string
	Version      string // "$LATEST" or a number
	ARN          string // of the function, unqualified
	Account      string
	Region       string

	Runtime string   // AWS's identifier: "python3.12"
	RunsOn  string   // tail of the runtime version's ARN in INIT_START; "" makes one
	Handler string   // "lambda_function.lambda_handler"
	CodeDir string   // directory with the unpacked code, read-only, shown as /var/task
	Layers  []string // directories with unpacked layers in order, merged into /opt

	Image *Image // instead of Runtime, Handler, CodeDir and Layers, for container images

	Environment map[string]string // the user's variables
	Credentials Credentials       // what the function signs its own AWS calls with
	Endpoint    string            // the platform's URL, given to the function as AWS_ENDPOINT_URL; may be empty

	MemoryMB int           // MemorySize; the limit where the machine allows one
	TmpMB    int           // EphemeralStorage
	CPU      float64       // share of one processor's time, as CPUByMemory gives it; 0 leaves it open
	Timeout  time.Duration // of one invocation

	LogGroup  string
	LogFormat string // "Text" or "JSON"; "" means Text
	// ApplicationLogLevel and SystemLogLevel filter JSON logs: TRACE, DEBUG, INFO, WARN, ERROR, FATAL. "" means INFO.
	ApplicationLogLevel, SystemLogLevel string

	Method string // how environments of it start, as Invocation.Method; the pool sets it

	InitializationType string // "on-demand", "provisioned-concurrency" or "snap-start"; "" means on-demand
}

// Image is a container image as an environment runs it, with what the function overrides.
type Image struct {
	Root                string   // directory that holds its files, shown as / and read-only; "" means that this program runs inside of it
	EntryPoint, Command []string // together the command line of the runtime
	Dir                 string   // working directory; "" means /
	Env                 []string // the image's own variables, "NAME=value"
}

// Credentials are an access key as functions get it from their role.
type Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken string }

// Invocation is one request for an environment. It may run for Spec.Timeout from the moment it is handed over, so that
// an init before it costs it nothing, as on AWS.
type Invocation struct {
	RequestID     string // UUID; also the name under which a kept outcome is found again
	Payload       []byte // JSON
	InvokedARN    string // as invoked, with its qualifier
	TraceID       string // X-Amzn-Trace-Id value
	ClientContext string // decoded JSON, or empty
	Identity      string // Cognito identity JSON, or empty
	LogTail       bool   // ask for the last 4 KB of the log in Result.LogTail
	// Keep says that the caller will hold the Result for some time before it calls Release.
	Keep bool
	// Method asks for a way of starting, for experiments with ForceCold: "" is the quickest there is, "plain" a new
	// interpreter, "template" a fork from a process that holds the function's libraries.
	Method string
	// ForceCold serves the invocation in an environment of its own that is made for it and ends after it.
	ForceCold bool
	// Stream, when it is set, takes the pieces of an answer that the runtime gives while the function still runs; the
	// Result's Payload is then empty. The first call has the answer's content type and may have no bytes. A runtime that
	// does not stream gives its whole answer in the Result. It is called on one goroutine, and must not block for long.
	Stream func(contentType string, piece []byte)
}

// Start says how the environment that served an invocation came to be.
type Start string

const (
	Warm      Start = "warm"      // it was there and idle
	Cold      Start = "cold"      // the invocation waited for an init
	Restored  Start = "restored"  // the invocation waited for a restore from a snapshot or template
	Proactive Start = "proactive" // it had been initialised ahead of time, or for a request that another environment served, and this was its first invocation
)

// Phases are instants of one machine's clock, in nanoseconds since 1970. Zero means that it did not happen.
// Of an invocation that was the first of an environment initialised ahead of time (Proactive), the instants of the init
// are there too and lie before Queued. One that waited for an init which had begun for an earlier request has instants of that
// init no earlier than Queued: the part that it waited for.
type Phases struct {
	Arrived    int64 // the request came in by a door: HTTP was read, or the queue took it in; the pool knows nothing of it
	Queued     int64 // the pool was asked
	SpawnBegin int64 // a process was asked for (with an init only)
	Spawned    int64 // it was there, and its runtime begins to start (with an init only)
	InitBegin  int64 // the runtime's first instruction of ours (with an init only)
	InitEnd    int64 // the handler's module was imported (with an init only)
	Sent       int64 // the environment was handed the request
	Entered    int64 // the handler was called, by the environment's own clock
	Returned   int64 // the handler returned, by the environment's own clock
	Received   int64 // the outcome was read
	Deadline   int64 // when the invocation would have been ended
}

// Result is the outcome of one invocation. A function that fails is a Result, not an error.
type Result struct {
	RequestID string
	Payload   []byte // the handler's answer, or AWS's error object {"errorMessage", "errorType", …}
	// FunctionError is "" for success, else "Unhandled", as in X-Amz-Function-Error.
	FunctionError string
	ErrorType     string // "Runtime.ExitError", "Sandbox.Timedout", "ValueError"…
	Start         Start
	Phases        Phases
	Method        string // how the environment was started, when this invocation waited for it: "plain", "template" or "spare"
	Spec          *Spec  // what the environment runs; not to be changed
	EnvironmentID string
	LogStream     string
	LogTail       []byte // when asked for: from START to REPORT, the last 4 KB
	MaxMemoryMB   int
	Unrestored    bool          // no handler was called, for the restore from a snapshot failed: FunctionError and ErrorType say how
	InitDuration  time.Duration // of the init that this invocation waited for, as REPORT shows it; 0 when warm
	Duration      time.Duration // from the request handed over to the outcome read
	Billed        time.Duration // rounded up to the millisecond, the init included (AWS since August 2025)

	// Release gives the environment back. Call it once, when the outcome needs no keeping any more. Never nil.
	Release  func()
	released int32 // 1 once it was called
}

// Line is one log event of an environment, as CloudWatch would show it.
type Line struct {
	Group, Stream string
	Account       string
	Region        string
	Time          time.Time
	Text          string
}

// Lines is where the log lines of environments go, platform lines (START, REPORT…) included. It must not block for
// long, nor keep the slice.
type Lines interface {
	Write(lines []Line)
}

// CPUByMemory is the share of processors that AWS gives a function of memoryMB: one whole one at 1,769 MB (Lambda developer
// guide, "Configure Lambda function memory").
func CPUByMemory(memoryMB int) float64 { return float64(memoryMB) / 1769 }
