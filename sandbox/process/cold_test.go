package process_test

import (
	"context"
	"os/exec"
	"slices"
	"testing"
	"time"

	"anthill/sandbox"
)

// BenchmarkColdRuntimes is a cold start of small handlers that cannot be forked, beside the spawn of /bin/true: of a runtime
// that was started ahead, and of one that was not.
func BenchmarkColdRuntimes(b *testing.B) {
	makers := map[string]func(h *house) sandbox.Spec{"provided": func(h *house) sandbox.Spec { return h.ownRuntime("cold") }}
	names := []string{"provided"}
	for _, runtime := range nodes(b) {
		names = append(names, runtime)
		makers[runtime] = func(h *house) sandbox.Spec {
			s := h.function("node", "index.js", "exports.handler = async (event) => ({ statusCode: 200, body: JSON.stringify({ n: event.body.length }) });\n", 0o644)
			s.Runtime, s.Handler = runtime, "index.handler"
			return s
		}
	}
	for _, name := range names {
		makeSpec := makers[name]
		for _, method := range []string{"plain", "spare"} {
			b.Run(name+"/"+method, func(b *testing.B) {
				h := newHouse(b)
				s := makeSpec(h)
				payload := event
				if name == "provided" { // this test's program, in Go
					payload = `"well"`
				}
				asked, others := method, 0
				parts := make([][]time.Duration, 6)
				if method == "spare" {
					asked = "" // the quickest there is
				}
				call := func() {
					began := time.Now().UnixNano()
					r, err := h.Invoke(context.Background(), s, sandbox.Invocation{RequestID: id(1), Payload: []byte(payload), InvokedARN: s.ARN, ForceCold: true, Method: asked})
					if err != nil || r.FunctionError != "" {
						b.Fatal(r, err)
					}
					if r.Method != method {
						others++
					}
					p := r.Phases
					at := []int64{began, p.SpawnBegin, p.InitBegin, p.InitEnd, p.Entered, p.Returned, time.Now().UnixNano()}
					for i := range parts {
						parts[i] = append(parts[i], time.Duration(at[i+1]-at[i]))
					}
					r.Release()
				}
				call()
				others = 0
				timed(b, time.Second, func() {
					if err := exec.Command("/bin/true").Run(); err != nil {
						b.Fatal(err)
					}
				}, call)
				b.ReportMetric(float64(others), "other-methods")
				for i, name := range []string{"1-decide", "2-start", "3-init", "4-there", "5-handler", "6-back"} {
					slices.Sort(parts[i])
					b.ReportMetric(float64(parts[i][len(parts[i])/2].Nanoseconds())/1000, name+"-µs")
				}
			})
		}
	}
}
