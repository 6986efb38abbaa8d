package workflows_test

import (
	"testing"
	"testing/synctest"

	"anthill/fault"
	"anthill/workflows"
)

// What no execution could ever do is refused when the machine is made.
func TestTasksThatNobodyDoesAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer func() { h.close() }()
		_, _, err := h.CreateMachine(home, workflows.MachineInput{Name: "http", RoleARN: labRole,
			Definition: `{"StartAt":"P","States":{"P":{"Type":"Pass","Next":"H"},"H":{"Type":"Task","Resource":"arn:aws:states:::http:invoke","Parameters":{},"End":true}}}`})
		const want = "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: This platform has no EventBridge connections, and so does not do arn:aws:states:::http:invoke at /States/H/Resource'"
		if f := fault.Of(err); err == nil || f.Kind != fault.Invalid || f.Noun != "definition" || f.Detail != want {
			t.Errorf("%v, want %q", err, want)
		}
	})
}
