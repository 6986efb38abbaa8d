package bench

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"anthill/fault"
)

// client calls the public API. Its signature is none: the platform of a bench does not verify them, and computing them
// would be the bench's own time.
type client struct {
	endpoint string
	http     *http.Client
}

func newClient(endpoint string) *client {
	return &client{endpoint, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}, Timeout: 5 * time.Minute}}
}

func (c *client) post(ctx context.Context, method, path, service, target string, body []byte) ([]byte, error) {
	const op = "bench.call"
	req, err := http.NewRequestWithContext(ctx, method, c.endpoint+path, bytes.NewReader(body))
	if err != nil {
		return nil, fault.In(op, err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=00")
	if target != "" {
		req.Header.Set("Content-Type", "application/x-amz-json-1.0")
		req.Header.Set("X-Amz-Target", target)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fault.In(op, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fault.In(op, err)
	}
	if resp.StatusCode >= 400 || resp.Header.Get("X-Amz-Function-Error") != "" {
		return nil, &fault.Error{Kind: fault.Internal, Op: op, Detail: fmt.Sprintf("%s %s %s: %d: %.300s", method, path, target, resp.StatusCode, b)}
	}
	return b, nil
}

// states calls one operation of the Step Functions API.
func (c *client) states(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	b, err := c.post(ctx, "POST", "/", "states", "AWSStepFunctions."+operation, body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(b, out)
}

// createFunction makes a Python function of one file and waits until it is active.
func (c *client) createFunction(ctx context.Context, name, source string, settings map[string]any) error {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("app.py")
	if err != nil {
		return err
	}
	_, _ = io.WriteString(w, source)
	if err := z.Close(); err != nil {
		return err
	}
	in := map[string]any{"FunctionName": name, "Runtime": "python3.12", "Role": role, "Handler": "app.handler", "Timeout": 30,
		"Code": map[string]any{"ZipFile": base64.StdEncoding.EncodeToString(b.Bytes())}}
	for k, v := range settings {
		in[k] = v
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	if _, err := c.post(ctx, "POST", "/2015-03-31/functions", "lambda", "", body); err != nil {
		return err
	}
	for range 600 {
		b, err := c.post(ctx, "GET", "/2015-03-31/functions/"+name+"/configuration", "lambda", "", nil)
		if err != nil {
			return err
		}
		var f struct{ State string }
		if json.Unmarshal(b, &f) == nil && f.State == "Active" {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return &fault.Error{Kind: fault.Timeout, Op: "bench.createFunction", Noun: "function", Name: name, Detail: name + " did not become active within 30 s"}
}

func (c *client) invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	return c.post(ctx, "POST", "/2015-03-31/functions/"+function+"/invocations", "lambda", "", payload)
}

const (
	role         = "arn:aws:iam::000000000000:role/bench"
	functionARN  = "arn:aws:lambda:us-east-1:000000000000:function:"
	machineARN   = "arn:aws:states:us-east-1:000000000000:stateMachine:"
	executionARN = "arn:aws:states:us-east-1:000000000000:execution:"
)

// createMachine makes a state machine of kind STANDARD or EXPRESS.
func (c *client) createMachine(ctx context.Context, name, kind string, definition any) error {
	d, err := json.Marshal(definition)
	if err != nil {
		return err
	}
	return c.states(ctx, "CreateStateMachine", map[string]any{"name": name, "type": kind, "roleArn": role, "definition": string(d)}, nil)
}

// execution is what DescribeExecution and StartSyncExecution tell.
type execution struct {
	ExecutionArn, Status, Output, Error, Cause string
}

func (e execution) failed() error {
	if e.Status == "SUCCEEDED" {
		return nil
	}
	return &fault.Error{Kind: fault.Internal, Op: "bench.execution", Noun: "execution", Name: e.ExecutionArn, Detail: fmt.Sprintf("ended as %s: %s %.300s", e.Status, e.Error, e.Cause)}
}

// run starts a Standard execution and waits for its end.
func (c *client) run(ctx context.Context, machine, input string) (execution, error) {
	e, err := c.finish(ctx, machine, input)
	if err != nil {
		return e, err
	}
	err = c.states(ctx, "DescribeExecution", map[string]any{"executionArn": e.ExecutionArn}, &e)
	return e, err
}

// finish is run that tells no more than the status. It waits with one request that the platform answers when the execution has
// ended: clients that ask again and again would be what is measured.
func (c *client) finish(ctx context.Context, machine, input string) (e execution, err error) {
	if err := c.states(ctx, "StartExecution", map[string]any{"stateMachineArn": machineARN + machine, "input": input}, &e); err != nil {
		return e, err
	}
	for e.Status = "RUNNING"; e.Status == "RUNNING"; {
		b, err := c.post(ctx, "GET", "/_anthill/executions/"+url.PathEscape(e.ExecutionArn)+"/end?within=20s", "states", "", nil)
		if err != nil {
			return e, err
		}
		if err := json.Unmarshal(b, &e); err != nil {
			return e, fault.In("bench.finish", err)
		}
	}
	return e, e.failed()
}

// runSync runs an Express execution.
func (c *client) runSync(ctx context.Context, machine, input string) (execution, error) {
	var e execution
	if err := c.states(ctx, "StartSyncExecution", map[string]any{"stateMachineArn": machineARN + machine, "input": input}, &e); err != nil {
		return e, err
	}
	return e, e.failed()
}
