package latency_test

import (
	"os"
	"testing"
	"time"

	"anthill/latency"
)

func overheads(t *testing.T, file string) latency.Overhead {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tr, err := latency.Read(f, file)
	if err != nil {
		t.Fatal(err)
	}
	return latency.Overheads(tr)
}

// The course's first table, from the instants of its run on AWS, to the millisecond.
func TestCourseChainTable(t *testing.T) {
	o := overheads(t, "aws-chain.json")
	if len(o.Chains) != 1 || len(o.FanOuts) != 0 || len(o.Problems) != 0 {
		t.Fatalf("got %d chains, %d fan-outs, problems %q", len(o.Chains), len(o.FanOuts), o.Problems)
	}
	c := o.Chains[0]
	zone := time.FixedZone("", 8*3600)
	want := []struct{ name, at, typ string }{
		{"T_A_start", "16:42:47.330", "TaskStateEntered"}, {"T_A_end", "16:42:47.457", "TaskSucceeded"},
		{"T_B_start", "16:42:47.480", "TaskStateEntered"}, {"T_B_end", "16:42:47.628", "TaskSucceeded"},
		{"T_C_start", "16:42:47.655", "TaskStateEntered"}, {"T_C_exit", "16:42:47.815", "TaskStateExited"},
	}
	for i, w := range want {
		m := c.Marks[i]
		if at := time.Unix(0, m.At).In(zone).Format("15:04:05.000"); m.Name != w.name || at != w.at || m.Type != w.typ {
			t.Errorf("mark %d: got %s %s %s, want %v", i, m.Name, at, m.Type, w)
		}
	}
	if ab, bc := c.Transitions[0].Events, c.Transitions[1].Events; ab != 23*time.Millisecond || bc != 27*time.Millisecond {
		t.Errorf("Overhead_AB = %v, Overhead_BC = %v; the course has 23 ms and 27 ms", ab, bc)
	}
	if c.Overhead != 50*time.Millisecond || c.Processing != 485*time.Millisecond || int(c.Percent*10+.5) != 103 {
		t.Errorf("overhead %v of %v = %.2f %%; the course has 50 ms of 485 ms = 10.3 %%", c.Overhead, c.Processing, c.Percent)
	}
	if c.HandlerKnown {
		t.Error("a history of AWS tells nothing of handlers")
	}
}

// The course's second table.
func TestCourseParallelTable(t *testing.T) {
	o := overheads(t, "aws-parallel.json")
	if len(o.FanOuts) != 1 || len(o.Chains) != 0 {
		t.Fatalf("got %d fan-outs and %d chains", len(o.FanOuts), len(o.Chains))
	}
	f := o.FanOuts[0]
	if f.Branches != 5 || f.Delay != 102*time.Millisecond || f.Duration != 369*time.Millisecond || int(f.Percent*10+.5) != 276 {
		t.Errorf("%d branches, fan-out delay %v of %v = %.2f %%; the course has 102 ms of 369 ms = 27.6 %%", f.Branches, f.Delay, f.Duration, f.Percent)
	}
	if m := f.Marks[1]; m.State != "P5" || m.Type != "TaskStarted" {
		t.Errorf("the last started is %s of %s", m.Type, m.State)
	}
}
