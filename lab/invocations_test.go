package lab_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"anthill/lab"
	"anthill/latency"
)

// The tables have a column for each phase that occurs; the CSV has all of them, and every instant.
func TestInvocationsInTables(t *testing.T) {
	warm := latency.Invocation{RequestID: "w", FunctionName: "f", Start: latency.Warm, Arrived: 1e6, Queued: 2e6, Sent: 3e6, Entered: 4e6, Returned: 9e6, Received: 1e7}
	cold := latency.Invocation{RequestID: "c", FunctionName: "f", Start: latency.Cold, Method: "plain", Arrived: 1e6, Queued: 2e6, SpawnBegin: 3e6, Spawned: 4e6, InitBegin: 5e6, InitEnd: 25e6, Sent: 26e6, Entered: 27e6, Returned: 28e6, Received: 29e6}
	if head := strings.Join(lab.InvocationsTable([]latency.Invocation{warm}).Head, " "); strings.Contains(head, "imports") || !strings.Contains(head, "handler") {
		t.Errorf("of a warm one: %s", head)
	}
	table := lab.InvocationsTable([]latency.Invocation{warm, cold})
	if head := strings.Join(table.Head, " "); !strings.Contains(head, "imports") || strings.Contains(head, "restore") || table.Rows[1][3] != "cold (plain)" {
		t.Errorf("of both: %s %q", head, table.Rows)
	}
	if sum := lab.InvocationsSummary([]latency.Invocation{warm, cold}); len(sum.Rows) != 2 || sum.Rows[0][0] != "cold" || sum.Rows[0][2] != "28.0" || sum.Rows[1][2] != "9.00" {
		t.Errorf("the summary: %q", sum.Rows)
	}
	var b strings.Builder
	if err := lab.WriteInvocations(&b, []latency.Invocation{warm, cold}); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatal(rows, err)
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	for name, want := range map[string]string{"imports_ms": "20.000000", "total_ms": "28.000000", "init_ms": "22.000000", "init_end_ns": "25000000", "restore_ms": "", "method": "plain"} {
		if got := rows[2][at[name]]; got != want {
			t.Errorf("%s of the cold one is %q, want %q", name, got, want)
		}
	}
}
