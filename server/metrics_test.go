package server

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/goleak"

	"anthill/functions"
	"anthill/sandbox"
)

// figure reads one metric.
func (p *platform) figure(name string) float64 {
	p.t.Helper()
	res, err := http.Get(p.url + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindSubmatch(text)
	if m == nil {
		return -1
	}
	v, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

func TestMetrics(t *testing.T) {
	p := run(t, Config{})
	machine := p.machine("waits", `{"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "W"}, "W": {"Type": "Wait", "Seconds": 3600, "End": true}}}`)
	for range 3 {
		p.sfn("StartExecution", map[string]any{"stateMachineArn": machine})
	}
	p.sfn("StartExecution", map[string]any{"stateMachineArn": machine + "x"})
	for name, want := range map[string]float64{
		`anthill_http_requests_total{operation="StartExecution",service="sfn",status="200"}`: 3,
		`anthill_http_requests_total{operation="StartExecution",service="sfn",status="400"}`: 1,
		`anthill_http_request_seconds_count{service="sfn"}`:                                  5,
		`anthill_open_executions`:         3,
		`anthill_state_transitions_total`: 6,
		`anthill_disk_failing`:            0,
	} {
		if got := p.figure(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if n := p.figure("anthill_flush_seconds_count"); n < 4 {
		t.Errorf("%v flushes were counted", n)
	}
	// A bucket may be called metrics.
	req, _ := http.NewRequest("GET", p.url+"/metrics", nil)
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("listing the bucket metrics, which does not exist: %s", res.Status)
	}
}

// What /metrics shows keeps Prometheus' own rules of names, units and help, also once every kind of it has been seen.
func TestMetricsKeepTheRules(t *testing.T) {
	p := run(t, Config{})
	machine := p.machine("passes", `{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}`)
	p.sfn("StartExecution", map[string]any{"stateMachineArn": machine})
	p.s.mu.house.served(functions.Key{}, &functions.Served{Start: sandbox.Cold, Phases: sandbox.Phases{Queued: 1, Sent: 2}})
	res, err := http.Get(p.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range problems {
		t.Errorf("%s: %s", v.Metric, v.Text)
	}
	families, err := p.s.c.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if name := f.GetName(); !bytes.Contains(text, []byte("# HELP "+name+" ")) {
			t.Errorf("%s was not looked at", name)
		}
	}
	if len(families) < 15 {
		t.Errorf("only %d metrics", len(families))
	}
}

func TestProfilesAreTheMachinesOwn(t *testing.T) {
	if s, err := Open(t.Context(), Config{Ephemeral: true, Pprof: "0.0.0.0:0"}); err == nil {
		s.Close()
		t.Error("profiles are served to everybody")
	}
	p := run(t, Config{Pprof: "127.0.0.1:0"})
	c := http.Client{Timeout: time.Minute}
	res, err := c.Get("http://" + p.s.profilesAt.Addr().String() + "/debug/pprof/goroutine?debug=1")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("profile: %v %v", res, err)
	}
	res.Body.Close()
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Run("platform", func(t *testing.T) {
		p := run(t, Config{Pprof: "127.0.0.1:0"})
		machine := p.machine("waits", waits)
		p.sfn("StartExecution", map[string]any{"stateMachineArn": machine})
	})
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, before)
}
