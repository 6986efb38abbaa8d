package process_test

import (
	"os"
	"path/filepath"
	"testing"

	"anthill/sandbox/process"
)

func TestDoctor(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	findings, err := process.Doctor(t.Context(), process.Config{Cache: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range findings {
		t.Logf("%-26s %v %s", f.Name, f.OK, f.Detail)
		if f.Detail == "" {
			t.Errorf("%s says nothing", f.Name)
		}
		names[f.Name] = f.OK
	}
	if !names["python"] {
		t.Error("no Python was found, and the other tests ran with it")
	}
	if left, _ := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
