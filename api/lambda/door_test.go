package lambda

import (
	"testing"

	"anthill/fault"
	"anthill/functions"
)

// Refusals to run a function that depend on its snapshot, with the codes of AWS's model.
func TestRefusalsOfSnapshots(t *testing.T) {
	for reason, want := range map[string]string{
		functions.ReasonNotReady:    "SnapStartNotReadyException: why",
		functions.ReasonSnapshot:    "SnapStartException: why",
		functions.ReasonUnrestored:  "SnapStartException: why",
		functions.ReasonSlowRestore: "SnapStartTimeoutException: why",
		"":                          "ResourceConflictException: why",
	} {
		if got := errorOf(&fault.Error{Kind: fault.Conflict, Noun: "function", Reason: reason, Detail: "why"}); got.Error() != want {
			t.Errorf("%q: %v, want %s", reason, got, want)
		}
	}
}
