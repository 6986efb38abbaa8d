package supervisor

import "testing"

// A supervisor that has the process number of a killed one has groups of its own.
func TestOwnGroup(t *testing.T) {
	parent := t.TempDir()
	seen := map[string]bool{}
	for range 3 {
		dir, err := ownGroup(parent)
		if err != nil || seen[dir] {
			t.Fatal(dir, err)
		}
		seen[dir] = true
	}
	if dir, err := ownGroup(parent + "/none"); err == nil || dir != "" {
		t.Error(dir, err)
	}
}
