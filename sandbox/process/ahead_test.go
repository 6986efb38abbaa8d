package process_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"anthill/sandbox"
)

// A runtime that was started ahead knows nothing of the environment until it is one, has read nothing of the function's code,
// and is like any other from then on: the next platform finds it.
func TestRuntimeAhead(t *testing.T) {
	for _, runtime := range nodes(t) {
		t.Run(runtime, func(t *testing.T) {
			t.Parallel()
			startedAhead(t, runtime)
		})
	}
}

func startedAhead(t *testing.T, runtime string) {
	h := newHouse(t)
	s := h.function("ahead", "index.js", `
const loaded = Date.now();
console.log("init of", process.env.AWS_LAMBDA_LOG_STREAM_NAME);
let n = 0;
exports.handler = async () => ({ loaded, n: ++n, stream: process.env.AWS_LAMBDA_LOG_STREAM_NAME, own: Object.keys(process.env).filter((k) => /anthill/i.test(k)) });
`, 0o644)
	s.Runtime, s.Handler, s.Timeout = runtime, "index.handler", 20*time.Second
	type answer struct {
		Loaded int64
		N      int
		Stream string
		Own    []string
	}
	call := func(i int, cold bool) (*sandbox.Result, answer) {
		t.Helper()
		r, err := h.Invoke(context.Background(), s, sandbox.Invocation{RequestID: id(i), Payload: []byte("{}"), InvokedARN: s.ARN, ForceCold: cold})
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
		var a answer
		if err := json.Unmarshal(r.Payload, &a); err != nil {
			t.Fatal(err, string(r.Payload))
		}
		return r, a
	}
	var r *sandbox.Result
	var a answer
	asked := time.Now()
	for i := range 200 { // the first is plain, and another one is made behind it
		asked = time.Now()
		if r, a = call(i, i < 199); r.Method == "spare" {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if r.Method != "spare" {
		t.Skip("this machine makes none ahead: " + r.Method)
	}
	if a.Loaded < asked.UnixMilli() {
		t.Errorf("the code was read %d ms before it was asked for", asked.UnixMilli()-a.Loaded)
	}
	if a.Stream != r.LogStream || len(a.Own) != 0 || a.N != 1 {
		t.Errorf("%+v, in %s", a, r.LogStream)
	}
	if n := strings.Count(h.log.text(), "init of "+r.LogStream); n != 1 {
		t.Errorf("its init printed %d times", n)
	}
	for i := range 200 { // now one that stays
		if r, a = call(i, false); r.Method == "spare" || r.Start == sandbox.Warm {
			break
		}
	}
	kept := r.EnvironmentID
	h.Abandon()
	h.d.Abandon()
	h.open()
	found := slices.ContainsFunc(h.Environments(), func(e sandbox.Info) bool { return e.ID == kept })
	if !found {
		t.Errorf("the next platform does not know %s: %+v", kept, h.Environments())
	}
	if r, found, err := h.Adopt(context.Background(), r.RequestID); err != nil {
		t.Fatal(err)
	} else if found {
		r.Release() // an outcome that is kept keeps its environment
	}
	if r, b := call(1, false); r.EnvironmentID != kept || b.N != a.N+1 {
		t.Errorf("after a kill of the platform: %+v in %s, before %+v in %s", b, r.EnvironmentID, a, kept)
	}
}
