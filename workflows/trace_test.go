package workflows_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"anthill/fault"
	"anthill/sandbox/sandboxtest"
	"anthill/workflows"
)

// An Express execution has no description, and its trace is there all the same once it has ended.
func TestTraceOfExpress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{runs: map[string]int{}}
		h := newHouse(t, map[string]sandboxtest.Func{"A": l.handler("A", time.Second)})
		defer func() { h.close() }()
		m, _, err := h.CreateMachine(home, workflows.MachineInput{Name: "quick", Type: workflows.Express, Definition: chain("A", "A"), RoleARN: labRole})
		h.check(err)
		input := `"-"`
		r, err := h.StartSync(t.Context(), workflows.StartInput{Target: m.ARN, Name: "one", Input: &input})
		h.check(err)
		time.Sleep(time.Second) // it is written behind the answer
		tr, err := h.Trace(r.ARN)
		h.check(err)
		if tr.Status != r.Status || tr.Type != workflows.Express || tr.StateMachineARN != m.ARN || len(tr.Tasks) == 0 || len(tr.Events) < 4 {
			t.Errorf("%+v", tr)
		}
		for _, arn := range []string{r.ARN + "x", m.ARN, "arn:aws:states:us-east-1:000000000000:express:quick"} {
			if _, err := h.Trace(arn); err == nil || fault.Of(err).Kind != fault.NotFound && fault.Of(err).Kind != fault.Invalid {
				t.Errorf("%s: %v", arn, err)
			}
		}
	})
}

// An Express execution ends after five minutes, whatever it waits for; a machine's own limit may be shorter.
func TestExpressTakesFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer func() { h.close() }()
		for name, c := range map[string]struct {
			limit string
			takes time.Duration
		}{"none": {"", 5 * time.Minute}, "longer": {`"TimeoutSeconds":600,`, 5 * time.Minute}, "shorter": {`"TimeoutSeconds":60,`, time.Minute}} {
			m, _, err := h.CreateMachine(home, workflows.MachineInput{Name: name, Type: workflows.Express, RoleARN: labRole,
				Definition: `{` + c.limit + `"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":900,"End":true}}}`})
			h.check(err)
			r, err := h.StartSync(t.Context(), workflows.StartInput{Target: m.ARN})
			h.check(err)
			if took := r.Stopped.Sub(r.Started); r.Status != workflows.TimedOut || took != c.takes {
				t.Errorf("%s: %s after %v", name, r.Status, took)
			}
		}
	})
}

// All variables of an execution together may have 10 MiB (Service quotas).
func TestAllVariables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer func() { h.close() }()
		var states strings.Builder
		for i := range 60 {
			fmt.Fprintf(&states, `"S%d":{"Type":"Pass","Assign":{"v%d.$":"$"},"Next":"S%d"},`, i, i, i+1)
		}
		m := h.machine("m", `{"StartAt":"S0","States":{`+states.String()+`"S60":{"Type":"Pass","Assign":{"last":1},"End":true}}}`)
		small := h.start(m, "small", `"`+strings.Repeat("x", 100_000)+`"`)
		large := h.start(m, "large", `"`+strings.Repeat("x", 200_000)+`"`)
		synctest.Wait()
		if r, err := h.Describe(small.ARN); err != nil || r.Status != workflows.Succeeded {
			t.Errorf("small: %s %s %v", r.Status, r.Cause, err)
		}
		h.wantEnd(large.ARN, "FAILED", "States.Runtime")
	})
}

// TestTraceOfWhatEndsAtOnce: an Express execution that waits for nothing is in history as the others are.
func TestTraceOfWhatEndsAtOnce(t *testing.T) {
	h := newHouse(t, nil)
	defer h.close()
	m, _, err := h.CreateMachine(home, workflows.MachineInput{Name: "short", Definition: passes(2), RoleARN: labRole, Type: workflows.Express})
	h.check(err)
	e, err := h.StartSync(t.Context(), workflows.StartInput{Target: m.ARN})
	h.check(err)
	trace, err := h.Trace(e.ARN)
	h.check(err)
	if n := len(trace.Events); n != 6 || trace.Status != workflows.Succeeded {
		t.Errorf("got %d events, status %s", n, trace.Status)
	}
}
