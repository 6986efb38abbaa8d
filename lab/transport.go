package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"

	"anthill/fault"
)

// target is where a load test's requests go, and how.
type target struct {
	url, name string
	client    *http.Client                // nil for requests that need no more than headers
	fresh     func(time.Time) http.Header // a signature, which holds for some minutes; nil for none
}

func (s *session) target(ctx context.Context, c LoadConfig) (t target, err error) {
	const op = "lab.Load"
	set := 0
	for _, v := range []string{c.URL, c.Function, c.StateMachine} {
		if v != "" {
			set++
		}
	}
	if set != 1 {
		return t, fault.Invalidf(op, "target", "give one of a URL, --function and --state-machine")
	}
	switch {
	case c.URL != "":
		return target{url: c.URL}, nil
	case c.Function != "":
		path := "/2015-03-31/functions/" + url.PathEscape(c.Function) + "/invocations"
		req, err := http.NewRequest(http.MethodPost, s.aws.endpoint+path, bytes.NewReader(c.Body))
		if err != nil {
			return t, fault.In(op, err)
		}
		return target{url: req.URL.String(), name: c.Function, fresh: func(now time.Time) http.Header {
			signed := req.Clone(ctx)
			s.aws.sign(signed, "lambda", c.Body, now.UTC())
			return signed.Header
		}}, nil
	}
	if !json.Valid(c.Body) {
		return t, fault.Invalidf(op, "input", "an execution's input must be JSON")
	}
	var m struct{ Type, Name string }
	if err := s.aws.call(ctx, "states", "POST", "/", "AWSStepFunctions.DescribeStateMachine", map[string]string{"stateMachineArn": c.StateMachine}, &m); err != nil {
		return t, err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 10_000, MaxIdleConns: 10_000, DisableCompression: true}
	return target{url: s.aws.endpoint + "/", name: m.Name, client: &http.Client{Transport: &executions{next: &signing{s.aws, "states", transport}, machine: c.StateMachine,
		express: m.Type == "EXPRESS", tells: s.platform != nil}}}, nil
}

// signing signs requests for a service on their way.
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
	return t.next.RoundTrip(req)
}

// executions makes of one request a whole execution: it is started, and the answer is given when it has ended.
type executions struct {
	next    *signing
	machine string
	express bool // StartSyncExecution waits for the end by itself; DescribeExecution knows no Express executions
	tells   bool // the platform tells when an execution has ended, so that nobody need ask again and again
}

// RoundTrip starts an execution with the request's body as its input and waits for its end. The answer's request id is
// the execution's ARN.
func (t *executions) RoundTrip(req *http.Request) (*http.Response, error) {
	input, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	req.Body.Close()
	operation := "StartExecution"
	if t.express {
		operation = "StartSyncExecution"
	}
	resp, body, err := t.call(req, operation, map[string]any{"stateMachineArn": t.machine, "input": string(input)})
	if err != nil || resp.StatusCode >= 400 {
		return resp, err
	}
	var started struct{ ExecutionArn, Status string }
	if err := json.Unmarshal(body, &started); err != nil {
		return nil, err
	}
	if !t.express {
		if resp, started.Status, err = t.end(req, started.ExecutionArn); err != nil || resp.StatusCode >= 400 {
			return resp, err
		}
	}
	resp.Header.Set("X-Amzn-Requestid", started.ExecutionArn)
	if started.Status != "SUCCEEDED" {
		resp.StatusCode = http.StatusInternalServerError
	}
	return resp, nil
}

// end waits for the end of an execution and gives the last answer and the execution's status.
func (t *executions) end(req *http.Request, arn string) (*http.Response, string, error) {
	var d struct{ Status string }
	for t.tells {
		r, err := http.NewRequestWithContext(req.Context(), http.MethodGet, t.next.aws.endpoint+"/_anthill/executions/"+url.PathEscape(arn)+"/end?within=20s", nil)
		if err != nil {
			return nil, "", err
		}
		resp, body, err := t.send(r)
		if err != nil || resp.StatusCode >= 400 {
			return resp, "", err
		}
		if err := json.Unmarshal(body, &d); err != nil {
			return nil, "", err
		}
		if d.Status != "RUNNING" {
			return resp, d.Status, nil
		}
	}
	for wait := time.Millisecond; ; wait = min(2*wait, 20*time.Millisecond) {
		if err := pause(req.Context(), wait); err != nil {
			return nil, "", req.Context().Err()
		}
		resp, body, err := t.call(req, "DescribeExecution", map[string]any{"executionArn": arn})
		if err != nil || resp.StatusCode >= 400 {
			return resp, "", err
		}
		if err := json.Unmarshal(body, &d); err != nil {
			return nil, "", err
		}
		if d.Status != "RUNNING" {
			return resp, d.Status, nil
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
	return t.send(r)
}

// send sends r and reads the answer, whose body can be read once more.
func (t *executions) send(r *http.Request) (*http.Response, []byte, error) {
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, body, err
}
