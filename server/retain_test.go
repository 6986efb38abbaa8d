package server

import (
	"fmt"
	"net/http"
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
