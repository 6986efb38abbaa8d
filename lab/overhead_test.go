package lab_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"anthill/lab"
)

// The course's two tables, from the instants of its run on AWS: in the terminal and on the page.
func TestCourseTables(t *testing.T) {
	for file, want := range map[string][]string{
		"aws-chain.json":    {"23.0 ms", "27.0 ms", "50.0 ms", "485.0 ms", "10.3 %"},
		"aws-parallel.json": {"102.0 ms", "369.0 ms", "27.6 %"},
	} {
		out := t.TempDir()
		r, err := lab.Overhead(t.Context(), lab.OverheadConfig{Files: []string{"../latency/testdata/" + file}, Out: out, Command: "anthill overhead --history " + file})
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		if err := r.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		page, err := os.ReadFile(filepath.Join(out, "report.html"))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range append(want, file) {
			if !strings.Contains(text.String(), w) {
				t.Errorf("%s: the terminal does not say %q", file, w)
			}
			if !strings.Contains(string(page), w) {
				t.Errorf("%s: the page does not say %q", file, w)
			}
		}
		if strings.Contains(string(page), "on purpose") {
			t.Errorf("%s: a profile is named that was not there", file)
		}
	}
}

// Histories with something wrong still give a page, with a sentence about it; a trace made under a latency profile says so first.
func TestPoorHistoriesGiveAPage(t *testing.T) {
	const begin = `{"id":1,"timestamp":1,"type":"ExecutionStarted"},{"id":2,"previousEventId":1,"timestamp":2,"type":"TaskStateEntered","stateEnteredEventDetails":{"name":"A"}}`
	for name, c := range map[string]struct{ history, says string }{
		"running":      {`{"events": [` + begin + `]}`, "still running"},
		"failed":       {`{"events": [` + begin + `,{"id":3,"previousEventId":2,"timestamp":3,"type":"ExecutionFailed"}]}`, "ended as FAILED"},
		"missing":      {`{"events": [` + begin + `,{"id":9,"previousEventId":8,"timestamp":3,"type":"ExecutionSucceeded"}]}`, "6 events are missing"},
		"a clock step": {`{"events": [` + begin + `,{"id":3,"previousEventId":2,"timestamp":1.5,"type":"ExecutionSucceeded"}]}`, "The clock went back by 500ms"},
		"cut off":      {`{"events": [` + begin + `]} {"events": [{"id"`, "cut off after 2 events"},
		"a profile":    {`{"latencyProfile": "far", "status": "SUCCEEDED", "events": [{"id":1,"type":"ExecutionStarted","instant":1},{"id":2,"previousEventId":1,"type":"ExecutionSucceeded","instant":2}]}`, "latency profile “far”"},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "h.json")
		if err := os.WriteFile(file, []byte(c.history), 0o644); err != nil {
			t.Fatal(err)
		}
		r, err := lab.Overhead(t.Context(), lab.OverheadConfig{Files: []string{file}, Out: dir})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var text strings.Builder
		if err := r.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		page, err := os.ReadFile(filepath.Join(dir, "report.html"))
		if err != nil || !strings.Contains(string(page), c.says) || !strings.Contains(text.String(), c.says) {
			t.Errorf("%s: the page or the terminal does not say %q: %v\n%s", name, c.says, err, text.String())
		}
	}
}
