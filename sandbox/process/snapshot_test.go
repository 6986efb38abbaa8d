package process_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"anthill/sandbox"
	"anthill/sandbox/process"
)

// snapshot takes the snapshot of a function that must keep one.
func (h *house) snapshot(s sandbox.Spec) sandbox.Snapshot {
	h.t.Helper()
	out, err := h.Snapshot(context.Background(), s)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

func (h *house) snapStart(name, source string) sandbox.Spec {
	s := h.python(name, source)
	s.Runtime, s.Version, s.InitializationType = "python3.12", "1", sandbox.SnapStart
	return s
}

const restoredHandler = `
import os, random, ssl, uuid, tempfile, socket
from snapshot_restore_py import register_before_snapshot, register_after_restore
order = ["init"]
state = {"n": 0}
register_before_snapshot(lambda: order.append("before 1"))
@register_before_snapshot
def second(): order.append("before 2")
register_after_restore(lambda word: order.append(word), "after 1")
@register_after_restore
def last(): order.append("after 2")
open("/tmp/model", "w").write("trained in init")
model = open("/tmp/model")
data = open(__file__)
data.read(20)
peer, ours = socket.socketpair()
peer.close()
print("init ran", os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], os.getuid() == 0)
def handler(event, context):
    state["n"] += 1
    print("serving")
    return {"order": order, "n": state["n"], "model": model.read(), "at": data.tell(), "type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"],
            "stream": os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME"), "threads": os.environ.get("OMP_NUM_THREADS"),
            "random": [random.random(), ssl.RAND_bytes(8).hex(), uuid.uuid4().hex, uuid.uuid1().hex, os.path.basename(tempfile.mktemp()), os.urandom(4).hex()],
            "pid": os.getpid(), "files": sorted(os.listdir("/tmp"))}
`

func TestSnapshot(t *testing.T) {
	h := newHouse(t)
	s := h.snapStart("snap", restoredHandler)
	if out := h.snapshot(s); out.Kind != sandbox.Answered || out.Refused != "" {
		t.Fatalf("%+v", out)
	}
	if want := regexp.MustCompile(`^INIT_START Runtime Version: [^\n]*\ninit ran snap-start [^\n]*\nINIT_REPORT Init Duration: [0-9.]+ ms\tPhase: init\n$`); !want.MatchString(h.log.text()) {
		t.Errorf("log of the snapshot: %q", h.log.text())
	}
	h.log.all = nil
	r := h.invoke(s, "{}")
	defer r.Release() // busy, so that the others are restores too
	var got struct {
		Order           []string
		N, At           int
		Model, Type     string
		Stream, Threads *string
		Files           []string
	}
	if err := json.Unmarshal(r.Payload, &got); err != nil {
		t.Fatal(err, string(r.Payload))
	}
	if strings.Join(got.Order, ", ") != "init, before 2, before 1, after 1, after 2" {
		t.Errorf("hooks ran in the order %q", got.Order)
	}
	if got.N != 1 || got.Type != "snap-start" || got.Stream != nil || got.Threads != nil {
		t.Errorf("%+v", got)
	}
	if got.Model != "trained in init" || got.At != 20 || strings.Join(got.Files, "") != "model" {
		t.Errorf("files of the init: %+v", got)
	}
	if r.Start != sandbox.Restored || r.Duration <= 0 {
		t.Errorf("start %s, method %s", r.Start, r.Method)
	}
	report := fmt.Sprintf(`^RESTORE_START Runtime Version: [^\n]*\nRESTORE_REPORT Restore Duration: [0-9.]+ ms\nSTART RequestId: %[1]s Version: 1\nserving\nEND RequestId: %[1]s\n`+
		`REPORT RequestId: %[1]s\tDuration: [0-9.]+ ms\tBilled Duration: [0-9]+ ms\tMemory Size: 256 MB\tMax Memory Used: [0-9]+ MB\tRestore Duration: [0-9.]+ ms\tBilled Restore Duration: [0-9]+ ms\t\n$`, r.RequestID)
	if !regexp.MustCompile(report).MatchString(h.log.text()) {
		t.Errorf("log of a restore:\n%s", h.log.text())
	}
}

// Environments that are restored from one snapshot never share what should be unique.
func TestRestoredEnvironmentsDiffer(t *testing.T) {
	h := newHouse(t)
	s := h.snapStart("unique", restoredHandler)
	h.snapshot(s)
	const n = 8
	payloads := make([][]byte, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			r, err := h.Invoke(context.Background(), s, sandbox.Invocation{RequestID: id(i + 1), Payload: []byte("{}"), InvokedARN: s.ARN, ForceCold: true})
			if err != nil {
				t.Error(err)
				return
			}
			payloads[i] = r.Payload
			if r.Start != sandbox.Restored {
				t.Errorf("start %s", r.Start)
			}
			r.Release()
		})
	}
	all.Wait()
	seen := map[string]int{}
	for i, p := range payloads {
		var got struct{ Random []any }
		if err := json.Unmarshal(p, &got); err != nil {
			t.Fatal(err, string(p))
		}
		for j, v := range got.Random {
			k := fmt.Sprint(j, v)
			if other, twice := seen[k]; twice {
				t.Errorf("environments %d and %d drew the same number %d: %v", other, i, j, v)
			}
			seen[k] = i
		}
	}
}

func TestSnapshotRefused(t *testing.T) {
	for name, c := range map[string]struct{ source, reason string }{
		"thread": {"import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True, name='poller').start()\n", "1 thread running (poller)"},
		"child":  {"import subprocess\np = subprocess.Popen(['sleep', '60'])\n", "a child process"},
		"loop":   {"import asyncio\nloop = asyncio.new_event_loop()\n", "event loop"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			s := h.snapStart(name, c.source+"import os\ndef handler(e, c):\n    return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n")
			out := h.snapshot(s)
			if out.Kind != sandbox.Answered || !strings.Contains(out.Refused, c.reason) {
				t.Fatalf("%+v", out)
			}
			if !strings.Contains(h.log.text(), "SnapStart: no snapshot is kept: ") {
				t.Errorf("log: %s", h.log.text())
			}
			r := h.invoke(s, "{}")
			r.Release()
			if string(r.Payload) != `"on-demand"` || r.Start != sandbox.Cold || !strings.Contains(h.log.text(), "Init Duration: ") {
				t.Errorf("%s %s\n%s", r.Payload, r.Start, h.log.text())
			}
		})
	}
}

func TestSnapshotOfFailingInit(t *testing.T) {
	h := newHouse(t)
	for name, c := range map[string]struct {
		source string
		kind   sandbox.Kind
		is     string
	}{
		"raises": {"raise ValueError('no model')\n", sandbox.Failed, "ValueError"},
		"exits":  {"import sys\nsys.exit(3)\n", sandbox.Exited, "exit status 3"},
		"dies":   {"import os\nos.kill(os.getpid(), 9)\nos._exit(9)\n", sandbox.Exited, "signal: killed"},
		"hook":   {"import snapshot_restore_py as s\ndef f(): raise KeyError('x')\ns.register_before_snapshot(f)\n", sandbox.Failed, "Runtime.BeforeSnapshotError"},
	} {
		s := h.snapStart(name, c.source+"def handler(e, c):\n    return 1\n")
		out := h.snapshot(s)
		if out.Kind != c.kind || out.ErrorType+out.Exit != c.is {
			t.Errorf("%s: %+v", name, out)
		}
	}
}

// A restore whose hooks fail, end the process or do not end refuses its request, with AWS's words in the log, and takes all
// of its environment with it. The next request has another environment.
func TestRestoreThatFails(t *testing.T) {
	const report = `RESTORE_REPORT Restore Duration: [0-9.]+ ms\tStatus: `
	for _, c := range []struct {
		name, hook string
		limit      time.Duration
		errorType  string
		log        string
	}{
		{"raises", "raise KeyError('no key')", sandbox.RestoreLimit, "Runtime.AfterRestoreError", `\[ERROR\] Runtime.AfterRestoreError: 'no key'\n[^$]*` + report + `error\tError Type: Runtime.AfterRestoreError\n$`},
		{"exits", "sys.exit(3)", sandbox.RestoreLimit, "Runtime.ExitError", report + `error\tError Type: Runtime.ExitError\n$`},
		{"dies", "os.kill(os.getpid(), 9); time.sleep(60)", sandbox.RestoreLimit, "Runtime.ExitError", report + `error\tError Type: Runtime.ExitError\n$`},
		{"sleeps", "print('waiting'); time.sleep(3600)", 3 * time.Second, "SnapStartTimeoutException", `waiting\n` + report + `timeout\n$`},
		{"spins", "print('waiting', flush=True)\n    while True: pass", 3 * time.Second, "SnapStartTimeoutException", `waiting\n` + report + `timeout\n$`},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			process.LimitRestores(h.d, c.limit)
			s := h.snapStart(c.name, `
import os, subprocess, sys, time
import snapshot_restore_py
good = os.path.join(os.path.dirname(os.path.abspath(__file__)), "good")
@snapshot_restore_py.register_after_restore
def hook():
    if os.path.exists(good): return
    subprocess.Popen(["/bin/sh", "-c", "sleep 3600; : `+h.dir+`"])
    `+c.hook+`
def handler(event, context):
    return "served"
`)
			h.snapshot(s)
			h.log.all = nil
			r := h.invoke(s, "{}")
			r.Release()
			if !r.Unrestored || r.FunctionError != "Unhandled" || r.ErrorType != c.errorType || r.Start != sandbox.Restored {
				t.Errorf("%+v %s", r, r.Payload)
			}
			if text := h.log.text(); !regexp.MustCompile(`^RESTORE_START [^\n]*\n[^$]*`+c.log).MatchString(text) || strings.Contains(text, "START RequestId") {
				t.Errorf("log:\n%s", text)
			}
			if err := os.WriteFile(filepath.Join(s.CodeDir, "good"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if r = h.invoke(s, "{}"); string(r.Payload) != `"served"` || r.Start != sandbox.Restored {
				t.Errorf("the next request: %+v %s", r, r.Payload)
			}
			r.Release()
			if n := len(h.Environments()); n != 1 {
				t.Errorf("%d environments are left", n)
			}
			if left := running("sleep 3600; : " + h.dir); left != "" {
				t.Errorf("%s is left of the environment", left)
			}
		})
	}
}

// running names a process whose command line holds text, if there is one.
func running(text string) string {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well-formed
	for _, name := range all {
		if b, err := os.ReadFile(name); err == nil && strings.Contains(string(b), text) {
			return name
		}
	}
	return ""
}

// A platform that was killed finds the snapshot in the supervisor; one whose supervisor is gone too takes it again.
func TestSnapshotAfterRestart(t *testing.T) {
	h := newHouse(t)
	s := h.snapStart("kept", "import time\nborn = time.time_ns()\nprint('init')\ndef handler(e, c):\n    return born\n")
	h.snapshot(s)
	cold := func() string {
		h.n++
		r, err := h.Invoke(context.Background(), s, sandbox.Invocation{RequestID: id(h.n), Payload: []byte("{}"), InvokedARN: s.ARN, ForceCold: true})
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
		if r.Start != sandbox.Restored {
			t.Errorf("start %s: %s", r.Start, h.log.text())
		}
		return string(r.Payload)
	}
	first := cold()
	h.Abandon()
	h.d.Abandon()
	h.open()
	if again := cold(); again != first {
		t.Errorf("after a kill of the platform the init ran again: %s, %s", first, again)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h.open()
	if again := cold(); again == first {
		t.Error("the supervisor was gone, and its snapshot was not")
	}
	if n := strings.Count(h.log.text(), "\ninit\n"); n != 2 {
		t.Errorf("the init printed %d times:\n%s", n, h.log.text())
	}
}
