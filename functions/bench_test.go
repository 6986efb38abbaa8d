package functions_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"anthill/functions"
	"anthill/sandbox"
	"anthill/sandbox/process"
	"anthill/sandbox/sandboxtest"
	"anthill/sandbox/supervisor"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "supervisor" { // what keeps processes alive is this program, started again
		os.Exit(supervisor.Main(os.Args[2:]))
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("anthill/sandbox/supervisor.awaitEnd")) // supervisors may outlive who started them
}

// BenchmarkInvoke is a warm invocation through the service, beside its floor: the same through the pool alone.
func BenchmarkInvoke(b *testing.B) {
	payload := []byte(`{"message": "a request of some two hundred bytes, as a small API call has them", "numbers": [1, 2, 3, 4, 5, 6, 7, 8], "flag": true, "nested": {"a": "b", "c": "d"}}`)
	for _, d := range []struct {
		name string
		open func(b *testing.B) sandbox.Driver
	}{
		{"Go", func(*testing.B) sandbox.Driver {
			return sandboxtest.New(map[string]sandboxtest.Func{"app.h": echo})
		}},
		{"python", func(b *testing.B) sandbox.Driver {
			d, err := process.Open(b.Context(), process.Config{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			return d
		}},
	} {
		b.Run(d.name, func(b *testing.B) {
			h := &house{t: b, fs: newDisk(), dir: b.TempDir(), backing: d.open(b)}
			h.open()
			defer h.close()
			_, err := h.Create(b.Context(), functions.Creation{Ref: ref("hello", ""), Settings: functions.Settings{Runtime: "python3.12", Handler: "app.h", Role: role},
				Code: functions.CodeSource{Zip: zipOf(b, "app.py", "def h(event, context):\n    return event\n")}})
			if err != nil {
				b.Fatal(err)
			}
			inv := functions.Invocation{Ref: ref("hello", ""), Payload: payload}
			ctx := context.Background()
			warm := func(b *testing.B, err error) {
				if err != nil {
					b.Fatal(err)
				}
			}
			if _, err := h.Invoke(ctx, inv); err != nil {
				b.Fatal(err)
			}
			var service time.Duration
			b.Run("service", func(b *testing.B) {
				for b.Loop() {
					_, err := h.Invoke(ctx, inv)
					warm(b, err)
				}
				service = b.Elapsed() / time.Duration(b.N)
			})
			spec := sandbox.Spec{Key: "floor", FunctionName: "floor", Version: "$LATEST", Runtime: "python3.12", Handler: "app.h", Account: account, Region: region,
				CodeDir: filepath.Join(h.c.Dir, digestOf(b, h)), Timeout: 3 * time.Second, MemoryMB: 128, TmpMB: 512, LogGroup: "/aws/lambda/floor"}
			b.Run("floor", func(b *testing.B) {
				for b.Loop() {
					r, err := h.pool.Invoke(ctx, spec, sandbox.Invocation{RequestID: "00000000-0000-4000-8000-000000000000", Payload: payload})
					warm(b, err)
					r.Release()
				}
				if floor := b.Elapsed() / time.Duration(b.N); floor > 0 && service > 0 {
					b.ReportMetric(float64(service)/float64(floor), "service/floor")
				}
			})
		})
	}
}

func digestOf(b *testing.B, h *house) string {
	d, err := h.Get(ref("hello", ""))
	if err != nil {
		b.Fatal(err)
	}
	return d.Version.Code.Digest
}
