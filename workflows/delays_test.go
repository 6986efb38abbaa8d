package workflows_test

import (
	"testing"
	"testing/synctest"
	"time"

	"anthill/sandbox/sandboxtest"
	"anthill/workflows"
)

type fixedDelays struct{ transition, fanOut time.Duration }

func (d fixedDelays) Transition() time.Duration { return d.transition }
func (d fixedDelays) FanOut(i, of int) time.Duration {
	return d.fanOut * time.Duration(i+1) / time.Duration(of)
}

// Delays that are added on purpose lie where a cloud has them: before a state's entry, and before the starts of tasks that were
// scheduled together. No event carries a time that has not come.
func TestDelaysLieWhereACloudHasThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{runs: map[string]int{}}
		h := newHouse(t, map[string]sandboxtest.Func{"A": l.handler("A", time.Second)})
		defer func() { h.close() }()
		h.delays = fixedDelays{25 * time.Millisecond, 100 * time.Millisecond}
		h.kill(false)
		const task = `"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:A"`
		m := h.machine("m", `{"StartAt": "A", "States": {"A": {`+task+`, "Next": "B"}, "B": {`+task+`, "Next": "P"}, "P": {"Type": "Parallel", "End": true, "Branches": [
			{"StartAt": "P1", "States": {"P1": {`+task+`, "End": true}}}, {"StartAt": "P2", "States": {"P2": {`+task+`, "End": true}}}]}}}`)
		begun := time.Now()
		e := h.start(m, "one", `"-"`)
		for {
			events, _, err := h.Events(workflows.History{Execution: e.ARN, Reverse: true, Limit: 1})
			h.check(err)
			if late := time.Until(events[0].Time); late > 0 {
				t.Fatalf("%s is read %v before its time", events[0].Type, late)
			}
			if r, err := h.Describe(e.ARN); err != nil || r.Status != workflows.Running {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		events, _, err := h.Events(workflows.History{Execution: e.ARN})
		h.check(err)
		var got []time.Duration
		for _, ev := range events {
			switch ev.Type.String() {
			case "TaskStateEntered", "ParallelStateEntered", "LambdaFunctionStarted", "LambdaFunctionSucceeded", "ExecutionSucceeded":
				got = append(got, ev.Time.Sub(begun).Round(time.Millisecond))
			}
		}
		ms := time.Millisecond
		want := []time.Duration{0, 0, 1000 * ms, // A
			1025 * ms, 1025 * ms, 2025 * ms, // B, 25 ms after
			2050 * ms, 2050 * ms, 2050 * ms, // P and its branches
			2100 * ms, 2150 * ms, 3100 * ms, 3150 * ms, 3150 * ms} // started 50 and 100 ms after, and done
		if len(got) != len(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("event %d at %v, want %v: %v", i, got[i], want[i], got)
			}
		}
	})
}
