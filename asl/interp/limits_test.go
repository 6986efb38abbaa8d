package interp_test

import (
	"fmt"
	"strings"
	"testing"

	"anthill/asl"
	"anthill/asl/interp"
	"anthill/value"
)

// TestFullHistories end with their 25,000th event, whatever the execution was doing.
func TestFullHistories(t *testing.T) {
	for name, definition := range map[string]string{
		"choices":    `{"StartAt": "C", "States": {"C": {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": true, "Next": "C"}], "Default": "E"}, "E": {"Type": "Succeed"}}}`,
		"passes":     `{"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "C"}, "C": {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": true, "Next": "P"}], "Default": "E"}, "E": {"Type": "Succeed"}}}`,
		"iterations": `{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.a", "ResultPath": null, "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}, "Next": "C"}, "C": {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": true, "Next": "M"}], "Default": "E"}, "E": {"Type": "Succeed"}}}`,
		"branches":   `{"StartAt": "M", "States": {"M": {"Type": "Parallel", "ResultPath": null, "Branches": [{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}, {"StartAt": "Q", "States": {"Q": {"Type": "Pass", "End": true}}}], "Next": "C"}, "C": {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": true, "Next": "M"}], "Default": "E"}, "E": {"Type": "Succeed"}}}`,
		"tasks":      `{"StartAt": "M", "States": {"M": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:111111111111:function:f", "ResultPath": null, "Next": "C"}, "C": {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": true, "Next": "M"}], "Default": "E"}, "E": {"Type": "Succeed"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			x := newExecution(machine(t, definition))
			events := x.Decide(interp.Start{Input: value.MustParse(`{"a": [1, 2, 3]}`)}, epoch)
			for !x.Done() {
				for _, e := range x.Pending() {
					if task, ok := e.(*interp.RunTask); ok {
						events = x.Decide(interp.TaskOutput{Task: task.Task, Output: task.Arguments}, epoch)
					}
				}
			}
			last := events[len(events)-1]
			const want = "The execution reached the maximum number of history events (25000)."
			if last.Type != interp.ExecutionFailed || last.ID != interp.MaxEvents || last.Error != "States.Runtime" || last.Cause != want {
				t.Errorf("ends with %d %s %s %q", last.ID, last.Type, last.Error, last.Cause)
			}
			if x.Failure().Cause != want || len(x.Pending()) != 0 {
				t.Error(x.Failure(), x.Pending())
			}
		})
	}
}

// TestExpressionsThatDoNotEnd fail their state with AWS's words, and only theirs: a branch beside them has its result.
func TestExpressionsThatDoNotEnd(t *testing.T) {
	const timeout, memory, stack = "Expression evaluation timeout: Check for infinite loop",
		"Expression evaluation memory limit exceeded: Check for excessive memory usage",
		"Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive. Depth=101 max=100"
	for expr, want := range map[string]string{
		`($f := function($x){ $f($x + 1) }; $f(1))`:                                       timeout,
		`($f := function($x){ 1 + $f($x + 1) }; $f(1))`:                                   stack,
		`($f := function($s){ $f($s & $s) }; $f('x'))`:                                    memory,
		`($f := function($a){ $f($append($a, $a)) }; $f([1]))`:                            memory,
		`$contains('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', /^(?=a)(a+)+$/)`: timeout,
		`[1..9000000] ~> $map(function($v){ [1..1000] })`:                                 memory,
		strings.Repeat("(", 10_000) + "1" + strings.Repeat(")", 10_000):                   "",
	} {
		text := value.OfString("{% " + expr + " %}").String()
		m, problems := asl.Parse(fmt.Sprintf(`{"StartAt": "P", "QueryLanguage": "JSONata", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
			{"StartAt": "A", "States": {"A": {"Type": "Parallel", "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Pass", "Output": %s, "End": true}}}],
				"Catch": [{"ErrorEquals": ["States.QueryEvaluationError"], "Output": "{%% $states.errorOutput.Cause %%}", "Next": "D"}], "End": true}, "D": {"Type": "Pass", "End": true}}},
			{"StartAt": "C", "States": {"C": {"Type": "Pass", "Output": "well", "End": true}}}]}}}`, text), asl.Options{})
		if m == nil {
			if want != "" || !strings.Contains(problems.String(), "INVALID_JSONATA_EXPRESSION") {
				t.Errorf("%.60s: %s", expr, problems)
			}
			continue
		}
		x := newExecution(m)
		x.Decide(interp.Start{Input: value.MustParse(`{}`)}, epoch)
		cause := "An error occurred while executing the state 'B' (entered at the event id #8). The JSONata expression '" + expr +
			"' specified for the field 'Output' threw an error during evaluation: " + want
		if got := x.Output(); got.Index(0).Text() != cause || got.Index(1).Text() != "well" {
			t.Errorf("%.60s: %s %s %v", expr, x.Status(), got, x.Failure())
		}
	}
}
