package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// What a platform is tried with.

func (t *trial) hello() {
	if err := t.create(t.function("hello", 128, 60, "def handler(e, c):\n    return 'hello'\n")); err != nil {
		t.note("hello", false, "%v", err)
		return
	}
	begun := time.Now()
	got, kind, log := t.invoke("hello", "{}")
	cold := time.Since(begun)
	begun = time.Now()
	again, _, _ := t.invoke("hello", "{}")
	t.note("hello", got == `"hello"` && again == got, "%s %s %.200s; cold %v, warm %v", got, kind, log, cold.Round(time.Millisecond), time.Since(begun).Round(time.Millisecond))
}

// groups looks whether environments have the groups that doctor promised.
func (t *trial) groups() {
	var has []string
	for _, base := range groupsOfOurs() {
		_ = filepath.WalkDir(base, func(path string, d os.DirEntry, err error) error {
			for _, name := range []string{"memory.max", "pids.max"} {
				if b, rerr := os.ReadFile(filepath.Join(path, name)); err == nil && d.IsDir() && rerr == nil && string(b) != "max\n" {
					has = append(has, name)
				}
			}
			return nil // what goes meanwhile is gone
		})
	}
	ok := slices.Contains(has, "memory.max") == t.given.Memory && slices.Contains(has, "pids.max") == t.given.Pids
	t.note("groups", ok, "%v", has)
}

const killed = "Runtime exited with error: signal: killed"

func (t *trial) memory() {
	f := t.function("greedy", 256, 120, `
def handler(event, context):
    if event.get("small"): return "small"
    b = []
    for i in range(2048):
        b.append(b"x" * (1 << 20))
        if i % 16 == 0: print(i, flush=True)
    return len(b)
`)
	if err := t.create(f); err != nil {
		t.note("memory", false, "%v", err)
		return
	}
	got, kind, log := t.invoke("greedy", "{}")
	most := 0
	for line := range strings.Lines(log) {
		_, _ = fmt.Sscan(line, &most) // other lines are the platform's
	}
	ok := kind == "Unhandled" && most < 400
	if t.given.Memory { // without, it may be MemoryError
		ok = ok && strings.Contains(got, killed) && strings.Contains(log, "Error Type: Runtime.OutOfMemory")
	}
	small, _, _ := t.invoke("greedy", `{"small": true}`)
	t.note("memory", ok && small == `"small"`, "%s at %d MB of 256, then %s %s", got, most, small, regexp.MustCompile("Error Type.*").FindString(log))
}

func (t *trial) tmp() {
	f := t.function("filler", 256, 300, `
import errno, os
def handler(event, context):
    wrote, problem = 0, None
    try:
        with open("/tmp/big", "wb") as f:
            for _ in range(600):
                f.write(b"x" * (1 << 20)); f.flush()
                wrote += 1
    except OSError as e:
        problem = errno.errorcode[e.errno]
    os.remove("/tmp/big")
    return [problem, wrote]
`)
	if err := t.create(f); err != nil {
		t.note("/tmp", false, "%v", err)
		return
	}
	got, _, _ := t.invoke("filler", "{}")
	t.note("/tmp", strings.HasPrefix(got, `["ENOSPC", 51`), "512 MB beside 256 MB of memory: %s", got)
}

func (t *trial) processes() {
	f := t.function("bomb", 2048, 120, `
import os, time
def handler(event, context):
    n = 0
    try:
        while n < 2000:
            if os.fork() == 0:
                time.sleep(300)
                os._exit(0)
            n += 1
    except OSError as e:
        return [n, e.errno]
    return [n, 0]
`)
	if err := t.create(f); err != nil {
		t.note("processes", false, "%v", err)
		return
	}
	got, _, _ := t.invoke("bomb", "{}")
	var n, errno int
	_, err := fmt.Sscanf(got, "[%d, %d]", &n, &errno)
	t.note("processes", err == nil && n < 1100 && errno == int(syscall.EAGAIN), "%s", got)
}

func (t *trial) share() {
	f := t.function("share", 442, 60, ` # a quarter of 1,769 MB
import time
def handler(event, context):
    began, used = time.monotonic(), time.process_time()
    while time.monotonic() - began < 4: pass
    return round((time.process_time() - used) / (time.monotonic() - began), 3)
`)
	f.source = strings.TrimPrefix(f.source, " # a quarter of 1,769 MB\n")
	f.tags = map[string]string{"anthill:cpu": "lambda"}
	if err := t.create(f); err != nil {
		t.note("share", false, "%v", err)
		return
	}
	got, _, _ := t.invoke("share", "{}")
	var share float64
	_, err := fmt.Sscan(got, &share)
	ok := err == nil && share < 0.4
	if !t.given.CPU {
		ok = err == nil && share > 0.4
	}
	t.note("share", ok, "%s of a processor, 0.25 asked for", got)
}

func (t *trial) timeout() {
	f := t.function("stubborn", 128, 3, `
import os, signal, time
def handler(event, context):
    for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(n, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execv("/bin/sleep", ["stubborn", "infinity"])
        os._exit(0)
    while True: time.sleep(1)
`)
	if err := t.create(f); err != nil {
		t.note("timeout", false, "%v", err)
		return
	}
	got, kind, _ := t.invoke("stubborn", "{}")
	alive := true
	for range 200 {
		if alive = running("stubborn"); !alive {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.note("timeout", kind == "Unhandled" && strings.Contains(got, "Task timed out after 3.00 seconds") && !alive, "%s, child alive: %v", got, alive)
}

// shellRuntime speaks the Runtime API with curl; what it does is in the event.
const shellRuntime = `#!/bin/sh
while true; do
  head=$(mktemp)
  event=$(curl -sS -D "$head" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next")
  id=$(grep -i '^lambda-runtime-aws-request-id:' "$head" | tr -d '\r' | cut -d' ' -f2)
  case $event in *greedy*) x=xxxxxxxxxxxxxxxx; while true; do x=$x$x; done;; esac
  curl -sS -o /dev/null "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response" -d '"shell"'
done
`

func (t *trial) ownRuntime() {
	f := function{name: "shell", runtime: "provided.al2023", handler: "x", file: "bootstrap", source: shellRuntime, memoryMB: 128, timeout: 120}
	if err := t.create(f); err != nil {
		t.note("own runtime", false, "%v", err)
		return
	}
	first, _, log := t.invoke("shell", "{}")
	got, kind, _ := t.invoke("shell", `{"do": "greedy"}`)
	again, _, _ := t.invoke("shell", "{}")
	ok := first == `"shell"` && kind == "Unhandled" && again == first
	if t.given.Memory {
		ok = ok && strings.Contains(got, "signal: killed")
	}
	t.note("own runtime", ok, "%s %.200s, greedy: %s, then %s", first, log, got, again)
}

func (t *trial) node() {
	if _, err := exec.LookPath("node"); err != nil {
		return
	}
	f := function{name: "node", runtime: "nodejs20.x", handler: "app.handler", file: "app.js", source: "exports.handler = async () => 'node'\n", memoryMB: 256, timeout: 60}
	if err := t.create(f); err != nil {
		t.note("node", false, "%v", err)
		return
	}
	got, _, log := t.invoke("node", "{}")
	t.note("node", got == `"node"`, "%s %.300s", got, log)
}

func (t *trial) snapshot() {
	f := t.function("snap", 128, 60, "born = 'init'\ndef handler(e, c):\n    return born\n")
	f.snapStart = "PublishedVersions"
	if err := t.create(f); err != nil {
		t.note("snapshot", false, "%v", err)
		return
	}
	status, _, text, err := t.call("POST", "/2015-03-31/functions/snap/versions", map[string]any{})
	if err != nil || status != 201 {
		t.note("snapshot", false, "%d %s %v", status, text, err)
		return
	}
	for range 600 {
		if _, _, text, _ = t.call("GET", "/2015-03-31/functions/snap?Qualifier=1", nil); !bytes.Contains(text, []byte("Pending")) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	got, _, log := t.invoke("snap:1", "{}")
	t.note("snapshot", got == `"init"` && strings.Contains(log, "Restore Duration"), "%s %.300s", got, log)
}

// secrets has a function look for a file that only the platform's user may read.
func (t *trial) secrets() {
	secret := filepath.Join(t.dir, "secret")
	err := os.WriteFile(secret, []byte("s3cret"), 0o600)
	if err == nil {
		err = t.create(t.function("secrets", 128, 60, fmt.Sprintf(`
def handler(event, context):
    try:
        return open(%q).read()
    except OSError as e:
        return "refused"
`, secret)))
	}
	if err != nil {
		t.note("files", false, "%v", err)
		return
	}
	got, _, _ := t.invoke("secrets", "{}")
	want := `"refused"`
	if t.given.NoNamespaces && t.withoutLandlock() {
		want = `"s3cret"` // as doctor says
	}
	t.note("files", got == want, "%s", got)
}

// killed has the platform and its supervisor die at once, and another one clean up behind them.
func (t *trial) killed() {
	if err := t.start(); err != nil {
		t.note("killed", false, "%v", err)
		return
	}
	if got, _, log := t.invoke("hello", "{}"); got != `"hello"` {
		t.note("killed", false, "%s %s", got, log)
	}
	all := ours()
	_ = t.up.Process.Kill()
	for _, pid := range all {
		_ = syscall.Kill(pid, syscall.SIGKILL) // some end with others
	}
	_ = t.up.Wait()
	time.Sleep(time.Second)
	if left := ours(); len(left) > 0 {
		t.note("killed", false, "alive after kill -9: %v", describe(left))
	}
	before := len(groupsOfOurs())
	if err := t.start(); err != nil {
		t.note("killed", false, "%v", err)
		return
	}
	got, _, log := t.invoke("hello", "{}")
	t.note("killed", got == `"hello"`, "%s %.100s; %d groups left by the dead", got, log, before)
	_ = t.stop()
	t.left("nothing left of the killed")
}
