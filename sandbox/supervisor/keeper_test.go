package supervisor

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestOutputThatNobodyReadsIsBounded(t *testing.T) {
	k := newKeeper(t.TempDir())
	for name, c := range map[string]struct {
		size  int
		ended bool
		left  int
	}{
		"little":          {1000, false, 1000},
		"a flood":         {maxLog + 1, false, 0},
		"an ended one's":  {maxLog + 1, true, maxLog + 1}, // the platform reads it now
		"nothing printed": {0, false, 0},
	} {
		log := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(log, bytes.Repeat([]byte("x"), c.size), 0o600); err != nil {
			t.Fatal(err)
		}
		e := &environment{id: name, log: log}
		if c.ended {
			e.exit = &Exit{}
		}
		k.mu.environments[name] = e
		k.trimLogs()
		if info, err := os.Stat(log); err != nil || info.Size() != int64(c.left) {
			t.Errorf("%s: %v, %v; want %d bytes", name, info.Size(), err, c.left)
		}
	}
}

// What our user runs beside an environment takes nothing of its limit, where one number counts all.
func TestLimitsWithoutGroups(t *testing.T) {
	limits := ungrouped(nil, 128, 1024)
	if limits["RLIMIT_DATA"] != (128+128)<<20 || limits["RLIMIT_NPROC"] < 1024 {
		t.Errorf("%v", limits)
	}
	mine := len(Threads(os.Getpid()))
	switch n := limits["RLIMIT_NPROC"]; {
	case mine == 0:
		t.Error("a process without threads")
	case os.Geteuid() == 0 && !inUserNamespace():
		if n != 1024 {
			t.Errorf("root's functions are other users: %d", n)
		}
	case n == 1024:
		t.Errorf("our own %d threads count", mine)
	}
	if limits := ungrouped(&cgroup{limitsMemory: true, limitsProcesses: true}, 128, 1024); len(limits) != 0 {
		t.Errorf("%v beside a control group", limits)
	}
}
