package latency_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"anthill/latency"
)

func TestDelays(t *testing.T) {
	d := latency.DelayOf([]time.Duration{4 * time.Millisecond, time.Millisecond, 2 * time.Millisecond}, "three")
	for u, want := range map[float64]time.Duration{-1: 1e6, 0: 1e6, .25: 1.5e6, .5: 2e6, .75: 3e6, 1: 4e6, 2: 4e6} {
		if got := d.At(u); got != want {
			t.Errorf("At(%v) = %v, want %v", u, got, want)
		}
	}
	if none := latency.DelayOf(nil, ""); none != nil || none.At(.5) != 0 || none.Draw() != 0 {
		t.Error("no measurements give a delay")
	}
	var many []time.Duration
	for i := range 5000 {
		many = append(many, time.Duration(i)*time.Microsecond)
	}
	if d := latency.DelayOf(many, "many"); d.N != 5000 || len(d.Values) != 101 || d.At(.5) < 2490*time.Microsecond || d.At(.5) > 2510*time.Microsecond {
		t.Errorf("of 5000: %d values, median %v", len(d.Values), d.At(.5))
	}
}

// A profile that says nothing of its source, or that is broken, is refused with a sentence that says why.
func TestProfilesAreChecked(t *testing.T) {
	for text, why := range map[string]string{
		`{}`:                        "needs a name and a source",
		`{"name": "n"}`:             "needs a name and a source",
		`{"name":"n","source":"s"}`: "holds no delay",
		`[1]`:                       "is no latency profile",
		`{"name":"n","sauce":"s"}`:  "is no latency profile",
		`{"name":"n","source":"s","hop":{"values_ms":[]}}`:           "hop must be milliseconds",
		`{"name":"n","source":"s","fan_out":{"values_ms":[2,1]}}`:    "in ascending order",
		`{"name":"n","source":"s","transition":{"values_ms":[-1]}}`:  "between 0 and 60000",
		`{"name":"n","source":"s","cold_start":{"values_ms":[1e9]}}`: "between 0 and 60000",
	} {
		path := filepath.Join(t.TempDir(), "p.json")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := latency.ReadProfile(path); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want %q", text, err, why)
		}
	}
	if _, err := latency.ReadProfile("no-such"); err == nil || !strings.Contains(err.Error(), "aws-course") {
		t.Errorf("an unknown name: %v", err)
	}
}
