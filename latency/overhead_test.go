package latency_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
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

// What is wrong with a history is said, and what it holds is shown all the same.
func TestBrokenHistories(t *testing.T) {
	for _, c := range []struct{ name, json, problem string }{
		{"nothing", "", "is empty"},
		{"no JSON", "<html>", "is no JSON"},
		{"something else", `{"executions": []}`, `there is no "events" in it`},
		{"no events", `{"events": []}`, "has no events"},
		{"still running", `{"events": [{"id":1,"timestamp":1,"type":"ExecutionStarted"}]}`, "still running"},
		{"failed", `{"events": [{"id":1,"timestamp":1,"type":"ExecutionStarted"},{"id":2,"previousEventId":1,"timestamp":1.5,"type":"ExecutionFailed"}]}`, "ended as FAILED"},
		{"redriven", `{"events": [{"id":1,"timestamp":1,"type":"ExecutionStarted"},{"id":2,"previousEventId":1,"timestamp":2,"type":"ExecutionRedriven"}]}`, "was redriven at event 2"},
		{"missing", `{"events": [{"id":1,"timestamp":1,"type":"ExecutionStarted"},{"id":5,"previousEventId":4,"timestamp":2,"type":"ExecutionSucceeded"}]}`, "3 events are missing, the first of them number 2"},
		{"mixed up", `{"events": [{"id":2,"previousEventId":1,"timestamp":2,"type":"PassStateEntered"},{"id":1,"timestamp":1,"type":"ExecutionStarted"},{"id":3,"previousEventId":2,"timestamp":3,"type":"ExecutionSucceeded"}]}`, "were not in order"},
		{"one page of several", `{"events": [{"id":1,"timestamp":10,"type":"ExecutionStarted"}], "nextToken": "AAAA"}`, "one page of a history that has more"},
		{"clock step", `{"events": [{"id":1,"timestamp":10,"type":"ExecutionStarted"},{"id":2,"previousEventId":1,"timestamp":8.5,"type":"ExecutionSucceeded"}]}`, "clock went back by 1.5s between events 1 and 2"},
		{"cut off", `{"events": [{"id":1,"timestamp":1,"type":"ExecutionStarted"}]} {"events": [{"id":2,`, "cut off after 1 events"},
		{"no time", `{"events": [{"id":1,"timestamp":1,"type":"ExecutionStarted"},{"id":2,"timestamp":"soon","type":"ExecutionSucceeded"}]}`, "Event 2 has no readable timestamp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, err := latency.Read(strings.NewReader(c.json), "file")
			said := fmt.Sprint(err)
			if err == nil {
				said = strings.Join(tr.Problems, "\n")
				latency.Overheads(tr)
			}
			if !strings.Contains(said, c.problem) {
				t.Errorf("said %q, want a word of %q", said, c.problem)
			}
		})
	}
}

// A page given in reverse order, or twice, is the same history.
func TestReadsPagesInAnyOrder(t *testing.T) {
	in := `{"events": [{"id":3,"previousEventId":2,"timestamp":"2025-10-29T16:42:49Z","type":"ExecutionSucceeded"},{"id":2,"previousEventId":1,"timestamp":"2025-10-29T16:42:48.25+00:00","type":"PassStateEntered"}], "nextToken": "x"}
{"events": [{"id":2,"previousEventId":1,"timestamp":"2025-10-29T16:42:48.25+00:00","type":"PassStateEntered"},{"id":1,"timestamp":1761756167.123456,"type":"ExecutionStarted"}]}`
	tr, err := latency.Read(strings.NewReader(in), "file")
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.Events) != 3 || len(tr.Problems) != 0 || tr.Status != "SUCCEEDED" || tr.Events[0].Instant != 1761756167123456000 {
		t.Errorf("%+v", tr)
	}
}

// Anthill's trace: a hop is what lies between two handlers, its steps sum up to it, and a shared stamp is no result.
func TestTraceOverhead(t *testing.T) {
	o := overheads(t, "anthill-chain.json")
	if len(o.Chains) != 1 {
		t.Fatalf("%+v", o)
	}
	c := o.Chains[0]
	if !c.HandlerKnown || !c.SharedStamps || c.Overhead != 0 {
		t.Errorf("known %v, shared %v, events %v", c.HandlerKnown, c.SharedStamps, c.Overhead)
	}
	for _, tr := range c.Transitions {
		var sum time.Duration
		for _, s := range tr.Steps {
			sum += s.Took
		}
		if sum != tr.Handler || !tr.SharedStamp {
			t.Errorf("%s: steps %v sum to %v, handler to handler is %v", tr.Name(), tr.Steps, sum, tr.Handler)
		}
	}
	if h := c.Transitions[0].Handler; h != 330*time.Microsecond {
		t.Errorf("A → B took %v", h)
	}
	if p := o.Path; p.Handlers != 300*time.Microsecond || p.Total != p.Handlers+p.Waits+p.Orchestration {
		t.Errorf("path %+v", p)
	}
}

// Two Parallels, one inside the other, with a Wait between tasks and a retry: every piece is found where it belongs.
func TestNestedOverhead(t *testing.T) {
	o := overheads(t, "nested.json")
	if len(o.FanOuts) != 2 || o.FanOuts[0].State != "Outer" || o.FanOuts[0].Branches != 2 || o.FanOuts[1].State != "Inner" || o.FanOuts[1].Branches != 2 {
		t.Fatalf("fan-outs %+v", o.FanOuts)
	}
	if f := o.FanOuts[1]; f.Delay != 20*time.Millisecond || f.FanIn != 5*time.Millisecond {
		t.Errorf("inner: delay %v, fan-in %v", f.Delay, f.FanIn)
	}
	names := map[string]latency.Transition{}
	for _, tr := range o.Transitions {
		names[tr.Name()] = tr
	}
	if tr := names["Outer → After"]; tr.Events != 7*time.Millisecond || tr.Waited != time.Second {
		t.Errorf("Outer → After: %+v", tr)
	}
	if tr := names["After → After (attempt 2)"]; !tr.Retry || tr.Events != 2*time.Second {
		t.Errorf("retry: %+v", tr)
	}
	if o.Path.Waits != 3*time.Second {
		t.Errorf("path %+v", o.Path)
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"aws-chain.json", "aws-parallel.json", "anthill-chain.json", "nested.json"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tr, err := latency.Read(bytes.NewReader(b), "file")
		if err != nil {
			return
		}
		if len(tr.Events) == 0 {
			t.Error("a trace without events was accepted")
		}
		latency.Overheads(tr)
	})
}
