package latency

import "time"

// Start says how the environment that served a request came to be. The names are those of the platform's records.
type Start string

const (
	Unknown   Start = ""          // not known: the endpoint does not tell
	Warm      Start = "warm"      // it was there and idle
	Cold      Start = "cold"      // the request waited for an init
	Restored  Start = "restored"  // the request waited for a restore from a snapshot or template
	Proactive Start = "proactive" // it had been initialised ahead of time and this was its first request
)

// IsCold reports whether s counts as a cold start: whatever was the first request of its environment.
func (s Start) IsCold() bool { return s == Cold || s == Restored || s == Proactive }

// Response is one request of a load test as its client saw it.
type Response struct {
	At      time.Time     // when the response was complete
	Latency time.Duration // from sending to complete
	Status  int           // HTTP status; 0 when the transport failed or it is not known
	Start   Start         // Unknown unless the platform told
}

// OK reports whether the request succeeded as Locust sees it: an answer with a status below 400.
func (r Response) OK() bool { return r.Status > 0 && r.Status < 400 }

// Latencies are the latencies of rs, in their order.
func Latencies(rs []Response) []time.Duration {
	ds := make([]time.Duration, len(rs))
	for i, r := range rs {
		ds[i] = r.Latency
	}
	return ds
}

// Invocation is what the platform knows of one invocation: a record of GET /_anthill/invocations?function=NAME.
// Instants are nanoseconds since 1970 by one machine's clock; zero means that it did not happen or is not known.
type Invocation struct {
	RequestID    string `json:"requestId"`
	TraceID      string `json:"traceId,omitempty"` // the X-Amzn-Trace-Id that the caller's answer carried
	FunctionName string `json:"functionName,omitempty"`
	Version      string `json:"version,omitempty"`
	Start        Start  `json:"start"`
	Method       string `json:"method,omitempty"` // how a cold one's environment was started: plain, template, spare
	Environment  string `json:"environmentId,omitempty"`
	LogStream    string `json:"logStream,omitempty"`
	Error        string `json:"errorType,omitempty"`

	Queued     int64 `json:"queued"`     // the pool was asked
	SpawnBegin int64 `json:"spawnBegin"` // a process was asked for
	InitBegin  int64 `json:"initBegin"`  // the runtime's first instruction
	InitEnd    int64 `json:"initEnd"`    // the handler's module was imported
	Sent       int64 `json:"sent"`       // the environment was handed the request
	Entered    int64 `json:"entered"`    // the handler was called
	Returned   int64 `json:"returned"`   // the handler returned
	Received   int64 `json:"received"`   // the outcome was read
}

// Span is the time between two instants; 0 when one of them is not known.
func Span(from, to int64) time.Duration {
	if from == 0 || to == 0 {
		return 0
	}
	return time.Duration(to - from)
}
