package server

import (
	"log/slog"
	"time"

	"anthill/internal/disk"
	"anthill/latency"
)

// Version is what `anthill version` and /health say. The build sets it.
var Version = "dev"

// Config says how a platform behaves. The zero value is a working one with the default data directory.
type Config struct {
	// Host is the address to listen on. "" means 127.0.0.1: functions run with your machine's Python, so other
	// machines are let in only on purpose.
	Host string

	// Port is the TCP port. 0 lets the kernel choose, which is printed.
	Port int

	// Data is the directory that holds all state. "" means the user's data directory (~/.local/share/anthill).
	Data string

	// Ephemeral keeps definitions and history in memory and everything else in a temporary directory that Close removes.
	Ephemeral bool

	// Cache is where runtime environments (boto3) are prepared once. "" means the user's cache directory.
	Cache string

	// VerifySignatures refuses requests whose SigV4 signature does not fit a key of identity.
	VerifySignatures bool

	// StrictRuntimes refuses functions whose exact runtime version is not on this machine.
	StrictRuntimes bool

	// LambdaCPU gives every function the share of processors that AWS gives its memory. Otherwise each takes what there
	// is, but for those with the tag anthill:cpu=lambda.
	LambdaCPU bool

	// Relaxed lets acknowledged writes wait up to this long for their flush. 0 means never.
	Relaxed time.Duration

	// Services are the endpoints of services that the platform does not serve itself, for tasks of workflows, by their
	// names: "sqs": "http://localhost:9324". One that it serves is called there too.
	Services map[string]string

	// MockConfig is the path of a MockConfigFile.json, as Step Functions Local had it: executions started with
	// "stateMachineArn#TestCase" have their tasks answered by it. It is read again for each.
	MockConfig string

	// KeepAlive is how long an idle execution environment is kept. 0 means the sandbox's own default.
	KeepAlive time.Duration
	// FreezeAfter is how long one is idle before what its function left running is stopped until the next invocation. 0 means
	// the sandbox's own default; a negative value never.
	FreezeAfter time.Duration

	// ImageEngine is the path of crun, if that is to start container images; "" starts them as all functions are started.
	ImageEngine string

	// RestoreAll keeps a snapshot of the initialised process of every function that can have one, not of published versions
	// with SnapStart alone. A function's tag anthill:restore overrides it.
	RestoreAll bool

	// Profile is a set of delays that are added on purpose, for teaching. nil adds none.
	Profile *latency.Profile

	// TLS serves HTTPS with a certificate of a local CA that is made under Data.
	TLS bool

	// Retention is how long executions that ended and records of invocations are kept. 0 means DefaultRetention, a
	// negative value for ever.
	Retention time.Duration

	// Pprof is the loopback address that serves profiles of the platform ("127.0.0.1:6060"). "" serves none.
	Pprof string

	// Log takes the platform's own log; nil means none.
	Log *slog.Logger

	// Traces is where the spans of requests, invocations and executions go as OTLP/HTTP: "http://localhost:4318/v1/traces". Headers, timeout
	// and certificates are those of OTEL_EXPORTER_OTLP_*. "" means nowhere.
	Traces string

	traces  *traces  // of the Server, set by Open; nil without Traces
	metrics *metrics // of the Server, set by Open

	fs disk.FS // under the database, for tests; nil means the machine's, or memory
}
