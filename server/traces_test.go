package server

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"anthill/sandbox/supervisor"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "supervisor" { // what keeps processes alive is this program, started again
		os.Exit(supervisor.Main(os.Args[2:]))
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("anthill/sandbox/supervisor.awaitEnd")) // supervisors may outlive who started them
}

// receiver takes traces as an OpenTelemetry collector does.
type receiver struct {
	*httptest.Server
	mu struct {
		sync.Mutex
		spans []*trace.Span
	}
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		raw, _ := io.ReadAll(req.Body)
		var in collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(raw, &in); err != nil || req.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", req.URL.Path, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, rs := range in.ResourceSpans {
			if a := rs.Resource.Attributes[0]; a.Key != "service.name" || a.Value.GetStringValue() != "anthill" {
				t.Errorf("the resource is %v", rs.Resource)
			}
			for _, ss := range rs.ScopeSpans {
				r.mu.spans = append(r.mu.spans, ss.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(r.Close)
	return r
}

// named waits for the span of that name; nil when none comes.
func (r *receiver) named(name string) *trace.Span {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		r.mu.Lock()
		for _, s := range r.mu.spans {
			if s.Name == name {
				r.mu.Unlock()
				return s
			}
		}
		r.mu.Unlock()
	}
	return nil
}

func (p *platform) function(name, source string) string {
	p.t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, _ := z.Create("index.py")
	io.WriteString(f, source)
	z.Close()
	body, _ := json.Marshal(map[string]any{"FunctionName": name, "Runtime": "python3.12", "Handler": "index.handler",
		"Role": "arn:aws:iam::000000000000:role/LabRole", "Code": map[string]any{"ZipFile": base64.StdEncoding.EncodeToString(b.Bytes())}})
	res, err := http.Post(p.url+"/2015-03-31/functions", "application/json", bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		raw, _ := io.ReadAll(res.Body)
		p.t.Fatalf("CreateFunction: %s %s", res.Status, raw)
	}
	return "arn:aws:lambda:us-east-1:000000000000:function:" + name
}

// One request is one trace: its span, the execution that it starts, the execution's states, their tasks, the invocations
// of these and the phases of each; and what the function is told names the same trace.
func TestTraces(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no Python on this machine")
	}
	to := newReceiver(t)
	p := run(t, Config{Traces: to.URL + "/v1/traces"})
	function := p.function("tells", "import os\ndef handler(event, context):\n    return os.environ['_X_AMZN_TRACE_ID']\n")
	machine := p.machine("calls", `{"StartAt": "All", "States": {"All": {"Type": "Parallel", "Branches": [{"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": "`+function+`", "End": true}}}], "Next": "Broken"},
		"Broken": {"Type": "Fail", "Error": "E"}}}`)
	_, started := p.sfn("StartExecution", map[string]any{"stateMachineArn": machine})
	if out := p.ended(started["executionArn"]); out["status"] != "FAILED" {
		t.Fatalf("the execution: %v", out)
	}
	chain := []string{"sfn.StartExecution", "execute calls", "All", "Call", "task of Call", "invoke tells", "handler"}
	var above *trace.Span
	for i, name := range chain {
		s := to.named(name)
		if s == nil {
			t.Fatalf("no span %q", name)
		}
		if s.EndTimeUnixNano < s.StartTimeUnixNano {
			t.Errorf("%q ends before it begins", name)
		}
		if above != nil {
			if !bytes.Equal(s.TraceId, above.TraceId) || !bytes.Equal(s.ParentSpanId, above.SpanId) {
				t.Errorf("%q is not under %q: trace %x parent %x, want %x %x", name, above.Name, s.TraceId, s.ParentSpanId, above.TraceId, above.SpanId)
			}
			if s.StartTimeUnixNano < above.StartTimeUnixNano || i > 1 && s.EndTimeUnixNano > above.EndTimeUnixNano {
				t.Errorf("%q (%d to %d) is not within %q (%d to %d)", name, s.StartTimeUnixNano, s.EndTimeUnixNano, above.Name, above.StartTimeUnixNano, above.EndTimeUnixNano)
			}
		}
		above = s
	}
	if s := to.named("Broken"); s == nil || !bytes.Equal(s.ParentSpanId, to.named("execute calls").SpanId) {
		t.Errorf("the state after the Parallel: %v", s)
	}
	if s := to.named("execute calls"); s.Status.GetCode() != trace.Status_STATUS_CODE_ERROR {
		t.Errorf("the failed execution has the status %v", s.Status)
	}
}

// A caller's own trace goes on in what it calls, and the function is told of it.
func TestTracesGoOn(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no Python on this machine")
	}
	to := newReceiver(t)
	p := run(t, Config{Traces: to.URL + "/v1/traces"})
	p.function("tells", "import os\ndef handler(event, context):\n    return os.environ['_X_AMZN_TRACE_ID']\n")
	for _, c := range []struct{ header, value, trace string }{
		{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"},
		{"X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=00f067aa0ba902b7;Sampled=1", "5759e988bd862e3fe1be46a994272793"},
	} {
		to.mu.Lock()
		to.mu.spans = nil
		to.mu.Unlock()
		req, _ := http.NewRequest("POST", p.url+"/2015-03-31/functions/tells/invocations", strings.NewReader("{}"))
		req.Header.Set(c.header, c.value)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		told, _ := io.ReadAll(res.Body)
		res.Body.Close()
		request, invocation := to.named("lambda.Invoke"), to.named("invoke tells")
		if request == nil || invocation == nil {
			t.Fatalf("%s: spans are missing: %v %v after %s %s", c.header, request, invocation, res.Status, told)
		}
		if got := hex.EncodeToString(request.TraceId); got != c.trace || hex.EncodeToString(request.ParentSpanId) != "00f067aa0ba902b7" || !bytes.Equal(invocation.ParentSpanId, request.SpanId) {
			t.Errorf("%s: the request is in %s under %x, the invocation under %x", c.header, got, request.ParentSpanId, invocation.ParentSpanId)
		}
		if want := "Root=1-" + c.trace[:8] + "-" + c.trace[8:] + ";Parent=" + hex.EncodeToString(request.SpanId); !strings.Contains(string(told), want) {
			t.Errorf("%s: the function was told %s, want %s", c.header, told, want)
		}
	}
}

// A receiver that takes nothing costs spans, which are counted, and no request.
func TestTracesThatNobodyTakes(t *testing.T) {
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
	t.Cleanup(broken.Close)
	p := run(t, Config{Traces: broken.URL + "/v1/traces"})
	if status, out := p.sfn("ListStateMachines", nil); status != http.StatusOK {
		t.Fatalf("%d %v", status, out)
	}
	for deadline := time.Now().Add(time.Minute); p.figure("anthill_spans_dropped_total") < 1; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what was not taken is not counted")
		}
	}
}
