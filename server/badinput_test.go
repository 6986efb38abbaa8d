package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Definitions that ask for too much are refused, or their executions end, in AWS's words, and other executions go on.
func TestBadDefinitions(t *testing.T) {
	p := run(t, Config{})
	pass := func(field, text string) string {
		q, _ := json.Marshal(text)
		return `{"QueryLanguage": "JSONata", "StartAt": "P", "States": {"P": {"Type": "Pass", "` + field + `": ` + string(q) + `, "End": true}}}`
	}
	start := func(arn string) any {
		status, out := p.sfn("StartExecution", map[string]any{"stateMachineArn": arn})
		if status != http.StatusOK {
			t.Fatalf("StartExecution: %d %v", status, out)
		}
		return out["executionArn"]
	}

	path := strings.Repeat("[?(@.a", 10_000) + strings.Repeat(")]", 10_000)
	deep, _ := json.Marshal(map[string]any{"StartAt": "P", "States": map[string]any{"P": map[string]any{"Type": "Pass", "InputPath": "$" + path, "End": true}}})
	for name, c := range map[string]struct{ definition, want string }{
		"long":   {`{"Comment": "` + strings.Repeat("x", 1<<20) + `", "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}`, "' at 'definition' failed to satisfy constraint: Member must have length less than or equal to 1048576"},
		"nested": {strings.Repeat(`{"States":`, 100_000), "INVALID_JSON_DESCRIPTION"},
		"path":   {string(deep), "InputPath"},
	} {
		status, out := p.sfn("CreateStateMachine", map[string]any{"name": name, "roleArn": "arn:aws:iam::000000000000:role/LabRole", "definition": c.definition})
		if message := fmt.Sprint(out["message"]); status != http.StatusBadRequest || !strings.Contains(message, c.want) {
			t.Errorf("%s: %d %v %.200s", name, status, out["__type"], message)
		}
	}

	well := start(p.machine("well", waits))
	for name, c := range map[string]struct{ expr, want string }{
		"loops":     {"($f := function() { $f() }; $f())", "Expression evaluation timeout: Check for infinite loop"},
		"allocates": {"($f := function($s) { $f($s & $s) }; $f('xxxx'))", "Expression evaluation memory limit exceeded: "},
		"matches":   {"$contains('" + strings.Repeat("a", 60) + "!', /^(?=a)(a+)+$/)", "Expression evaluation timeout: "},
	} {
		arn := start(p.machine(name, pass("Output", "{% "+c.expr+" %}")))
		out := p.ended(arn)
		if out["status"] != "FAILED" || out["error"] != "States.QueryEvaluationError" || !strings.Contains(fmt.Sprint(out["cause"]), c.want) {
			t.Errorf("%s: %v %v %.400v", name, out["status"], out["error"], out["cause"])
		}
	}
	if out := p.ended(well); out["status"] != "SUCCEEDED" {
		t.Errorf("the execution beside them: %v", out)
	}

	// All that is wrong is told at once, as far as asked.
	wrong := `{"StartAt": "X", "States": {"A": {"Type": "Pas"}, "B": {"Type": "Wait", "Next": "C"}, "D": {"Type": "Pass", "Foo": 1, "End": true}}}`
	_, all := p.sfn("ValidateStateMachineDefinition", map[string]any{"definition": wrong})
	if found, _ := all["diagnostics"].([]any); all["result"] != "FAIL" || all["truncated"] != false || len(found) < 4 {
		t.Errorf("validation: %v", all)
	}
	_, two := p.sfn("ValidateStateMachineDefinition", map[string]any{"definition": wrong, "maxResults": 2})
	if found, _ := two["diagnostics"].([]any); two["result"] != "FAIL" || two["truncated"] != true || len(found) != 2 {
		t.Errorf("validation as far as two: %v", two)
	}
}

// ended waits for an execution and gives its description.
func (p *platform) ended(arn any) map[string]any {
	p.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		_, out := p.sfn("DescribeExecution", map[string]any{"executionArn": arn})
		if out["status"] != "RUNNING" || time.Now().After(deadline) {
			return out
		}
	}
}
