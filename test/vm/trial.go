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
	tries := []func(){t.hello, t.groups, t.memory, t.processes, t.share, t.timeout, t.ownRuntime, t.secrets}
	if t.full {
		tries = append(tries, t.tmp, t.node, t.snapshot)
	}
	for _, try := range tries {
		try()
	}
	begun := time.Now()
	err = t.stop()
	t.note("stop", err == nil, "%v in %v", err, time.Since(begun).Round(time.Millisecond))
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
func running(name string) bool {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well-formed
	for _, file := range all {
		if b, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(b), name+"\x00") {
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
