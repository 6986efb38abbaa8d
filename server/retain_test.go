package server

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// Executions that ended long ago vanish with their histories; those that are open stay, however old.
func TestRetention(t *testing.T) {
	p := run(t, Config{})
	ended := p.machine("ended", `{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}`)
	open := p.machine("open", `{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}}`)
	var arns []string
	for _, m := range []string{ended, ended, open} {
		status, out := p.sfn("StartExecution", map[string]any{"stateMachineArn": m})
		if status != http.StatusOK {
			t.Fatalf("StartExecution: %d %v", status, out)
		}
		arns = append(arns, out["executionArn"].(string))
	}
	listed := func(m string) int {
		_, out := p.sfn("ListExecutions", map[string]any{"stateMachineArn": m})
		return strings.Count(fmt.Sprint(out), "executionArn:")
	}
	h := p.s.mu.house
	for _, c := range []struct {
		now  time.Time
		want int
	}{{time.Now(), 2}, {time.Now().Add(DefaultRetention + time.Minute), 0}} {
		if err := h.retain(t.Context(), DefaultRetention, c.now); err != nil {
			t.Fatal(err)
		}
		if n := listed(ended); n != c.want {
			t.Errorf("%d executions that ended are listed, want %d", n, c.want)
		}
	}
	if n := listed(open); n != 1 {
		t.Errorf("%d open executions are listed, want 1", n)
	}
	if status, out := p.sfn("GetExecutionHistory", map[string]any{"executionArn": arns[0]}); status != http.StatusBadRequest || !strings.Contains(fmt.Sprint(out), "ExecutionDoesNotExist") {
		t.Errorf("the history of an execution that was forgotten: %d %v", status, out)
	}
	if status, _ := p.sfn("GetExecutionHistory", map[string]any{"executionArn": arns[2]}); status != http.StatusOK {
		t.Errorf("the history of an open execution: %d", status)
	}
}

// Of executions of every kind that ended long ago no key and no value of the database says anything any more, and their names
// are free. What was delivered to a log group is kept as long as the group says.
func TestNothingIsLeftOfWhatWasForgotten(t *testing.T) {
	p := run(t, Config{})
	create := func(name, kind, definition string) string {
		status, out := p.sfn("CreateStateMachine", map[string]any{"name": name, "type": kind, "roleArn": "arn:aws:iam::000000000000:role/LabRole", "definition": definition})
		if status != http.StatusOK {
			t.Fatalf("%s: %d %v", name, status, out)
		}
		return out["stateMachineArn"].(string)
	}
	each := func(kind, then string) string {
		return `{"Type": "Map", "ItemsPath": "$.list", "Label": "` + kind + `", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "` + strings.ToUpper(kind) + `"},
			"StartAt": "P` + kind + `", "States": {"P` + kind + `": {"Type": "Pass", "End": true}}}, "ResultPath": null, ` + then + `}`
	}
	pass := create("pass", "STANDARD", `{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}`)
	machines := []string{
		pass,
		create("maps", "STANDARD", `{"StartAt": "A", "States": {"A": `+each("standard", `"Next": "B"`)+`, "B": `+each("express", `"End": true`)+`}}`),
		create("calls", "STANDARD", `{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
			"Parameters": {"StateMachineArn": "`+pass+`", "Name.$": "States.Format('{}-called', $$.Execution.Name)", "Input.$": "$"}, "End": true}}}`),
		create("fails", "STANDARD", `{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}`),
		create("rests", "STANDARD", `{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}}`),
		create("quick", "EXPRESS", `{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}`),
	}
	// seen are names that belong to one execution or map run alone.
	seen := map[string]bool{"said to vanish": true, "vanishes-called": true}
	note := func(arn any) { seen[fmt.Sprint(arn)[strings.LastIndex(fmt.Sprint(arn), ":")+1:]] = true }
	for i, m := range machines {
		status, out := p.sfn("StartExecution", map[string]any{"stateMachineArn": m, "name": "vanishes", "input": `{"list": ["said to vanish", 2]}`})
		if status != http.StatusOK {
			t.Fatalf("StartExecution: %d %v", status, out)
		}
		arn := out["executionArn"]
		note(arn)
		switch i {
		case 5: // Express executions are not described
			continue
		case 4:
			p.sfn("StopExecution", map[string]any{"executionArn": arn})
		}
		if out := p.ended(arn); out["status"] == "RUNNING" || out["status"] == "FAILED" && i != 3 {
			t.Fatalf("%s: %v", m, out)
		}
		if i == 3 {
			p.sfn("RedriveExecution", map[string]any{"executionArn": arn})
			p.ended(arn)
		}
		_, runs := p.sfn("ListMapRuns", map[string]any{"executionArn": arn})
		all, _ := runs["mapRuns"].([]any)
		if want := map[int]int{1: 2}[i]; len(all) != want {
			t.Fatalf("%s has %d map runs, want %d", m, len(all), want)
		}
		for _, r := range all {
			mapRun := r.(map[string]any)["mapRunArn"]
			note(mapRun)
			_, children := p.sfn("ListExecutions", map[string]any{"mapRunArn": mapRun})
			for _, c := range children["executions"].([]any) {
				note(c.(map[string]any)["executionArn"])
			}
		}
	}
	if len(seen) < 7 {
		t.Fatalf("only %v was looked for", seen)
	}
	h := p.s.mu.house
	left := func() (keys map[string][]string) {
		keys = map[string][]string{}
		for pair, err := range h.db.Scan(nil, nil, false) {
			if err != nil {
				t.Fatal(err)
			}
			room, _, _ := strings.Cut(string(pair.Key), "\x00")
			room, _, _ = strings.Cut(room, "/")
			for name := range seen {
				if strings.Contains(string(pair.Key)+string(pair.Value), name) {
					keys[room] = append(keys[room], name)
				}
			}
		}
		return keys
	}
	rooms := []string{"hexecution", "hmaprun", "sexecutions", "sexecutions-by-machine", "smap-runs", "smap-runs-by-execution"}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if got := slices.Sorted(maps.Keys(left())); slices.Equal(got, rooms) {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("before, executions are found under %v, want %v", got, rooms)
		}
	}
	if err := h.retain(t.Context(), DefaultRetention, time.Now().Add(DefaultRetention+time.Minute)); err != nil {
		t.Fatal(err)
	}
	if keys := left(); len(keys) > 0 {
		t.Errorf("afterwards there is still %v", keys)
	}
	if status, out := p.sfn("StartExecution", map[string]any{"stateMachineArn": pass, "name": "vanishes", "input": `{"another": 1}`}); status != http.StatusOK {
		t.Errorf("the name is not free: %d %v", status, out)
	}
}
