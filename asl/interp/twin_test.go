package interp_test

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"anthill/asl"
	"anthill/asl/interp"
	"anthill/value"
)

// machineMaker writes random definitions.
type machineMaker struct {
	t     *rapid.T
	names int
	depth int
}

func (g *machineMaker) name() string {
	g.names++
	return fmt.Sprintf("S%d", g.names)
}

// flow gives StartAt and States of one to four states in a row.
func (g *machineMaker) flow() string {
	n := rapid.IntRange(1, 4).Draw(g.t, "states")
	names := make([]string, n)
	for i := range names {
		names[i] = g.name()
	}
	states := make([]string, n)
	for i, name := range names {
		next := `"End": true`
		if i+1 < n {
			next = `"Next": "` + names[i+1] + `"`
		}
		states[i] = fmt.Sprintf("%q: {%s}", name, g.state(name, next, names[i+1:]))
	}
	return fmt.Sprintf(`"StartAt": %q, "States": {%s}`, names[0], strings.Join(states, ", "))
}

func (g *machineMaker) state(name, next string, later []string) string {
	kinds := []string{"Pass", "Assign", "Task", "Token", "Wait", "JSONata", "Pass"}
	if g.depth < 2 {
		kinds = append(kinds, "Parallel", "Map", "Map")
	}
	if len(later) > 0 {
		kinds = append(kinds, "Choice")
	} else {
		kinds = append(kinds, "Fail", "Succeed")
	}
	switch kind := rapid.SampledFrom(kinds).Draw(g.t, "kind"); kind {
	case "Pass":
		return fmt.Sprintf(`"Type": "Pass", "Result": %q, "ResultPath": "$.%s", %s`, name, name, next)
	case "Assign":
		return fmt.Sprintf(`"Type": "Pass", "Assign": {"v%s.$": "$", "id.$": "States.UUID()"}, %s`, name, next)
	case "JSONata":
		return fmt.Sprintf(`"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"r": "{%% $random() %%}", "in": "{%% $states.input %%}"}, %s`, next)
	case "Wait":
		return fmt.Sprintf(`"Type": "Wait", "Seconds": %d, %s`, rapid.IntRange(0, 3).Draw(g.t, "seconds"), next)
	case "Succeed":
		return `"Type": "Succeed"`
	case "Fail":
		return `"Type": "Fail", "Error": "Own", "Cause": "chosen"`
	case "Choice":
		return fmt.Sprintf(`"Type": "Choice", "Choices": [{"Variable": "$.%s", "IsPresent": true, "Next": %q}], "Default": %q`,
			name, rapid.SampledFrom(later).Draw(g.t, "next"), later[0])
	case "Task":
		return fmt.Sprintf(`"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:111111111111:function:%s", "ResultPath": "$.%s", "TimeoutSeconds": 5, %s%s`,
			name, name, g.errors(later), next)
	case "Token":
		return fmt.Sprintf(`"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "HeartbeatSeconds": 2, "Parameters": {"t.$": "$$.Task.Token"}, "ResultPath": "$.%s", %s%s`,
			name, g.errors(later), next)
	case "Parallel":
		g.depth++
		defer func() { g.depth-- }()
		var branches []string
		for range rapid.IntRange(1, 3).Draw(g.t, "branches") {
			branches = append(branches, "{"+g.flow()+"}")
		}
		return fmt.Sprintf(`"Type": "Parallel", "Branches": [%s], "ResultPath": "$.%s", %s%s`, strings.Join(branches, ", "), name, g.errors(later), next)
	}
	g.depth++
	defer func() { g.depth-- }()
	return fmt.Sprintf(`"Type": "Map", "ItemsPath": "$$.Execution.Input.items", "MaxConcurrency": %d, "ItemSelector": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"}, "ItemProcessor": {%s}, "ResultPath": "$.%s", %s%s`,
		rapid.IntRange(0, 2).Draw(g.t, "width"), g.flow(), name, g.errors(later), next)
}

func (g *machineMaker) errors(later []string) string {
	out := ""
	if rapid.Bool().Draw(g.t, "retry") {
		out += `"Retry": [{"ErrorEquals": ["Odd"], "MaxAttempts": 1, "JitterStrategy": "FULL"}, {"ErrorEquals": ["States.Timeout", "States.HeartbeatTimeout"], "MaxAttempts": 1}], `
	}
	if len(later) > 0 && rapid.Bool().Draw(g.t, "catch") {
		out += fmt.Sprintf(`"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.caught", "Next": %q}], `, later[len(later)-1])
	}
	return out
}

// fate says what becomes of a task: the same for the same state and attempt.
func fate(e *interp.RunTask) (in interp.Input) {
	h := fnv.New32()
	fmt.Fprint(h, e.State, e.Attempt)
	switch h.Sum32() % 5 {
	case 0:
		return interp.TaskFailure{Task: e.Task, Error: "Odd", Cause: "so it is"}
	case 1:
		return nil // never: it times out
	}
	return interp.TaskOutput{Task: e.Task, Output: value.OfString(e.State)}
}

// play runs x with tasks and timers coming in an order that pick chooses, and shows what each Decide gave.
func play(x *interp.Execution, now time.Time, fate func(*interp.RunTask) interp.Input, pick func(n int) int, saw func([]interp.Event)) {
	for range 2000 {
		if x.Done() {
			return
		}
		var inputs []interp.Input
		for _, e := range x.Pending() {
			if task, ok := e.(*interp.RunTask); ok {
				if task.Resource.Pattern == asl.WaitForTaskToken && !task.Submitted {
					inputs = append(inputs, interp.TaskSubmission{Task: task.Task, Output: value.MustParse("{}")})
				} else if in := fate(task); in != nil {
					inputs = append(inputs, in)
				}
			}
		}
		if len(inputs) == 0 {
			timers := slices.DeleteFunc(x.Pending(), func(e interp.Effect) bool { _, ok := e.(*interp.Timer); return !ok })
			if len(timers) == 0 {
				return
			}
			first := slices.MinFunc(timers, func(a, b interp.Effect) int {
				return a.(*interp.Timer).At.Compare(b.(*interp.Timer).At)
			}).(*interp.Timer)
			now = first.At
			saw(x.Decide(interp.TimerFired{Timer: first.Timer}, now))
			continue
		}
		saw(x.Decide(inputs[pick(len(inputs))], now))
	}
}

var twinInput = value.MustParse(`{"items": [1, {"a": 2}], "S3": 1, "x": [1,  2]}`)

// good is the fate of tasks that never fail.
func good(e *interp.RunTask) interp.Input {
	return interp.TaskOutput{Task: e.Task, Output: value.OfString(e.State)}
}

// TestReplay shows that a replay gives the live state: of all events, through their encoding, and of any prefix, which
// Resume then takes to the same end.
func TestReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &machineMaker{t: t}
		def := "{" + g.flow() + "}"
		m, problems := asl.Parse(def, asl.Options{})
		if m == nil {
			t.Skip(problems) // a state that nothing leads to
		}
		live := newExecution(m)
		var events []interp.Event
		var ends []int // of batches
		saw := func(batch []interp.Event) {
			events = append(events, batch...)
			ends = append(ends, len(events))
		}
		saw(live.Decide(interp.Start{Input: twinInput, Seed: [16]byte{7}}, epoch))
		pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "which") }
		play(live, epoch, fate, pick, saw)
		if live.Status() == interp.Failed && rapid.Bool().Draw(t, "redrive") {
			now := events[len(events)-1].Time
			saw(live.Decide(interp.Redrive{}, now))
			play(live, now, good, pick, saw)
			if !live.Done() {
				t.Fatalf("%s\nstuck after a redrive\n%s", def, live.Dump())
			}
			if live.Status() == interp.Failed && live.Failure().Name != "Own" {
				t.Fatalf("%s\nfailed after a redrive: %v", def, live.Failure())
			}
		}

		twin := newExecution(m)
		for i := range events {
			again, err := interp.Decode(events[i].Append(nil))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(show(&events[i]), show(&again)); diff != "" {
				t.Fatalf("event %d: %s", i, diff)
			}
			twin.Apply(&again)
		}
		if diff := cmp.Diff(live.Dump(), twin.Dump()); diff != "" {
			t.Fatalf("%s\n%s", def, diff)
		}
		if len(events) == 0 {
			return
		}
		cut := rapid.IntRange(1, len(events)).Draw(t, "cut")
		half := newExecution(m)
		for i := range events[:cut] {
			half.Apply(&events[i])
		}
		half.Decide(interp.Resume{}, events[cut-1].Time)
		play(half, events[cut-1].Time, fate, func(n int) int { return 0 }, func([]interp.Event) {})
		if half.Done() != live.Done() {
			t.Fatalf("%s\ncut at %d: %s, else %s\n%s", def, cut, half.Status(), live.Status(), half.Dump())
		}
	})
}

func show(e *interp.Event) string {
	return fmt.Sprintf("%d %d %d %s %v %q %s %q %q %q %d %v %q %d %d %s %d %q %v %q %d", e.Seq, e.ID, e.Prev, e.Type, e.Time.UnixNano(), e.Name, e.Payload.Raw(),
		e.Error, e.Cause, e.Resource, e.Index, e.Assigned, e.Location, e.Timeout, e.Heartbeat, e.Credentials, e.Frame, e.Next, e.Until.UTC(), e.Token, e.Count)
}

// TestMapOfOne shows that a Map over one item does what its processor does by itself.
func TestMapOfOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &machineMaker{t: t, depth: 1}
		flow := g.flow()
		alone, problems := asl.Parse("{"+flow+"}", asl.Options{})
		if alone == nil {
			t.Skip(problems)
		}
		within, problems := asl.Parse(fmt.Sprintf(`{"StartAt": "One", "States": {
			"One": {"Type": "Pass", "Parameters": {"one.$": "States.Array($)"}, "Next": "Map"},
			"Map": {"Type": "Map", "ItemsPath": "$.one", "ItemProcessor": {%s}, "End": true}}}`, flow), asl.Options{})
		if within == nil {
			t.Fatal(problems)
		}
		end := func(m *asl.Machine) *interp.Execution {
			x := newExecution(m)
			x.Decide(interp.Start{Input: twinInput, Seed: [16]byte{7}}, epoch)
			play(x, epoch, fate, func(int) int { return 0 }, func([]interp.Event) {})
			return x
		}
		a, b := end(alone), end(within)
		if a.Status() != b.Status() || a.Failure().Name != b.Failure().Name {
			t.Fatalf("%s\nalone %s %v, in a Map %s %v", flow, a.Status(), a.Failure(), b.Status(), b.Failure())
		}
		if a.Status() == interp.Succeeded && !strings.Contains(flow, "$random") && !value.Equal(value.OfArray(a.Output()), b.Output()) {
			t.Fatalf("%s\nalone %s, in a Map %s", flow, a.Output(), b.Output())
		}
	})
}
