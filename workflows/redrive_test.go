package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"anthill/fault"
	"anthill/sandbox/sandboxtest"
	"anthill/workflows"
)

// wantNotRedrivable holds that a redrive is refused for a reason, which the description says too unless described is false.
func (h *house) wantNotRedrivable(executionARN, reason string, described bool) {
	h.t.Helper()
	_, err := h.Redrive(h.t.Context(), executionARN, "")
	if f := fault.Of(err); err == nil || f.Kind != fault.Conflict || f.Noun != "redrive" || f.Detail != reason {
		h.t.Errorf("redrive of %s: %v, want %q", executionARN, err, reason)
	}
	e, err := h.Get(executionARN)
	h.check(err)
	if status, why := h.Redrivable(e); described && (status != "NOT_REDRIVABLE" || why != reason) {
		h.t.Errorf("%s is %s, %q", executionARN, status, why)
	}
}

// broken is a function that fails until it is mended.
func (l *ledger) broken(name string, mended *atomic.Bool) sandboxtest.Func {
	works := l.handler(name, time.Second)
	return func(ctx context.Context, event []byte) ([]byte, error) {
		if out, err := works(ctx, event); mended.Load() {
			return out, err
		}
		return nil, errors.New("broken")
	}
}

// A redriven execution does again what failed and nothing else, across a crash before and after.
func TestRedriveAcrossCrashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{runs: map[string]int{}}
		var mended atomic.Bool
		h := newHouse(t, map[string]sandboxtest.Func{"A": l.handler("A", time.Second), "B": l.broken("B", &mended), "C": l.handler("C", 10*time.Second)})
		defer func() { h.close() }()
		e := h.start(h.machine("chain", chain("A", "B", "C")), "one", `"-"`)
		h.wantNotRedrivable(e.ARN, "Execution is RUNNING and cannot be redriven", true)
		time.Sleep(10 * time.Second)
		if r, err := h.Describe(e.ARN); err != nil || r.Status != workflows.Failed {
			t.Fatalf("%v, %v", r, err)
		}
		h.kill(true)

		if _, err := h.Redrive(t.Context(), e.ARN, ""); err != nil { // B is still broken
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		mended.Store(true)
		at, err := h.Redrive(t.Context(), e.ARN, "token")
		h.check(err)
		h.kill(false) // the redrive that was acknowledged is there
		again, err := h.Redrive(t.Context(), e.ARN, "token")
		h.check(err)
		if !again.Equal(at) {
			t.Errorf("the same token again gave %v, before %v", again, at)
		}
		h.wantNotRedrivable(e.ARN, "Execution is RUNNING and cannot be redriven", true)
		time.Sleep(5 * time.Second)
		h.kill(false) // while C runs
		time.Sleep(30 * time.Second)

		h.wantEnd(e.ARN, "SUCCEEDED", `"-ABC"`)
		h.wantNotRedrivable(e.ARN, "Execution is SUCCEEDED and cannot be redriven", true)
		if l.runs["A"] != 1 || l.runs["C"] != 1 {
			t.Errorf("handlers ran %v", l.runs)
		}
		r, err := h.Get(e.ARN)
		h.check(err)
		if r.Redrives != 2 || !r.Redriven.Equal(at) || !r.Started.Equal(e.Started) {
			t.Errorf("redriven %d times, last at %v; started %v", r.Redrives, r.Redriven, r.Started)
		}
		types := h.types(e.ARN)
		if n := strings.Count(types, "ExecutionRedriven"); n != 2 || strings.Count(types, "ExecutionStarted") != 1 || strings.Count(types, "TaskStateEntered") != 3 {
			t.Errorf("history %s", types)
		}
		for redriven, want := range map[bool]int{true: 1, false: 0} {
			list, _, err := h.List(workflows.Listing{MachineARN: e.MachineARN, Redriven: &redriven})
			h.check(err)
			if len(list) != want {
				t.Errorf("%d executions with redriven %t", len(list), redriven)
			}
		}
	})
}

// A redrive is of the definition with which the execution was started, and of any that ended without success.
func TestRedriveOfEachEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer func() { h.close() }()
		m := h.machine("wait", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}}`)
		aborted := h.start(m, "aborted", `1`)
		_, err := h.Stop(t.Context(), aborted.ARN, "Mine", "because")
		h.check(err)
		timed := h.start(h.machine("timed", `{"TimeoutSeconds":40,"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":30,"Next":"X"},"X":{"Type":"Wait","Seconds":30,"End":true}}}`), "timed", `2`)
		failed := h.start(h.machine("fail", `{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"Again"}}}`), "failed", `3`)
		time.Sleep(41 * time.Second)
		for i, e := range []*workflows.Execution{aborted, timed, failed} {
			if r, _ := h.Describe(e.ARN); r.Status != []workflows.Status{workflows.Aborted, workflows.TimedOut, workflows.Failed}[i] {
				t.Errorf("%s is %s", e.Name, r.Status)
			}
			if _, err := h.Redrive(t.Context(), e.ARN, ""); err != nil {
				t.Errorf("%s: %v", e.Name, err)
			}
		}
		time.Sleep(61 * time.Second)
		h.wantEnd(aborted.ARN, "SUCCEEDED", `1`)
		h.wantEnd(timed.ARN, "SUCCEEDED", `2`)
		h.wantEnd(failed.ARN, "FAILED", "Again")

		time.Sleep(15 * 24 * time.Hour)
		h.wantNotRedrivable(failed.ARN, "Execution redrivable period exceeded", true)
		e := h.start(&workflows.Machine{ARN: failed.MachineARN}, "late", `1`)
		time.Sleep(time.Second)
		h.check(h.DeleteMachine(failed.MachineARN))
		h.wantNotRedrivable(e.ARN, "State machine is in DELETING status", true)
		if _, err := h.Redrive(t.Context(), e.ARN+"x", ""); fault.Of(err).Kind != fault.NotFound {
			t.Errorf("redrive of none: %v", err)
		}
	})
}

// Clients that redrive at once: one of them does, the others are refused or are told of its redrive.
func TestRedriveOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer func() { h.close() }()
		m := h.machine("wait", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}}`)
		e := h.start(m, "one", `1`)
		_, err := h.Stop(t.Context(), e.ARN, "", "")
		h.check(err)
		var done, same atomic.Int32
		for i := range 20 {
			go func() {
				if _, err := h.Redrive(t.Context(), e.ARN, fmt.Sprint("t", i/10)); err == nil {
					same.Add(1)
				}
				done.Add(1)
			}()
		}
		time.Sleep(time.Second)
		if done.Load() != 20 || same.Load() != 10 {
			t.Errorf("%d of %d redrives with two tokens succeeded, want those with one", same.Load(), done.Load())
		}
		if r, _ := h.Get(e.ARN); r.Redrives != 1 {
			t.Errorf("%d redrives", r.Redrives)
		}
	})
}

// A redriven distributed Map runs the children again that failed, under their names, and keeps what the others gave.
func TestRedriveOfAMapRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{runs: map[string]int{}}
		var mended atomic.Bool
		h := newHouse(t, map[string]sandboxtest.Func{"even": func(ctx context.Context, event []byte) ([]byte, error) {
			l.mu.Lock()
			l.runs[string(event)]++
			l.mu.Unlock()
			time.Sleep(time.Second)
			if odd := event[0]%2 == 1; odd && !mended.Load() {
				time.Sleep(time.Second) // until the others have ended: the second failure ends the map run
				return nil, errors.New("odd")
			}
			return append(event, '0'), nil
		}})
		defer func() { h.close() }()
		e := h.start(h.machine("map", `{"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":4,"ToleratedFailureCount":1,"End":true,"ItemProcessor":{
			"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:even","End":true}}}}}}`),
			"one", `[1,2,3,4]`)
		time.Sleep(10 * time.Second)
		h.wantEnd(e.ARN, "FAILED", "States.ExceedToleratedFailureThreshold")
		runs, err := h.MapRuns(e.ARN)
		h.check(err)
		children, _, err := h.List(workflows.Listing{MapRunARN: runs[0].ARN, Status: workflows.Failed})
		h.check(err)
		if len(children) != 2 {
			t.Fatalf("%d children failed", len(children))
		}
		if status, _ := h.Redrivable(&children[0]); status != "REDRIVABLE_BY_MAP_RUN" {
			t.Errorf("a child is %s", status)
		}
		h.wantNotRedrivable(children[0].ARN, "Execution is a child of a Map Run and is redriven with the execution of its parent", false)

		mended.Store(true)
		_, err = h.Redrive(t.Context(), e.ARN, "")
		h.check(err)
		time.Sleep(500 * time.Millisecond)
		h.kill(false)
		time.Sleep(10 * time.Second)
		h.wantEnd(e.ARN, "SUCCEEDED", `[10,20,30,40]`)
		l.want(t, map[string]int{"1": 2, "2": 1, "3": 2, "4": 1})
		runs, err = h.MapRuns(e.ARN)
		h.check(err)
		if len(runs) != 1 || runs[0].Redrives != 1 || runs[0].Status != workflows.Succeeded || runs[0].Items.Succeeded != 4 {
			t.Errorf("map runs %+v", runs)
		}
		all, _, err := h.List(workflows.Listing{MapRunARN: runs[0].ARN})
		h.check(err)
		if len(all) != 4 {
			t.Errorf("%d children", len(all))
		}
		if !strings.Contains(h.types(e.ARN), "MapRunRedriven") {
			t.Errorf("history %s", h.types(e.ARN))
		}
	})
}

// A distributed Map that was stopped while its Retry was pending begins another map run when it is redriven.
func TestRedriveOfAMapRunThatWaitsForItsRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mended atomic.Bool
		h := newHouse(t, map[string]sandboxtest.Func{"work": func(ctx context.Context, event []byte) ([]byte, error) {
			if !mended.Load() {
				return nil, errors.New("not yet")
			}
			return event, nil
		}})
		defer func() { h.close() }()
		e := h.start(h.machine("map", `{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":60}],"ItemProcessor":{
			"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:work","End":true}}}}}}`),
			"one", `[1,2]`)
		time.Sleep(10 * time.Second)
		_, err := h.Stop(t.Context(), e.ARN, "", "")
		h.check(err)
		h.wantEnd(e.ARN, "ABORTED", "")
		mended.Store(true)
		_, err = h.Redrive(t.Context(), e.ARN, "")
		h.check(err)
		h.kill(false)
		time.Sleep(10 * time.Second)
		h.wantEnd(e.ARN, "SUCCEEDED", `[1,2]`)
		runs, err := h.MapRuns(e.ARN)
		h.check(err)
		if len(runs) != 2 || runs[0].ARN == runs[1].ARN {
			t.Errorf("map runs %+v", runs)
		}
	})
}
