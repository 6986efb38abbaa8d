package process_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"anthill/sandbox"
	"anthill/sandbox/process"
	"anthill/sandbox/supervisor"
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "bootstrap" {
		runtimeMain(os.Getenv("_HANDLER"))
	}
	if len(os.Args) > 1 && os.Args[1] == "supervisor" {
		os.Exit(supervisor.Main(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "echo" {
		os.Exit(echoMain())
	}
	if len(os.Args) > 1 && os.Args[1] == "platform" {
		os.Exit(platformMain(os.Args[2:]))
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("anthill/sandbox/supervisor.awaitEnd")) // supervisors may outlive who started them
}

// house is a pool over real processes.
type house struct {
	*sandbox.Pool
	t    testing.TB
	dir  string
	d    *process.Driver
	log  *lines
	n    int
	code string

	initLimit, freezeAfter time.Duration // as sandbox.Config
	supervisor             []string      // as process.Config
	spares                 int           // as process.Config, as engine
	engine                 string
}

type lines struct {
	mu  sync.Mutex
	all []sandbox.Line
	off bool // forget them, for benchmarks
}

func (l *lines) Write(more []sandbox.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.off {
		l.all = append(l.all, more...)
	}
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	for _, line := range l.all {
		b.WriteString(line.Text)
	}
	return b.String()
}

func newHouse(t testing.TB) *house {
	h := &house{t: t, dir: t.TempDir(), code: t.TempDir(), log: &lines{}}
	h.open()
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *house) open() {
	h.t.Helper()
	d, err := process.Open(context.Background(), process.Config{Dir: h.dir, Supervisor: h.supervisor, Spares: h.spares, ImageEngine: h.engine})
	if err != nil {
		h.t.Fatal(err)
	}
	h.d = d
	if h.Pool, err = sandbox.Open(context.Background(), sandbox.Config{Driver: d, Lines: h.log, InitLimit: h.initLimit, FreezeAfter: h.freezeAfter}); err != nil {
		h.t.Fatal(err)
	}
}

// python makes a function of source.
func (h *house) python(name, source string) sandbox.Spec {
	h.t.Helper()
	dir := filepath.Join(h.code, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "app.py"), []byte(source), 0o644); err != nil {
		h.t.Fatal(err)
	}
	return sandbox.Spec{Key: name, FunctionName: name, Version: "$LATEST", Runtime: "python3.11", Handler: "app.handler", CodeDir: dir,
		ARN: "arn:aws:lambda:us-east-1:000000000000:function:" + name, Account: "000000000000", Region: "us-east-1",
		MemoryMB: 256, TmpMB: 512, Timeout: 5 * patience * time.Second, LogGroup: "/aws/lambda/" + name}
}

func (h *house) invoke(s sandbox.Spec, event string) *sandbox.Result {
	h.t.Helper()
	h.n++
	r, err := h.Invoke(context.Background(), s, sandbox.Invocation{RequestID: id(h.n), Payload: []byte(event), InvokedARN: s.ARN, LogTail: true})
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func id(n int) string {
	return "00000000-0000-0000-0000-" + strings.Repeat("0", 11) + string(rune('0'+n%10))
}

func TestPythonAnswers(t *testing.T) {
	h := newHouse(t)
	s := h.python("hello", `
import os, logging
count = 0
logging.getLogger().setLevel("INFO")
def handler(event, context):
    global count
    count += 1
    print("line one\nline two")
    logging.info("two\nlines")
    return {"event": event, "count": count, "name": context.function_name, "id": context.aws_request_id,
            "left": context.get_remaining_time_in_millis() > 1000, "cwd": os.getcwd() == os.environ["LAMBDA_TASK_ROOT"],
            "here": open("app.py").read(7)}
`)
	for n := 1; n <= 2; n++ {
		r := h.invoke(s, `{"a": "é"}`)
		r.Release()
		var got map[string]any
		if err := json.Unmarshal(r.Payload, &got); err != nil {
			t.Fatalf("%s: %v", r.Payload, err)
		}
		if got["count"] != float64(n) || got["name"] != "hello" || got["id"] != r.RequestID || got["left"] != true || got["cwd"] != true {
			t.Errorf("call %d: %s", n, r.Payload)
		}
		for _, want := range []string{"START RequestId: " + r.RequestID, "line one\nline two\n", "[INFO]\t", "\t" + r.RequestID + "\ttwo\nlines\n", "REPORT RequestId: "} {
			if !strings.Contains(string(r.LogTail), want) {
				t.Errorf("call %d: log lacks %q:\n%s", n, want, r.LogTail)
			}
		}
		if (r.Start == sandbox.Cold) != (n == 1) || (r.InitDuration > 0) != (n == 1) {
			t.Errorf("call %d: %s, init %v", n, r.Start, r.InitDuration)
		}
		p := r.Phases
		if !(p.Sent <= p.Entered && p.Entered <= p.Returned && p.Returned <= p.Received) {
			t.Errorf("call %d: phases out of order: %+v", n, p)
		}
	}
}

func TestPythonFails(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct{ name, handler, source, want, log string }{
		{"exception", "", "def handler(e, c):\n    raise ValueError('no')\n",
			`{"errorMessage": "no", "errorType": "ValueError", "requestId": "ID", "stackTrace": ["  File \"/var/task/app.py\", line 2, in handler\n    raise ValueError('no')\n"]}`,
			"[ERROR] ValueError: no\nTraceback (most recent call last):\n\u00a0\u00a0File \"/var/task/app.py\", line 2, in handler\n\u00a0\u00a0\u00a0\u00a0raise ValueError('no')\n"},
		{"module", "", "import nothing_of_that_name\n",
			`{"errorMessage": "Unable to import module 'app': No module named 'nothing_of_that_name'", "errorType": "Runtime.ImportModuleError", "requestId": "", "stackTrace": []}`,
			"Phase: invoke\tStatus: error\tError Type: Runtime.ImportModuleError"},
		{"syntax", "", "def handler(:\n",
			`{"errorMessage": "Syntax error in module 'app': invalid syntax (app.py, line 1)", "errorType": "Runtime.UserCodeSyntaxError", "requestId": "", "stackTrace": ["  File \"/var/task/app.py\" Line 1\n    def handler(:\n"]}`, ""},
		{"missing", "app.nothing", "", `{"errorMessage": "Handler 'nothing' missing on module 'app'", "errorType": "Runtime.HandlerNotFound", "requestId": "", "stackTrace": []}`, ""},
		{"malformed", "nothing", "", `{"errorMessage": "Bad handler 'nothing': not enough values to unpack (expected 2, got 1)", "errorType": "Runtime.MalformedHandlerName", "requestId": "", "stackTrace": []}`, ""},
		{"builtin", "sys.exit", "", `{"errorMessage": "Cannot use built-in module sys as a handler module", "errorType": "Runtime.BuiltInModuleConflict", "requestId": "", "stackTrace": []}`, ""},
		{"marshal", "", "def handler(e, c):\n    return {1, 2}\n",
			`{"errorMessage": "Unable to marshal response: Object of type set is not JSON serializable", "errorType": "Runtime.MarshalError", "requestId": "ID", "stackTrace": []}`, ""},
		{"exit", "", "import os\ndef handler(e, c):\n    os._exit(3)\n",
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 3"}`, "Error: Runtime exited with error: exit status 3\nRuntime.ExitError"},
		{"sysexit", "", "import sys\ndef handler(e, c):\n    sys.exit(0)\n",
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited without providing a reason"}`, ""},
		{"killed", "", "import os\ndef handler(e, c):\n    os.kill(os.getpid(), 9)\n",
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: signal: killed"}`, ""},
		{"segfault", "", "import ctypes\ndef handler(e, c):\n    ctypes.string_at(0)\n",
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: signal: segmentation fault"}`, ""},
		{"exitatimport", "", "import sys\nsys.exit(4)\n",
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 4"}`, "Phase: init\tStatus: error\tError Type: Runtime.ExitError"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := h.python(c.name, c.source)
			if c.handler != "" {
				s.Handler = c.handler
			}
			r := h.invoke(s, `{}`)
			r.Release()
			if got := strings.ReplaceAll(string(r.Payload), r.RequestID, "ID"); got != c.want {
				t.Errorf("payload\n%s\nwant\n%s", got, c.want)
			}
			if r.FunctionError != "Unhandled" || !strings.Contains(h.log.text(), c.log) {
				t.Errorf("error %q, log:\n%s", r.FunctionError, h.log.text())
			}
		})
	}
}
