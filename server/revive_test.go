package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"anthill/internal/disk"
)

// platform is a Server that runs, and the calls of Step Functions that these tests make of it.
type platform struct {
	t   *testing.T
	s   *Server
	url string
}

func run(t *testing.T, c Config) *platform {
	t.Helper()
	if c.Data == "" {
		c.Data = t.TempDir()
	}
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { s.Run(ctx) })
	t.Cleanup(func() {
		stop()
		wg.Wait()
		s.Close()
	})
	return &platform{t, s, "http://" + s.listener.Addr().String()}
}

// sfn calls an operation of Step Functions and gives the status and the answer.
func (p *platform) sfn(operation string, in map[string]any) (int, map[string]any) {
	p.t.Helper()
	body, _ := json.Marshal(in)
	req, _ := http.NewRequest("POST", p.url, bytes.NewReader(body))
	req.Header.Set("X-Amz-Target", "AWSStepFunctions."+operation)
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/states/aws4_request, SignedHeaders=host, Signature=0")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	var out map[string]any
	json.Unmarshal(raw, &out)
	return res.StatusCode, out
}

func (p *platform) machine(name, definition string) string {
	p.t.Helper()
	status, out := p.sfn("CreateStateMachine", map[string]any{"name": name, "roleArn": "arn:aws:iam::000000000000:role/LabRole", "definition": definition})
	if status != http.StatusOK {
		p.t.Fatalf("CreateStateMachine: %d %v", status, out)
	}
	return out["stateMachineArn"].(string)
}

const waits = `{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": true}}}`

// A disk that fails stops acknowledging, at once and with a reason; when it takes writes again so does the platform, and
// what was acknowledged before goes on.
func TestTheDiskFailsAndHeals(t *testing.T) {
	fs := disk.NewFaulty(disk.Machine())
	p := run(t, Config{fs: fs})
	machine := p.machine("waits", waits)
	status, out := p.sfn("StartExecution", map[string]any{"stateMachineArn": machine, "name": "before"})
	if status != http.StatusOK {
		t.Fatalf("StartExecution: %d %v", status, out)
	}
	before := out["executionArn"]

	fs.Fail(syscall.EIO)
	for i := range 3 {
		status, out := p.sfn("StartExecution", map[string]any{"stateMachineArn": machine, "name": fmt.Sprint("refused", i)})
		if status < 500 {
			t.Fatalf("a broken disk acknowledged: %d %v", status, out)
		}
	}
	if status, out := p.sfn("ListStateMachines", nil); status != http.StatusServiceUnavailable || out["__type"] != "ServiceUnavailableException" {
		t.Errorf("while the disk is broken: %d %v", status, out)
	}

	fs.Fail(nil)
	deadline := time.Now().Add(time.Minute)
	for status = 0; status != http.StatusOK; time.Sleep(20 * time.Millisecond) {
		if status, out = p.sfn("StartExecution", map[string]any{"stateMachineArn": machine, "name": "after"}); time.Now().After(deadline) {
			t.Fatalf("the disk is well again and nothing is acknowledged: %d %v", status, out)
		}
	}
	for {
		_, out := p.sfn("DescribeExecution", map[string]any{"executionArn": before})
		if out["status"] == "SUCCEEDED" {
			break
		}
		if out["status"] != "RUNNING" || time.Now().After(deadline) {
			t.Fatalf("the execution of before: %v", out)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
