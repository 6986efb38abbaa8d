package lab

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"anthill/fault"
	"anthill/latency"
	"anthill/report"
)

// InvocationsConfig says which invocations Invocations asks for.
type InvocationsConfig struct {
	Endpoint string // "" means http://localhost:4566
	Function string // name or ARN; "" means every function
	// Since leaves out what was answered before. Zero means nothing is.
	Since time.Time
	// Limit is how many of each function, the newest. 0 means all.
	Limit int
}

// Invocations asks a platform how it served invocations. A fault of kind Unsupported says that it is no Anthill.
func Invocations(ctx context.Context, c InvocationsConfig) ([]latency.Invocation, error) {
	s := &session{aws: newClient(cmp.Or(c.Endpoint, "http://localhost:4566"))}
	q := url.Values{}
	if c.Function != "" {
		q.Set("function", c.Function)
	}
	if !c.Since.IsZero() {
		q.Set("since", strconv.FormatInt(c.Since.UnixNano(), 10))
	}
	if c.Limit > 0 {
		q.Set("limit", strconv.Itoa(c.Limit))
	}
	records, ok, err := s.records(ctx, q)
	if err == nil && !ok {
		err = &fault.Error{Kind: fault.Unsupported, Op: "lab.Invocations", Noun: "platform", Name: s.aws.endpoint,
			Detail: s.aws.endpoint + " keeps no records of invocations: it is no Anthill"}
	}
	return records, err
}

// records asks for invocations. ok is false when the platform keeps none.
func (s *session) records(ctx context.Context, q url.Values) (records []latency.Invocation, ok bool, err error) {
	ok, err = s.own(ctx, "invocations", q, &records)
	return records, ok, err
}

// environments asks for the environments that are alive, and for those that ended after an instant.
func (s *session) environments(ctx context.Context, endedAfter time.Time) (es []latency.Environment, ok bool, err error) {
	ok, err = s.own(ctx, "environments", url.Values{"ended": {strconv.FormatInt(endedAfter.UnixNano(), 10)}}, &es)
	return es, ok, err
}

// own asks one of the addresses that only Anthill has. ok is false where there is none.
func (s *session) own(ctx context.Context, what string, q url.Values, out any) (ok bool, err error) {
	path := "/_anthill/" + what
	if q != nil {
		q.Set("region", s.aws.region)
		if len(s.aws.accessKey) == 12 && strings.Trim(s.aws.accessKey, "0123456789") == "" { // such a key names its account
			q.Set("account", s.aws.accessKey)
		}
	}
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	a, err := s.aws.send(ctx, "lambda", "GET", path, nil, nil)
	if err != nil {
		return false, err
	}
	if a.status >= 400 {
		return false, nil
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		return false, &fault.Error{Kind: fault.Internal, Op: "lab." + what, Detail: "the platform's records cannot be read", Err: err}
	}
	return true, nil
}

// InvocationsTable lists invocations for a terminal, one a row.
func InvocationsTable(vs []latency.Invocation) report.Table {
	phases := phasesIn(vs)
	t := report.Table{Head: []string{"Answered", "Request", "Function", "Start"}, Notes: "Times in milliseconds. Of a proactive start, the init lay before the request; “init ahead” is how long it took."}
	for _, p := range phases {
		t.Head = append(t.Head, "#"+string(p))
	}
	t.Head = append(t.Head, "#total", "#init ahead", "Error")
	for _, v := range vs {
		parts := map[latency.Phase]time.Duration{}
		for _, p := range v.Parts() {
			parts[p.Phase] = p.Took
		}
		start := string(v.Start)
		if v.Method != "" && v.Start.IsCold() {
			start += " (" + v.Method + ")"
		}
		row := []string{time.Unix(0, v.Received).Format("15:04:05.000"), v.RequestID, v.FunctionName, start}
		for _, p := range phases {
			if took, ok := parts[p]; ok {
				row = append(row, figure(latency.Millis(took)))
			} else {
				row = append(row, "")
			}
		}
		ahead := ""
		if v.Start == latency.Proactive && v.Init() > 0 {
			ahead = figure(latency.Millis(v.Init()))
		}
		t.Rows = append(t.Rows, append(row, figure(latency.Millis(v.Total())), ahead, v.Error))
	}
	return t
}

// InvocationsSummary is one row for each kind of start, over all invocations.
func InvocationsSummary(vs []latency.Invocation) report.Table {
	phases := phasesIn(vs)
	t := report.Table{Head: []string{"Start", "#n", "#p50 (ms)", "#p95 (ms)", "#p99 (ms)", "#max (ms)"}}
	for _, p := range phases {
		t.Head = append(t.Head, "#"+string(p)+" p50")
	}
	for _, start := range []latency.Start{latency.Cold, latency.Restored, latency.Proactive, latency.Warm} {
		var total []time.Duration
		parts := map[latency.Phase][]time.Duration{}
		for _, v := range vs {
			if v.Start != start {
				continue
			}
			total = append(total, v.Total())
			for _, p := range v.Parts() {
				parts[p.Phase] = append(parts[p.Phase], p.Took)
			}
		}
		if len(total) == 0 {
			continue
		}
		d := latency.Of(total).Summary()
		row := []string{string(start), fmt.Sprint(d.N), figure(d.P50), figure(d.P95), figure(d.P99), figure(d.Max)}
		for _, p := range phases {
			if len(parts[p]) == 0 {
				row = append(row, "")
				continue
			}
			row = append(row, figure(latency.Millis(latency.Of(parts[p]).Median())))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// phasesIn are the phases that one invocation at least went through, in their order.
func phasesIn(vs []latency.Invocation) []latency.Phase {
	used := map[latency.Phase]bool{}
	for _, v := range vs {
		for _, p := range v.Parts() {
			used[p.Phase] = true
		}
	}
	return slices.DeleteFunc(latency.Phases(), func(p latency.Phase) bool { return !used[p] })
}

// WriteInvocations writes invocations as CSV: every instant in nanoseconds since 1970 (0: it did not happen), every phase in milliseconds.
func WriteInvocations(w io.Writer, vs []latency.Invocation) error {
	c := csv.NewWriter(w)
	head := []string{"request_id", "trace_id", "function", "version", "start", "method", "environment", "log_stream", "error", "memory_mb", "max_memory_mb",
		"arrived_ns", "queued_ns", "spawn_begin_ns", "spawned_ns", "init_begin_ns", "init_end_ns", "sent_ns", "entered_ns", "returned_ns", "received_ns"}
	for _, p := range latency.Phases() {
		head = append(head, string(p)+"_ms")
	}
	_ = c.Write(append(head, "total_ms", "init_ms")) // the writer keeps its first error
	for _, v := range vs {
		row := []string{v.RequestID, v.TraceID, v.FunctionName, v.Version, string(v.Start), v.Method, v.Environment, v.LogStream, v.Error, strconv.Itoa(v.MemoryMB), strconv.Itoa(v.MaxMemoryMB)}
		for _, at := range []int64{v.Arrived, v.Queued, v.SpawnBegin, v.Spawned, v.InitBegin, v.InitEnd, v.Sent, v.Entered, v.Returned, v.Received} {
			row = append(row, strconv.FormatInt(at, 10))
		}
		parts := map[latency.Phase]time.Duration{}
		for _, p := range v.Parts() {
			parts[p.Phase] = p.Took
		}
		for _, p := range latency.Phases() {
			if took, ok := parts[p]; ok {
				row = append(row, exactMs(took))
			} else {
				row = append(row, "")
			}
		}
		_ = c.Write(append(row, exactMs(v.Total()), exactMs(v.Init())))
	}
	c.Flush()
	return c.Error()
}

func exactMs(d time.Duration) string { return strconv.FormatFloat(latency.Millis(d), 'f', 6, 64) }
