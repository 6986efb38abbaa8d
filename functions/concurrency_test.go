package functions_test

import (
	"testing"
	"testing/synctest"

	"anthill/fault"
	"anthill/functions"
	"anthill/sandbox/sandboxtest"
)

// What cannot have provisioned concurrency, and more of it than there is.
func TestProvisionedConcurrencyThatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{"app.one": say("1"), "app.two": say("2")})
		h.function("other", "app.one")
		h.publish("other", "1")
		h.function("hello", "app.one")
		h.publish("hello", "1")
		h.handler("hello", "app.two")
		h.publish("hello", "2")
		for name, a := range map[string]functions.Alias{"prod": {Version: "1"}, "canary": {Version: "1", Weights: map[string]float64{"2": 0.1}}, "edge": {Version: functions.Latest}} {
			a.Name = name
			if _, err := h.CreateAlias(ref("hello", ""), a); err != nil {
				t.Fatal(err)
			}
		}
		ask := func(function, qualifier string, n int, want string) {
			t.Helper()
			if _, err := h.SetProvisioned(ref(function, qualifier), n); want == "" && err != nil {
				t.Errorf("%d of %s:%s: %v", n, function, qualifier, err)
			} else if want != "" {
				wantFault(t, err, fault.Invalid, want)
			}
		}
		ask("hello", "canary", 1, "Alias with weights can not be used with Provisioned Concurrency")
		ask("hello", "edge", 1, "Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
		ask("hello", "prod", 1001, "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000].")
		ask("hello", "prod", 901, "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].")
		ask("other", "1", 500, "")
		ask("hello", "prod", 501, "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [500].")
		ask("hello", "prod", 2, "")
		ask("hello", "prod", 3, "") // its own do not count twice
		one, latest := 1, functions.Latest
		wantFault(t, h.SetReserved(ref("hello", ""), &one), fault.Invalid, "ReservedConcurrentExecutions 1 should not be lower than function's total provisioned concurrency [3].")
		_, err := h.UpdateAlias(ref("hello", ""), "prod", functions.AliasUpdate{Version: &latest})
		wantFault(t, err, fault.Invalid, "Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
		ten := 10
		if err := h.SetReserved(ref("hello", ""), &ten); err != nil {
			t.Fatal(err)
		}
		ask("hello", "2", 8, "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function")
		ask("hello", "2", 7, "")
	})
}
