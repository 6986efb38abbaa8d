package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
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

// A function that runs while the disk fails is not lost with what the platform knew of it: its outcome is found again, and
// it runs once.
func TestAFunctionOutlivesAFailingDisk(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no Python on this machine")
	}
	fs := disk.NewFaulty(disk.Machine())
	p := run(t, Config{fs: fs})
	function := p.function("works", "import time, uuid\ndef handler(event, context):\n    time.sleep(2)\n    return str(uuid.uuid4()) + context.aws_request_id\n")
	machine := p.machine("calls", `{"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": "`+function+`", "End": true}}}`)
	_, started := p.sfn("StartExecution", map[string]any{"stateMachineArn": machine})
	for deadline := time.Now().Add(time.Minute); p.figure("anthill_environments") != 1 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	time.Sleep(500 * time.Millisecond) // the function is entered, or about to be: either way it runs once
	fs.Fail(syscall.EIO)
	if status, out := p.sfn("StartExecution", map[string]any{"stateMachineArn": machine, "name": "refused"}); status < 500 {
		t.Fatalf("a broken disk acknowledged: %d %v", status, out)
	}
	fs.Fail(nil)
	var out map[string]any
	for deadline := time.Now().Add(time.Minute); out["status"] != "SUCCEEDED"; time.Sleep(50 * time.Millisecond) {
		var status int
		status, out = p.sfn("DescribeExecution", map[string]any{"executionArn": started["executionArn"]})
		if status == http.StatusOK && out["status"] != "RUNNING" && out["status"] != "SUCCEEDED" || time.Now().After(deadline) {
			t.Fatalf("the execution of before: %v", out)
		}
	}
}

// A disk that fails and heals twenty times leaves neither goroutines nor files nor memory behind.
func TestTwentyFailuresLeaveNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("half a minute")
	}
	fs := disk.NewFaulty(disk.Machine())
	p := run(t, Config{fs: fs})
	machine := p.machine("waits", waits)
	acked := 0
	once := func(turn int) {
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if status, out := p.sfn("StartExecution", map[string]any{"stateMachineArn": machine, "name": fmt.Sprint("e", turn)}); status == http.StatusOK {
				acked++
				break
			} else if time.Now().After(deadline) {
				t.Fatalf("turn %d: %d %v", turn, status, out)
			}
		}
		fs.Fail(syscall.EIO)
		for {
			if status, _ := p.sfn("StartExecution", map[string]any{"stateMachineArn": machine}); status >= 500 {
				break
			}
		}
		fs.Fail(nil)
	}
	settled := func() (files, goroutines int, heap uint64) {
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			if status, _ := p.sfn("ListStateMachines", nil); status == http.StatusOK || time.Now().After(deadline) {
				break
			}
		}
		http.DefaultClient.CloseIdleConnections()
		time.Sleep(time.Second)
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		all, _ := os.ReadDir("/proc/self/fd")
		return len(all), runtime.NumGoroutine(), m.HeapAlloc
	}
	once(0)
	once(1)
	files, goroutines, heap := settled()
	for turn := range 20 {
		once(turn + 2)
	}
	nowFiles, nowGoroutines, nowHeap := settled()
	t.Logf("files %d, then %d; goroutines %d, then %d; heap %d KiB, then %d", files, nowFiles, goroutines, nowGoroutines, heap>>10, nowHeap>>10)
	if nowFiles > files+2 || nowGoroutines > goroutines+3 || nowHeap > heap+8<<20 {
		t.Errorf("twenty failures of the disk left something: files %d, then %d; goroutines %d, then %d; heap %d KiB, then %d",
			files, nowFiles, goroutines, nowGoroutines, heap>>10, nowHeap>>10)
	}
	_, out := p.sfn("ListExecutions", map[string]any{"stateMachineArn": machine})
	if list, _ := out["executions"].([]any); len(list) < acked {
		t.Errorf("%d executions were acknowledged, %d are there", acked, len(list))
	}
}
