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

// IsCold reports whether s is a cold start: the request waited for an init or a restore. The first request of an
// environment that was initialised ahead of time did not.
func (s Start) IsCold() bool { return s == Cold || s == Restored }

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

// Span is the time between two instants; 0 when one of them is not known.
func Span(from, to int64) time.Duration {
	if from == 0 || to == 0 {
		return 0
	}
	return time.Duration(to - from)
}
