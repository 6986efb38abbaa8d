package process_test

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"anthill/sandbox"
	"anthill/sandbox/supervisor"
)

// Functions that leave something running that counts. The answer is how far it has come.
const (
	countingThread = `
import threading, time
n = [0]
def count():
    while True:
        n[0] += 1
        time.sleep(0.005)
threading.Thread(target=count, daemon=True).start()
def handler(event, context):
    return n[0]
`
	countingChild = `
import os, subprocess, sys
open("/tmp/n", "w").close()
subprocess.Popen([sys.executable, "-c", "import time\nwhile True:\n    open('/tmp/n', 'a').write('x')\n    time.sleep(0.005)"], start_new_session=True)
def handler(event, context):
    return os.path.getsize("/tmp/n")
`
	countingTimer = `
let n = 0;
setInterval(() => { n += 1; }, 5);
exports.handler = async () => n;
`
	quiet = "def handler(event, context):\n    return 1\n"
)

// What a function leaves running stands still between its invocations, and goes on with the next one.
func TestNothingRunsBetweenInvocations(t *testing.T) {
	if os.Getenv(supervisor.NoNamespaces) != "" || noNamespaces() {
		t.Skip("only namespaces say what belongs to an environment")
	}
	h := newHouse(t)
	specs := []sandbox.Spec{h.python("thread", countingThread), h.python("child", countingChild)}
	if _, err := exec.LookPath("node"); err == nil {
		node := h.function("timer", "app.js", countingTimer, 0o644)
		node.Runtime = "nodejs20.x"
		specs = append(specs, node)
	}
	for _, s := range specs {
		t.Run(s.Key, func(t *testing.T) {
			count := func() int {
				t.Helper()
				r := h.invoke(s, "{}")
				defer r.Release()
				n, err := strconv.Atoi(string(r.Payload))
				if err != nil {
					t.Fatalf("%s\n%s", r.Payload, r.LogTail)
				}
				return n
			}
			first := count()
			time.Sleep(3 * time.Second) // 600 steps, if it went on
			second := count()
			if second-first > 300 {
				t.Errorf("it went on from %d to %d in three seconds between two invocations", first, second)
			}
			for end := time.Now().Add(10 * time.Second); count() <= second; time.Sleep(5 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("it did not go on with the next invocations")
				}
			}
		})
	}
}

// Frozen environments serve the next platform, which knows nothing of their state.
func TestFrozenEnvironmentsSurvive(t *testing.T) {
	h := &house{t: t, dir: t.TempDir(), code: t.TempDir(), log: &lines{}}
	h.open()
	thread := h.python("thread", countingThread)
	h.invoke(thread, "{}").Release()
	time.Sleep(500 * time.Millisecond) // it is frozen by then; if not, nothing is proved and nothing fails
	h.Abandon()
	h.d.Abandon()
	h.open()
	t.Cleanup(func() { h.Close() })
	if kept, found, err := h.Adopt(t.Context(), id(1)); err != nil || !found {
		t.Fatalf("its outcome: %v, %v", found, err)
	} else {
		kept.Release()
	}
	r := h.invoke(thread, "{}")
	r.Release()
	if r.Start != sandbox.Warm || r.FunctionError != "" {
		t.Errorf("%s %s", r.Start, r.Payload)
	}
}

// BenchmarkThaw is the first invocation after a pause in which the environment would be frozen, beside the same where it is not.
func BenchmarkThaw(b *testing.B) {
	for _, c := range []struct {
		name, source, runtime string
		after                 time.Duration
	}{
		{"one thread, never frozen", quiet, "", -1},
		{"one thread", quiet, "", 0},
		{"two threads, never frozen", countingThread, "", -1},
		{"two threads", countingThread, "", 0},
		{"node, never frozen", countingTimer, "nodejs20.x", -1},
		{"node", countingTimer, "nodejs20.x", 0},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := newHouse(b)
			if err := h.Close(); err != nil {
				b.Fatal(err)
			}
			h.freezeAfter = c.after
			h.open()
			s := h.python("f", c.source)
			if c.runtime != "" {
				s = h.function("g", "app.js", c.source, 0o644)
				s.Runtime = c.runtime
			}
			h.invoke(s, "{}").Release()
			var took []time.Duration
			for b.Loop() {
				time.Sleep(130 * time.Millisecond)
				begin := time.Now()
				h.invoke(s, "{}").Release()
				took = append(took, time.Since(begin))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(0, "ns/op")
		})
	}
}
