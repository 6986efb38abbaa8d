package loadtest

import (
	"encoding/csv"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"time"

	"anthill/fault"
	"anthill/latency"
)

// requestsSuffix is Anthill's addition to Locust's files: every single request with its exact instants and, where the
// platform told, how it was served.
const requestsSuffix = "_requests.csv"

func requestColumns() []string {
	return []string{"Intended (ns)", "Sent (ns)", "Done (ns)", "User", "Response Time (ms)", "Status", "Start", "Request ID", "Trace ID", "Failure"}
}

// WriteRequests writes dir/prefix_requests.csv.
func WriteRequests(dir, prefix string, qs []Request) error {
	const op = "loadtest.WriteRequests"
	err := writeFile(filepath.Join(dir, prefix+requestsSuffix), func(w io.Writer) error {
		c := csv.NewWriter(w)
		c.Write(requestColumns())
		for _, q := range qs {
			c.Write([]string{nanos(q.Intended), nanos(q.Sent), nanos(q.At), strconv.Itoa(q.User),
				strconv.FormatFloat(latency.Millis(q.Latency), 'f', 6, 64), strconv.Itoa(q.Status), string(q.Start), q.RequestID, q.TraceID, q.Failure})
		}
		c.Flush()
		return c.Error()
	})
	return fault.In(op, err)
}

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

// ReadRequests reads a *_requests.csv.
func ReadRequests(r io.Reader) (qs []Request, problems []string, err error) {
	var t table
	err = t.each(r, []string{"done (ns)", "response time (ms)"}, func() bool {
		ok := true
		q := Request{User: t.count("user", &ok), RequestID: t.text("request id"), TraceID: t.text("trace id"), Failure: t.text("failure"),
			Intended: t.instant("intended (ns)", &ok), Sent: t.instant("sent (ns)", &ok)}
		q.Response = latency.Response{At: t.instant("done (ns)", &ok), Latency: latency.FromMillis(t.number("response time (ms)", &ok)),
			Status: t.count("status", &ok), Start: latency.Start(t.text("start"))}
		if ok && q.Latency >= 0 {
			qs = append(qs, q)
		}
		return ok
	})
	return qs, t.problems, err
}

// instant reads nanoseconds since 1970.
func (t *table) instant(key string, ok *bool) time.Time {
	s := t.text(key)
	if s == "" {
		return time.Time{}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		*ok = false
	}
	return time.Unix(0, n)
}

// takeRequests puts the exact requests in the place of what the log tells.
func (r *Run) takeRequests(name string) {
	qs, problems, err := readFile(filepath.Join(r.Dir, name), ReadRequests)
	for _, p := range problems {
		r.problem("%s: %s", name, p)
	}
	if err != nil {
		r.problem("%s: %s.", name, reason(err))
		return
	}
	if len(r.Responses) > 0 && len(r.Responses) != len(qs) {
		r.problem("%s has %s requests and the log %d; the former were taken.", name, fmt.Sprint(len(qs)), len(r.Responses))
	}
	r.Responses = nil
	for _, q := range qs {
		r.Responses = append(r.Responses, q.Response)
	}
}
