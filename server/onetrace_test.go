package server

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
)

// rest calls API Gateway's control plane, or another address of the platform, and gives the answer.
func (p *platform) rest(method, path string, body map[string]any) map[string]any {
	p.t.Helper()
	b, _ := json.Marshal(body)
	req, _ := http.NewRequest(method, p.url+path, bytes.NewReader(b))
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/apigateway/aws4_request, SignedHeaders=host, Signature=0")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	var out map[string]any
	if json.Unmarshal(raw, &out); res.StatusCode >= 300 {
		p.t.Fatalf("%s %s: %s %s", method, path, res.Status, raw)
	}
	return out
}

// gateway makes an API whose one method, POST /, has that integration, and gives the path to call it under.
func (p *platform) gateway(integration map[string]any) string {
	p.t.Helper()
	id := p.rest("POST", "/restapis", map[string]any{"name": "front"})["id"].(string)
	root := p.rest("GET", "/restapis/"+id+"/resources", nil)["item"].([]any)[0].(map[string]any)["id"].(string)
	at := "/restapis/" + id + "/resources/" + root + "/methods/POST"
	p.rest("PUT", at, map[string]any{"authorizationType": "NONE"})
	p.rest("PUT", at+"/integration", integration)
	if integration["type"] == "AWS" {
		p.rest("PUT", at+"/responses/200", map[string]any{})
		p.rest("PUT", at+"/integration/responses/200", map[string]any{})
	}
	p.rest("POST", "/restapis/"+id+"/deployments", map[string]any{"stageName": "dev"})
	return "/restapis/" + id + "/dev/_user_request_/"
}

// under fails unless there are spans of these names, each somewhere under the one before it and of its trace.
func (r *receiver) under(t *testing.T, names ...string) {
	t.Helper()
	above := r.named(names[0])
	if above == nil {
		t.Fatalf("no span %q", names[0])
	}
	for i, name := range names[1:] {
		var below *trace.Span
		for deadline := time.Now().Add(20 * time.Second); below == nil && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			below = r.below(above, name)
		}
		if below == nil {
			t.Errorf("no %q is under %q", name, names[i])
			return
		}
		above = below
	}
}

// below gives a span of that name under another, of those that have come.
func (r *receiver) below(above *trace.Span, name string) *trace.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.mu.spans {
		for at := s; s.Name == name && at != nil && bytes.Equal(at.TraceId, above.TraceId); at = r.spanLocked(at.ParentSpanId) {
			if bytes.Equal(at.ParentSpanId, above.SpanId) {
				return s
			}
		}
	}
	return nil
}

// spanLocked is that of an id, nil when it has not come.
func (r *receiver) spanLocked(id []byte) *trace.Span {
	for _, s := range r.mu.spans {
		if len(id) > 0 && bytes.Equal(s.SpanId, id) {
			return s
		}
	}
	return nil
}

// Whether a gateway starts an execution itself or through a function, what follows is one trace with its request at the root.
func TestOneTraceFromAGateway(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no Python on this machine")
	}
	to := newReceiver(t)
	p := run(t, Config{Traces: to.URL + "/v1/traces"})
	works := p.function("works", "def handler(event, context):\n    return 1\n")
	machine := p.machine("calls", `{"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": "`+works+`", "End": true}}}`)
	// It calls with the header of its own trace, as AWS's SDKs do inside of a function.
	starts := p.function("starts", `import json, os, urllib.request
def handler(event, context):
    call = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], json.dumps({"stateMachineArn": "`+machine+`"}).encode(), {
        "X-Amz-Target": "AWSStepFunctions.StartExecution", "Content-Type": "application/x-amz-json-1.0", "X-Amzn-Trace-Id": os.environ["_X_AMZN_TRACE_ID"],
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/states/aws4_request, SignedHeaders=host, Signature=0"})
    return {"statusCode": 200, "body": urllib.request.urlopen(call).read().decode()}
`)
	for _, c := range []struct {
		name        string
		integration map[string]any
		body        string
		also        string // what else is under the request
	}{
		{"itself", map[string]any{"type": "AWS", "httpMethod": "POST", "uri": "arn:aws:apigateway:us-east-1:states:action/StartExecution"}, `{"stateMachineArn": "` + machine + `"}`, "sfn.StartExecution"},
		{"a function", map[string]any{"type": "AWS_PROXY", "httpMethod": "POST", "uri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/" + starts + "/invocations"}, "{}", "invoke starts"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := p.gateway(c.integration)
			time.Sleep(2 * gatherFor) // spans of what made the gateway have come
			to.mu.Lock()
			to.mu.spans = nil
			to.mu.Unlock()
			res, err := http.Post(p.url+path, "application/json", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			answer, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode != http.StatusOK || !strings.Contains(string(answer), "executionArn") {
				t.Fatalf("%s %s", res.Status, answer)
			}
			to.under(t, "POST execute-api", "execute calls", "Call", "task of Call", "invoke works", "handler")
			to.under(t, "POST execute-api", c.also) // a function passes on the parent that it was given, as AWS's passive tracing does
			if s := to.named("POST execute-api"); s != nil && s.ParentSpanId != nil {
				t.Error("the request is not the root")
			}
		})
	}
}

// What is exported is what OTEL_TRACES_SAMPLER says: of a trace all or nothing.
func TestSampler(t *testing.T) {
	const took, left, even = "00000000000000000000000000000001", "0000000000000000ffffffffffffffff", "000000000000000080000000000000ff"
	for _, c := range []struct {
		name, arg string
		want      map[string]string // of a trace id: with no word of its caller, with his no, with his yes
	}{
		{"", "", map[string]string{took: "yny", left: "yny"}},
		{"parentbased_always_on", "", map[string]string{took: "yny", left: "yny"}},
		{"parentbased_always_off", "", map[string]string{took: "nny", left: "nny"}},
		{"parentbased_traceidratio", "0.25", map[string]string{took: "yny", left: "nny"}},
		{"always_on", "", map[string]string{took: "yyy", left: "yyy"}},
		{"always_off", "", map[string]string{took: "nnn", left: "nnn"}},
		{"traceidratio", "0.25", map[string]string{took: "yyy", left: "nnn", even: "nnn"}},
		{"traceidratio", "0.51", map[string]string{took: "yyy", left: "nnn", even: "yyy"}},
		{"traceidratio", "0", map[string]string{took: "nnn", left: "nnn"}},
		{"traceidratio", "", map[string]string{left: "yyy"}},
		{"traceidratio", "half", map[string]string{left: "yyy"}},
		{"traceidratio", "NaN", map[string]string{left: "yyy"}},
		{"traceidratio", "2", map[string]string{left: "yyy"}},
		{"jaeger_remote", "", map[string]string{left: "yny"}},
	} {
		var log strings.Builder
		s := newSampler(c.name, c.arg, slog.New(slog.NewTextHandler(&log, nil)))
		for id, want := range c.want {
			got := ""
			for _, said := range []string{"", "0", "1"} {
				got += map[bool]string{true: "y", false: "n"}[s.takes(hexOf(id, 16), said)]
			}
			if got != want {
				t.Errorf("%s(%s) takes %s: %s, want %s", c.name, c.arg, id, got, want)
			}
		}
		if odd := c.arg == "half" || c.arg == "NaN" || c.arg == "2" || c.name == "jaeger_remote"; odd != (log.Len() > 0) {
			t.Errorf("%s(%s): it logged %q", c.name, c.arg, log.String())
		}
	}
}

// A trace that is not taken has no spans at all, and functions are told so; a caller's own word stands.
func TestSampledTraces(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no Python on this machine")
	}
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
	to := newReceiver(t)
	p := run(t, Config{Traces: to.URL + "/v1/traces"})
	function := p.function("tells", "import os\ndef handler(event, context):\n    return os.environ['_X_AMZN_TRACE_ID']\n")
	machine := p.machine("calls", `{"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": "`+function+`", "End": true}}}`)
	start := func(traceparent string) map[string]any {
		body, _ := json.Marshal(map[string]any{"stateMachineArn": machine})
		req, _ := http.NewRequest("POST", p.url, bytes.NewReader(body))
		req.Header.Set("X-Amz-Target", "AWSStepFunctions.StartExecution")
		req.Header.Set("Content-Type", "application/x-amz-json-1.0")
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/states/aws4_request, SignedHeaders=host, Signature=0")
		if traceparent != "" {
			req.Header.Set("traceparent", traceparent)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var out map[string]any
		json.NewDecoder(res.Body).Decode(&out)
		return p.ended(out["executionArn"])
	}
	for _, c := range []struct{ traceparent, told string }{
		{"", "Sampled=0"},
		{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", "Sampled=0"},
		{"00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "Sampled=1"}, // last, so that what comes is all that comes
	} {
		if out := start(c.traceparent); !strings.Contains(fmt.Sprint(out["output"]), c.told) {
			t.Errorf("after %q the function was told %v, want %s", c.traceparent, out["output"], c.told)
		}
	}
	to.under(t, "sfn.StartExecution", "execute calls", "task of Call", "invoke tells", "handler")
	to.mu.Lock()
	defer to.mu.Unlock()
	for _, s := range to.mu.spans {
		if got := hex.EncodeToString(s.TraceId); got != "5bf92f3577b34da6a3ce929d0e0e4736" {
			t.Errorf("%q of trace %s was exported", s.Name, got)
		}
	}
}
