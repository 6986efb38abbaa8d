package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"anthill/fault"
	"anthill/latency"
	"anthill/loadtest"
)

// LoadConfig says what Load sends where. One of URL, Function and StateMachine is set.
type LoadConfig struct {
	URL          string // any HTTP endpoint
	Function     string // name or ARN, invoked over the Lambda API of Endpoint
	StateMachine string // ARN: StartExecution, and the wait until the execution has ended
	// Endpoint is the platform. "" means http://localhost:4566.
	Endpoint string
	Method   string // of URL; "" means POST
	Body     []byte // the request's body, the function's payload or the execution's input; nil means {}

	// Arrivals makes it an open test. Otherwise Users, SpawnRate, RunTime and the waits are a closed one's; zero values are
	// those of loadtest.Closed.
	Arrivals         loadtest.Arrivals
	Users            int
	SpawnRate        float64
	RunTime          time.Duration
	WaitMin, WaitMax time.Duration
	NoWait           bool
	Seed             uint64

	// Out gets Locust's files, every request, an HdrHistogram log, and the report of Analyze. "" means "load".
	Out     string
	Version string
	Command string
	// Progress is called every second. nil means not at all.
	Progress func(loadtest.Progress)
}

// Loaded is what a load test gave.
type Loaded struct {
	Analysis *Analysis
	Result   *loadtest.Result
	// Late is how long after their times the requests were sent: the generator's own slowness, or in a closed test 0.
	Late latency.Distribution
	// Intended counts from the time at which a request should have been sent.
	Intended latency.Distribution
}

// Load puts load on an endpoint, asks the platform how every request was served when it is Anthill, and writes the files.
func Load(ctx context.Context, c LoadConfig) (*Loaded, error) {
	const op = "lab.Load"
	if c.Out == "" {
		c.Out = "load"
	}
	if c.Body == nil {
		c.Body = []byte("{}")
	}
	s := &session{aws: newClient(orElse(c.Endpoint, "http://localhost:4566"))}
	target, name, client, err := s.target(c)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return nil, fault.In(op, err)
	}
	log, err := os.Create(filepath.Join(c.Out, "test_locust_logs.txt"))
	if err != nil {
		return nil, fault.In(op, err)
	}
	defer log.Close()
	header := http.Header{"Content-Type": {"application/json"}}
	var r *loadtest.Result
	if c.Arrivals != nil {
		r, err = loadtest.Open{Method: c.Method, URL: target, Name: name, Header: header, Body: c.Body, Arrivals: c.Arrivals, Client: client,
			Version: c.Version, Log: log, Progress: c.Progress}.Run(ctx)
	} else {
		r, err = loadtest.Closed{Method: c.Method, URL: target, Name: name, Header: header, Body: c.Body, Users: c.Users, SpawnRate: c.SpawnRate, RunTime: c.RunTime,
			WaitMin: c.WaitMin, WaitMax: c.WaitMax, NoWait: c.NoWait, Seed: c.Seed, Client: client, Version: c.Version, Log: log, Progress: c.Progress}.Run(ctx)
	}
	if err != nil {
		return nil, err
	}
	// The test may have been ended by an interrupt; what it measured is written all the same.
	return s.finishLoad(context.WithoutCancel(ctx), c, r)
}

func (s *session) finishLoad(ctx context.Context, c LoadConfig, r *loadtest.Result) (*Loaded, error) {
	if c.Function != "" {
		if err := s.markStarts(ctx, c.Function, r); err != nil {
			return nil, err
		}
	}
	if err := r.Run.WriteFiles(c.Out, "test"); err != nil {
		return nil, err
	}
	if err := loadtest.WriteRequests(c.Out, "test", r.Requests); err != nil {
		return nil, err
	}
	if err := loadtest.WriteHDR(c.Out, "test", r); err != nil {
		return nil, err
	}
	var late, intended []time.Duration
	for _, q := range r.Requests {
		late, intended = append(late, q.Late()), append(intended, q.At.Sub(q.Intended))
	}
	a, err := Analyze(AnalyzeConfig{Dir: c.Out, Out: c.Out, Command: c.Command})
	if err != nil {
		return nil, err
	}
	return &Loaded{Analysis: a, Result: r, Late: latency.Of(late), Intended: latency.Of(intended)}, nil
}

// target is where the requests go, and the client that knows how.
func (s *session) target(c LoadConfig) (target, name string, client *http.Client, err error) {
	const op = "lab.Load"
	set := 0
	for _, v := range []string{c.URL, c.Function, c.StateMachine} {
		if v != "" {
			set++
		}
	}
	if set != 1 {
		return "", "", nil, fault.Invalidf(op, "target", "give one of a URL, --function and --state-machine")
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 1000, MaxIdleConns: 1000, DisableCompression: true}
	switch {
	case c.URL != "":
		return c.URL, "", nil, nil
	case c.Function != "":
		path := "/2015-03-31/functions/" + url.PathEscape(c.Function) + "/invocations"
		return s.aws.endpoint + path, c.Function, &http.Client{Transport: &signing{s.aws, "lambda", transport}}, nil
	}
	if !json.Valid(c.Body) {
		return "", "", nil, fault.Invalidf(op, "input", "an execution's input must be JSON")
	}
	parts := strings.Split(c.StateMachine, ":")
	return s.aws.endpoint + "/", parts[len(parts)-1], &http.Client{Transport: &executions{&signing{s.aws, "states", transport}, c.StateMachine}}, nil
}

// signing signs requests for a service on their way. A function's failure, which the Lambda API answers with 200, becomes
// a failed request: 500, as a REST API in front of it would say.
type signing struct {
	aws     *client
	service string
	next    http.RoundTripper
}

// RoundTrip signs req and sends it.
func (t *signing) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body.Close()
	}
	req = req.Clone(req.Context())
	req.Body = io.NopCloser(bytes.NewReader(body))
	t.aws.sign(req, t.service, body, time.Now().UTC())
	resp, err := t.next.RoundTrip(req)
	if err == nil && resp.Header.Get("X-Amz-Function-Error") != "" {
		resp.StatusCode = http.StatusInternalServerError
	}
	return resp, err
}

// executions makes of one request a whole execution: it is started, and the answer is given when it has ended.
type executions struct {
	next    *signing
	machine string
}

// RoundTrip starts an execution with the request's body as its input and waits for its end.
func (t *executions) RoundTrip(req *http.Request) (*http.Response, error) {
	input, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	req.Body.Close()
	resp, body, err := t.call(req, "StartExecution", map[string]any{"stateMachineArn": t.machine, "input": string(input)})
	if err != nil || resp.StatusCode >= 400 {
		return resp, err
	}
	var started struct{ ExecutionArn string }
	if err := json.Unmarshal(body, &started); err != nil {
		return nil, err
	}
	for wait := time.Millisecond; ; wait = min(2*wait, 20*time.Millisecond) {
		if err := pause(req.Context(), wait); err != nil {
			return nil, req.Context().Err()
		}
		resp, body, err := t.call(req, "DescribeExecution", map[string]any{"executionArn": started.ExecutionArn})
		if err != nil || resp.StatusCode >= 400 {
			return resp, err
		}
		var d struct{ Status string }
		if err := json.Unmarshal(body, &d); err != nil {
			return nil, err
		}
		switch d.Status {
		case "RUNNING":
		case "SUCCEEDED":
			return resp, nil
		default:
			resp.StatusCode = http.StatusInternalServerError
			return resp, nil
		}
	}
}

func (t *executions) call(req *http.Request, operation string, in any) (*http.Response, []byte, error) {
	b, err := json.Marshal(in)
	if err != nil {
		return nil, nil, err
	}
	r := req.Clone(req.Context())
	r.Method = http.MethodPost
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	r.Header = http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amz-Target": {"AWSStepFunctions." + operation}}
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, body, err
}

// Words says what a load test gave, in lines for a terminal.
func (l *Loaded) Words() string {
	a := l.Analysis
	var b strings.Builder
	fmt.Fprintf(&b, "%d requests, %d failed, %.1f per second\n", a.All.N, failed(l.Result.Run), float64(a.All.N)/max(l.Result.Took.Seconds(), 1e-9))
	line := func(name string, d latency.Summary) {
		if d.N > 0 {
			fmt.Fprintf(&b, "%-9s n = %-7d p50 %-10s p95 %-10s p99 %-10s max %s\n", name, d.N, ms(d.P50), ms(d.P95), ms(d.P99), ms(d.Max))
		}
	}
	line("response", a.All)
	line("intended", l.Intended.Summary())
	line("cold", a.Cold)
	line("warm", a.Warm)
	if late := l.Late.Percentile(99); late > time.Millisecond {
		fmt.Fprintf(&b, "requests were sent up to %s late (p99 %.1f ms): the figures from the intended times hold that wait\n", ms(latency.Millis(l.Late.Max())), latency.Millis(late))
	}
	if a.Cold.N > 0 {
		b.WriteString(a.Split.Method + "\n")
	}
	return b.String()
}
