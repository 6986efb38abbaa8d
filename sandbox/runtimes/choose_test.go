package runtimes

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestBetter(t *testing.T) {
	all := []string{"ssl", "sqlite3", "pip"}
	for _, c := range []struct {
		name   string
		trials []trial
		want   int
	}{
		{"one", []trial{{4000, all}}, 0},
		{"as fast", []trial{{4000, all}, {4000, all}}, 0},
		{"a little faster", []trial{{4000, all}, {3500, all}}, 0},
		{"markedly faster", []trial{{4000, all}, {3300, all}}, 1},
		{"the fastest of three", []trial{{4000, all}, {3000, all}, {2500, all}}, 2},
		{"markedly faster, without sqlite3", []trial{{4000, all}, {2000, []string{"ssl", "pip"}}}, 0},
		{"the fastest lacks something", []trial{{4000, all}, {2000, []string{"ssl", "pip"}}, {3000, all}}, 2},
		{"with more", []trial{{4000, []string{"ssl"}}, {2000, all}}, 1},
		{"it does not run", []trial{{4000, all}, {}}, 0},
	} {
		if got := better(c.trials); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// The interpreters of this machine: what is chosen of several of one version has what the first of PATH has, and stays chosen.
func TestChoice(t *testing.T) {
	cache := t.TempDir()
	c := &Catalog{Cache: cache}
	for _, i := range c.Pythons(t.Context()) {
		tried, err := try(t.Context(), i.Path)
		if err != nil || tried.Loop < 50*time.Microsecond || !slices.Contains(tried.Modules, "json") || slices.Contains(tried.Modules, "winreg") {
			t.Errorf("%s: %v, %v", i.Path, tried, err)
		}
		if i.Instead != "" {
			first, err := try(t.Context(), i.Instead)
			if err != nil || slices.ContainsFunc(first.Modules, func(name string) bool { return !slices.Contains(tried.Modules, name) }) {
				t.Errorf("%s has not what %s has: %q, %q (%v)", i.Path, i.Instead, tried.Modules, first.Modules, err)
			}
		}
		if again, _, err := (&Catalog{Cache: cache}).Resolve(t.Context(), "python"+i.Version[:len(i.Version)-len(filepath.Ext(i.Version))]); err != nil || again != i {
			t.Errorf("the next time it is %+v (%v), not %+v", again, err, i)
		}
	}
	b, err := os.ReadFile(filepath.Join(cache, choicesFile))
	if os.IsNotExist(err) {
		t.Skip("this machine has one interpreter of each version")
	}
	var choices map[string]string
	if err == nil {
		err = json.Unmarshal(b, &choices)
	}
	if err != nil || len(choices) == 0 {
		t.Fatalf("%v: %s", err, b)
	}
	for key := range choices { // what was chosen is obeyed, also where it is not the fastest
		for _, i := range c.Pythons(t.Context()) {
			if i.Instead != "" && choices[key] == i.Path {
				choices[key] = i.Instead
			}
		}
	}
	if b, err = json.Marshal(choices); err == nil {
		err = os.WriteFile(filepath.Join(cache, choicesFile), b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range (&Catalog{Cache: cache}).Pythons(t.Context()) {
		if i.Instead != "" {
			t.Errorf("%s was not the one that was chosen", i.Path)
		}
	}
}
