package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"anthill/sandbox/runtimes"
)

// trial is what a platform of its own is put through, inside the control group, the user and the namespaces of a case.
type trial struct {
	name    string // of the case
	given   given  // what the case must give
	anthill string // the program
	dir     string // for its data
	full    bool   // also what control groups have less to do with
	up      *exec.Cmd
	url     string
	said    string // its line on isolation
}

// result is one row of what came out.
type result struct {
	Name   string
	OK     bool
	Detail string
}

func (t *trial) note(check string, ok bool, format string, args ...any) {
	note(t.name, result{check, ok, fmt.Sprintf(format, args...)})
}

// doctor is what `anthill doctor` says, by name: yes or no, and why.
func (t *trial) doctor() (map[string]bool, string, error) {
	out, err := exec.Command(t.anthill, "doctor").CombinedOutput()
	has := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		if f := regexp.MustCompile(`^(yes|no ) {2}(.+?) {2,}(.*)$`).FindStringSubmatch(strings.TrimRight(line, "\n")); f != nil {
			has[f[2]] = f[1] == "yes"
		}
	}
	return has, string(out), err
}

// start starts a platform over dir.
func (t *trial) start(args ...string) error {
	t.up = exec.Command(t.anthill, append([]string{"up", "--port", "0", "--data", filepath.Join(t.dir, "data")}, args...)...)
	t.up.Stderr = os.Stderr
	out, err := t.up.StdoutPipe()
	if err != nil {
		return err
	}
	if err := t.up.Start(); err != nil {
		return err
	}
	found := make(chan string, 1)
	go func() {
		var all bytes.Buffer
		buf := make([]byte, 4096)
		for {
			n, err := out.Read(buf)
			all.Write(buf[:n])
			if u := regexp.MustCompile(`http://[^\s/]+:\d+`).FindString(all.String()); u != "" && strings.Contains(all.String(), "Functions are") {
				select {
				case found <- u + "\n" + all.String():
				default:
				}
			}
			if err != nil {
				return
			}
		}
	}()
	select {
	case text := <-found:
		t.url, _, _ = strings.Cut(text, "\n")
		for line := range strings.Lines(text) {
			if _, said, ok := strings.Cut(line, "Functions are"); ok {
				t.said = "Functions are" + strings.TrimRight(said, "\n")
			}
		}
		return nil
	case <-time.After(2 * time.Minute):
		return fmt.Errorf("the platform is not ready after two minutes")
	}
}

// stop ends the platform as an operator does.
func (t *trial) stop() error {
	_ = t.up.Process.Signal(syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- t.up.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		_ = t.up.Process.Kill()
		return fmt.Errorf("the platform did not end within a minute")
	}
}

// call makes a call of the Lambda API.
func (t *trial) call(method, path string, body any) (int, http.Header, []byte, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return 0, nil, nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, t.url+path, bytes.NewReader(b))
	if err != nil {
		return 0, nil, nil, err
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0")
	r.Header.Set("X-Amz-Log-Type", "Tail")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, answer.Header, text, err
}

// function is one that a trial makes.
type function struct {
	name, runtime, handler, file, source string
	memoryMB, timeout                    int
	tags                                 map[string]string
	snapStart                            string // None when it is empty
}

func (t *trial) create(f function) error {
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	h := &zip.FileHeader{Name: f.file, Method: zip.Deflate}
	h.SetMode(0o755)
	w, err := z.CreateHeader(h)
	if err == nil {
		_, err = io.WriteString(w, f.source)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return err
	}
	status, _, text, err := t.call("POST", "/2015-03-31/functions", map[string]any{"FunctionName": f.name, "Runtime": f.runtime, "Handler": f.handler,
		"Role": "arn:aws:iam::000000000000:role/trial", "MemorySize": f.memoryMB, "Timeout": f.timeout, "Tags": f.tags, "SnapStart": map[string]string{"ApplyOn": cmp.Or(f.snapStart, "None")},
		"Code": map[string]string{"ZipFile": base64.StdEncoding.EncodeToString(packed.Bytes())}})
	if err != nil || status != 201 {
		return fmt.Errorf("creating %s: %d %s %v", f.name, status, text, err)
	}
	for range 1200 {
		if _, _, text, err = t.call("GET", "/2015-03-31/functions/"+f.name, nil); err != nil {
			return err
		}
		if bytes.Contains(text, []byte(`"State":"Active"`)) || bytes.Contains(text, []byte(`"State": "Active"`)) {
			return nil
		}
		time.Sleep(100 * time.Millisecond) // as a waiter of boto3 does
	}
	return fmt.Errorf("%s does not become active: %s", f.name, text)
}

// invoke gives the payload, the error's kind and the end of the log.
func (t *trial) invoke(name, payload string) (text, kind, log string) {
	status, header, b, err := t.call("POST", "/2015-03-31/functions/"+name+"/invocations", json.RawMessage(payload))
	if err != nil {
		return err.Error(), "transport", ""
	}
	if status != 200 {
		return string(b), fmt.Sprint(status), ""
	}
	tail, _ := base64.StdEncoding.DecodeString(header.Get("X-Amz-Log-Result"))
	return string(b), header.Get("X-Amz-Function-Error"), string(tail)
}

// function is a Python function of source.
func (t *trial) function(name string, memoryMB, timeout int, source string) function {
	return function{name: name, runtime: "python3.12", handler: "app.handler", file: "app.py", source: source, memoryMB: memoryMB, timeout: timeout}
}

// run puts a platform through everything.
func (t *trial) run() {
	t.withoutSDK()
	has, text, err := t.doctor()
	if err != nil {
		t.note("doctor", false, "%v %s", err, text)
	}
	ok := has["memory limit"] == t.given.Memory && has["process limit"] == t.given.Pids && has["processor share"] == t.given.CPU &&
		has["namespaces"] == !t.given.NoNamespaces && has["landlock"] == !t.withoutLandlock()
	t.note("doctor", ok, "%s", lines(text, "namespaces", "landlock", "memory limit", "process limit", "processor share"))
	if err := t.start(); err != nil {
		t.note("start", false, "%v", err)
		return
	}
	t.note("start", true, "%s", t.said)
	tries := []func(){t.hello, t.memory, t.processes, t.share, t.timeout, t.ownRuntime, t.secrets}
	if t.full {
		tries = append(tries, t.tmp, t.node, t.snapshot)
	}
	for _, try := range tries {
		try()
	}
	if err := t.stop(); err != nil {
		t.note("stop", false, "%v", err)
	}
	t.left("nothing left")
	t.killed()
}

// withoutLandlock reports whether the kernel has none: it is switched off, or older than 5.13.
func (t *trial) withoutLandlock() bool {
	var major, minor int
	b, _ := os.ReadFile("/proc/sys/kernel/osrelease") // what says nothing is old
	_, _ = fmt.Sscanf(string(b), "%d.%d", &major, &minor)
	return t.given.NoLandlock || major < 5 || major == 5 && minor < 13
}

// withoutSDK keeps pip from looking for AWS's SDK, which these functions do not import.
func (t *trial) withoutSDK() {
	cache := filepath.Join(t.dir, ".cache", "anthill")
	c := &runtimes.Catalog{Cache: cache}
	for _, i := range c.Pythons(context.Background()) {
		_ = os.MkdirAll(runtimes.Libraries(cache, i), 0o755)
	}
}

// lines are those of text that begin with yes or no and one of names.
func lines(text string, names ...string) string {
	var all []string
	for line := range strings.Lines(text) {
		for _, name := range names {
			if strings.HasPrefix(line[min(3, len(line)):], "  "+name+" ") {
				all = append(all, strings.Join(strings.Fields(line), " "))
			}
		}
	}
	return strings.Join(all, "; ")
}

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
            open("/proc/self/comm", "w").write("stubborn")
            while True: time.sleep(1)
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

// left looks for processes and control groups of ours.
func (t *trial) left(name string) {
	var pids []int
	var groups []string
	for range 100 {
		if pids, groups = ours(), groupsOfOurs(); len(pids)+len(groups) == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.note(name, len(pids)+len(groups) == 0, "%v %v", describe(pids), groups)
}

// running reports whether a process of that name runs.
func running(comm string) bool {
	all, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, name := range all {
		if b, err := os.ReadFile(name); err == nil && strings.TrimSpace(string(b)) == comm {
			return true
		}
	}
	return false
}

// ours are the platforms, supervisors, templates and functions that run.
func ours() (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range all {
		b, err := os.ReadFile(name)
		if err != nil || len(b) == 0 {
			continue
		}
		var pid int
		_, _ = fmt.Sscanf(name, "/proc/%d/", &pid)
		if line := string(b); pid != os.Getpid() && (strings.Contains(line, "anthill\x00") || strings.Contains(line, "zygote") || strings.Contains(line, "bootstrap")) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func describe(pids []int) (all []string) {
	for _, pid := range pids {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		all = append(all, fmt.Sprintf("%d %.80s", pid, bytes.ReplaceAll(b, []byte{0}, []byte{' '})))
	}
	return all
}

// groupsOfOurs are the control groups that bear our name.
func groupsOfOurs() (all []string) {
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), "anthill-") {
			all = append(all, path)
		}
		return nil // what goes meanwhile is gone
	})
	return all
}
