package workflows_test

import (
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
