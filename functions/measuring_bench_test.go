package functions_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"anthill/functions"
	"anthill/sandbox/process"
)

// BenchmarkMeasuring is what writing down each invocation adds to it: warm invocations of a Python function with the
// records on and off, turn about in rounds of 50, so that both meet the same machine. It prints both medians and their ratio.
func BenchmarkMeasuring(b *testing.B) {
	d, err := process.Open(b.Context(), process.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	h := &house{t: b, fs: newDisk(), dir: b.TempDir(), backing: d}
	h.open()
	defer h.close()
	_, err = h.Create(b.Context(), functions.Creation{Ref: ref("hello", ""), Settings: functions.Settings{Runtime: "python3.12", Handler: "app.h", Role: role},
		Code: functions.CodeSource{Zip: zipOf(b, "app.py", "def h(event, context):\n    return event\n")}})
	if err != nil {
		b.Fatal(err)
	}
	inv := functions.Invocation{Ref: ref("hello", ""), Payload: []byte(`{"n": 1}`)}
	ctx := context.Background()
	took := map[bool][]time.Duration{}
	i := 0
	for b.Loop() {
		on := i/50%2 == 0
		if i++; i%50 == 1 {
			functions.Record(h.Service, on)
		}
		began := time.Now()
		if _, err := h.Invoke(ctx, inv); err != nil {
			b.Fatal(err)
		}
		took[on] = append(took[on], time.Since(began))
	}
	median := func(ds []time.Duration) float64 {
		if len(ds) == 0 {
			return 0
		}
		slices.Sort(ds)
		return float64(ds[len(ds)/2])
	}
	if on, off := median(took[true]), median(took[false]); off > 0 {
		b.ReportMetric(on, "ns/on")
		b.ReportMetric(off, "ns/off")
		b.ReportMetric(on/off, "on/off")
	}
}
