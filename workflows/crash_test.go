package workflows_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"anthill/sandbox"
	"anthill/sandbox/sandboxtest"
	"anthill/workflows"
)

// chain is a machine of tasks that call functions one after the other.
func chain(names ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"StartAt":%q,"States":{`, names[0])
	for i, n := range names {
		next := `"End":true`
		if i+1 < len(names) {
			next = fmt.Sprintf(`"Next":%q`, names[i+1])
		}
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `%q:{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:%s",%s}`, n, n, next)
	}
	return b.String() + "}}"
}

// ledger counts how often each handler ran.
type ledger struct {
	mu   sync.Mutex
	runs map[string]int
}

func (l *ledger) handler(name string, takes time.Duration) sandboxtest.Func {
	return func(ctx context.Context, event []byte) ([]byte, error) {
		l.mu.Lock()
		l.runs[name]++
		l.mu.Unlock()
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return fmt.Appendf(nil, "%q", strings.Trim(string(event), `"`)+name), nil
	}
}

func (l *ledger) want(t *testing.T, runs map[string]int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if fmt.Sprint(l.runs) != fmt.Sprint(runs) {
		t.Errorf("handlers ran %v, want %v", l.runs, runs)
	}
}

// The platform dies while B runs: B's environment lives on, and each handler runs once.
func TestKilledWhileATaskRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{runs: map[string]int{}}
		h := newHouse(t, map[string]sandboxtest.Func{"A": l.handler("A", time.Second), "B": l.handler("B", 10*time.Second), "C": l.handler("C", time.Second)})
		defer func() { h.close() }()
		e := h.start(h.machine("chain", chain("A", "B", "C")), "one", `"-"`)
		time.Sleep(5 * time.Second)
		h.kill(false)
		time.Sleep(30 * time.Second)
		h.wantEnd(e.ARN, "SUCCEEDED", `"-ABC"`)
		l.want(t, map[string]int{"A": 1, "B": 1, "C": 1})
		want := "ExecutionStarted"
		for range 3 {
			want += " TaskStateEntered LambdaFunctionScheduled LambdaFunctionStarted LambdaFunctionSucceeded TaskStateExited"
		}
		if got := h.types(e.ARN); got != want+" ExecutionSucceeded" {
			t.Errorf("history %s", got)
		}
	})
}

// The machine dies while B runs: nobody can tell what became of B, so it is not run again unless Retry says so.
func TestMachineCrashWhileATaskRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{runs: map[string]int{}}
		h := newHouse(t, map[string]sandboxtest.Func{"A": l.handler("A", time.Second), "B": l.handler("B", 10*time.Second)})
		defer func() { h.close() }()
		plain := h.start(h.machine("plain", chain("A", "B")), "one", `"-"`)
		retried := h.start(h.machine("retried", strings.Replace(chain("A", "B"), `"Type":"Task"`, `"Retry":[{"ErrorEquals":["Lambda.SdkClientException"],"IntervalSeconds":1}],"Type":"Task"`, 2)), "one", `"-"`)
		time.Sleep(5 * time.Second)
		h.kill(true)
		time.Sleep(40 * time.Second)
		h.wantEnd(plain.ARN, "FAILED", "Lambda.SdkClientException")
		h.wantEnd(retried.ARN, "SUCCEEDED", `"-AB"`)
		l.want(t, map[string]int{"A": 2, "B": 3})
	})
}

// Timers, task tokens and activities are still there after a crash.
func TestWaitingSurvivesACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer func() { h.close() }()
		wait := h.start(h.machine("wait", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}}`), "w", `1`)
		a, err := h.CreateActivity(home, "work", nil, nil)
		h.check(err)
		definition := `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"` + a.ARN + `","End":true}}}`
		fetched := h.start(h.machine("activity", definition), "fetched", `"first"`)
		task, err := h.Fetch(t.Context(), a.ARN, "worker")
		h.check(err)
		waiting := h.start(h.machine("activity", definition), "waiting", `"second"`)

		time.Sleep(20 * time.Second)
		h.kill(true)
		h.check(h.SendSuccess(t.Context(), task.Token, `"done"`))
		h.wantEnd(fetched.ARN, "SUCCEEDED", `"done"`)
		task, err = h.Fetch(t.Context(), a.ARN, "worker")
		h.check(err)
		if task == nil || task.Input != `"second"` {
			t.Fatalf("fetched %v after the crash", task)
		}
		h.kill(true)
		h.check(h.SendFailure(t.Context(), task.Token, "Mine", "because"))
		h.wantEnd(waiting.ARN, "FAILED", "Mine")
		time.Sleep(time.Minute)
		h.wantEnd(wait.ARN, "SUCCEEDED", `1`)
		if r, _ := h.Describe(wait.ARN); r.Stopped.Sub(wait.Started) < time.Minute || r.Stopped.Sub(wait.Started) > time.Minute+10*time.Millisecond {
			t.Errorf("a wait of 60 s across two crashes took %s", r.Stopped.Sub(wait.Started))
		}
	})
}

// An execution whose start was acknowledged is there after any crash, under its name, once.
func TestAcknowledgedStartsSurvive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer func() { h.close() }()
		m := h.machine("pass", `{"StartAt":"P","States":{"P":{"Type":"Pass","Next":"W"},"W":{"Type":"Wait","Seconds":3,"End":true}}}`)
		var started []*workflows.Execution
		for i := range 20 {
			e := h.start(m, fmt.Sprint("e", i), `{"n":1}`)
			started = append(started, e)
			time.Sleep(time.Millisecond) // so that their order is known
			if i%5 == 4 {
				h.kill(true)
			}
			again, err := h.Start(t.Context(), workflows.StartInput{Target: m.ARN, Name: e.Name, Input: ptr(` {"n": 1}`)})
			if err != nil || again.ARN != e.ARN || !again.Started.Equal(e.Started) {
				t.Errorf("the same start again gave %v, %v", again, err)
			}
			if _, err := h.Start(t.Context(), workflows.StartInput{Target: m.ARN, Name: e.Name, Input: ptr(`2`)}); err == nil {
				t.Error("the same name with another input was accepted")
			}
		}
		time.Sleep(10 * time.Second)
		for _, e := range started {
			h.wantEnd(e.ARN, "SUCCEEDED", `{"n":1}`)
		}
		list, _, err := h.List(workflows.Listing{MachineARN: m.ARN})
		h.check(err)
		if len(list) != 20 || list[0].Name != "e19" || list[19].Name != "e0" {
			t.Errorf("%d executions, from %s to %s", len(list), list[0].Name, list[len(list)-1].Name)
		}
	})
}

// A distributed Map goes on after a crash: every child runs once, those that had ended are not run again.
func TestMapRunAcrossACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		h := newHouse(t, map[string]sandboxtest.Func{"double": func(ctx context.Context, event []byte) ([]byte, error) {
			runs.Add(1)
			time.Sleep(time.Second)
			return append(event, '0'), nil
		}})
		defer func() { h.close() }()
		e := h.start(h.machine("map", `{"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":2,"End":true,"ItemProcessor":{
			"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:double","End":true}}}}}}`),
			"one", `[1,2,3,4,5,6]`)
		time.Sleep(1500 * time.Millisecond)
		h.kill(false)
		time.Sleep(20 * time.Second)
		h.wantEnd(e.ARN, "SUCCEEDED", `[10,20,30,40,50,60]`)
		if n := runs.Load(); n != 6 {
			t.Errorf("%d runs of 6 items", n)
		}
		list, err := h.MapRuns(e.ARN)
		h.check(err)
		if len(list) != 1 || list[0].Status != workflows.Succeeded || list[0].Items.Succeeded != 6 || list[0].Executions.Total != 6 {
			t.Errorf("map runs %+v", list)
		}
	})
}

func ptr[T any](v T) *T { return &v }

// The platform dies between the flush of a task's schedule and the hand-over: the task was never sent, so it is sent.
func TestKilledBeforeATaskIsHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{runs: map[string]int{}}
		h := newHouse(t, map[string]sandboxtest.Func{"A": l.handler("A", time.Second), "B": l.handler("B", time.Second)})
		defer func() { h.close() }()
		var slow atomic.Bool
		slow.Store(true)
		h.driver = sandboxtest.NewWith(h.driver.Functions(), sandboxtest.Options{Init: func(ctx context.Context, _ sandbox.Spec) error {
			if slow.Load() {
				<-ctx.Done()
			}
			return nil
		}})
		h.kill(false)
		time.Sleep(time.Second)
		e := h.start(h.machine("chain", chain("A", "B")), "one", `"-"`)
		time.Sleep(time.Second) // A's environment is still in its init phase
		l.want(t, map[string]int{})
		slow.Store(false)
		h.kill(false)
		time.Sleep(10 * time.Second)
		h.wantEnd(e.ARN, "SUCCEEDED", `"-AB"`)
		l.want(t, map[string]int{"A": 1, "B": 1})
	})
}
