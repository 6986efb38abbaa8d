package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"anthill/lab"
)

// What the flags of load say becomes a schedule or waits, and words for the report.
func TestLoadFlags(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace.csv")
	if err := os.WriteFile(trace, []byte("HashOwner,HashApp,HashFunction,Trigger,1,2,3\no,a,f,http,60,120,60\no,a,g,http,1,1,1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	base := loadFlags{data: "{}", wait: "3s-5s", arrivals: "constant", traceSpeed: 1}
	for _, c := range []struct {
		name  string
		edit  func(l *loadFlags)
		cut   bool
		n     int // arrivals; 0 for the closed model
		check func(c lab.LoadConfig) bool
		wrong string
	}{
		{"the course's", func(l *loadFlags) {}, false, 0, func(c lab.LoadConfig) bool {
			return c.WaitMin == 3*time.Second && c.WaitMax == 5*time.Second && !c.NoWait
		}, ""},
		{"constant wait", func(l *loadFlags) { l.wait = "250ms" }, false, 0, func(c lab.LoadConfig) bool { return c.WaitMin == 250*time.Millisecond && c.WaitMax == c.WaitMin }, ""},
		{"exponential wait", func(l *loadFlags) { l.wait = "exp:2s" }, false, 0, func(c lab.LoadConfig) bool { return c.WaitMean == 2*time.Second }, ""},
		{"no wait", func(l *loadFlags) { l.wait = "0" }, false, 0, func(c lab.LoadConfig) bool { return c.NoWait }, ""},
		{"no such wait", func(l *loadFlags) { l.wait = "soon" }, false, 0, nil, "--wait takes"},
		{"a wait that ends before it begins", func(l *loadFlags) { l.wait = "5s-3s" }, false, 0, nil, "--wait takes"},
		{"a rate", func(l *loadFlags) { l.rate = 50 }, false, 500, nil, ""},
		{"no such arrivals", func(l *loadFlags) { l.rate, l.arrivals = 50, "sometimes" }, false, 0, nil, "constant or poisson"},
		{"steps", func(l *loadFlags) { l.steps = "10x1s,20x2s" }, false, 50, nil, ""},
		{"a trace", func(l *loadFlags) { l.trace = trace }, false, 243, nil, ""},
		{"one function of a trace", func(l *loadFlags) { l.trace, l.traceFunction = trace, "f" }, false, 240, func(c lab.LoadConfig) bool { return c.Arrivals[239] > 2*time.Minute }, ""},
		{"a trace, faster", func(l *loadFlags) { l.trace, l.traceSpeed = trace, 60 }, false, 243, func(c lab.LoadConfig) bool { return c.Arrivals[242] < 3*time.Second }, ""},
		{"the beginning of a trace", func(l *loadFlags) { l.trace, l.traceFunction, l.traceSpeed = trace, "f", 6 }, true, 60, func(c lab.LoadConfig) bool { return c.Arrivals[59] < 10*time.Second }, ""},
		{"no such trace", func(l *loadFlags) { l.trace = trace + "x" }, false, 0, nil, "no such file"},
		{"no such body", func(l *loadFlags) { l.data = "@" + trace + "x" }, false, 0, nil, "no such file"},
	} {
		l, got := base, lab.LoadConfig{RunTime: 10 * time.Second, Users: 3, SpawnRate: 1, Seed: 1}
		c.edit(&l)
		err := l.fill(&got, c.cut)
		switch {
		case c.wrong != "":
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v, want %q", c.name, err, c.wrong)
			}
		case err != nil:
			t.Errorf("%s: %v", c.name, err)
		case len(got.Arrivals) != c.n || got.Model == "" || c.check != nil && !c.check(got):
			t.Errorf("%s: %d arrivals, want %d: %+v", c.name, len(got.Arrivals), c.n, got)
		}
	}
}

// A flag that would have no effect is refused.
func TestLoadFlagsThatContradict(t *testing.T) {
	for flags, wrong := range map[string]string{
		"rate steps":        "give one of",
		"rate users":        "--users has no effect",
		"trace wait":        "--wait has no effect",
		"steps run-time":    "--run-time has no effect",
		"arrivals":          "--arrivals has no effect",
		"trace-speed steps": "--trace-speed has no effect",
		"method":            "--method has no effect",
		"rate arrivals":     "",
		"trace run-time":    "",
		"users wait":        "",
	} {
		given := strings.Fields(flags)
		err := loadFlags{}.contradictions(func(f string) bool {
			for _, g := range given {
				if g == f {
					return true
				}
			}
			return false
		}, false)
		if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
			t.Errorf("%s: %v, want %q", flags, err, wrong)
		}
	}
}

func TestSpark(t *testing.T) {
	for want, vs := range map[string][]float64{"": nil, "▁▁": {0, 0}, "▁▄█": {0, 5, 10}} {
		if got := spark(vs); got != want {
			t.Errorf("%v is drawn as %q, want %q", vs, got, want)
		}
	}
}
