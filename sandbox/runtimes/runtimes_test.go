package runtimes_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"anthill/fault"
	"anthill/sandbox/runtimes"
)

func TestResolveTakesTheNearest(t *testing.T) {
	c := &runtimes.Catalog{}
	all := c.Pythons(t.Context())
	if len(all) == 0 {
		t.Fatal("no Python on this machine")
	}
	for _, i := range all {
		if filepath.Base(filepath.Dir(i.Path)) == "shims" {
			t.Errorf("%s is a version manager's shim", i.Path)
		}
		short := i.Version[:len(i.Version)-len(filepath.Ext(i.Version))]
		got, exact, err := c.Resolve(t.Context(), "python"+short)
		if err != nil || !exact || got != i {
			t.Errorf("Resolve(python%s) = %+v, %v, %v; want %+v", short, got, exact, err, i)
		}
	}
	for _, id := range []string{"python3.8", "python3.9", "python3.10", "python3.11", "python3.12", "python3.13", "python3.14"} {
		if _, _, err := c.Resolve(t.Context(), id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	for _, id := range []string{"python2.7", "python3.7", "python3.99", "python3", "cobol", ""} {
		if _, _, err := c.Resolve(t.Context(), id); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v, want Invalid", id, err)
		}
	}
}

func TestWithoutPythonItSaysSo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	_, _, err := new(runtimes.Catalog).Resolve(context.Background(), "python3.12")
	if !fault.Is(err, fault.Unsupported) {
		t.Errorf("%v, want Unsupported", err)
	}
}

func TestDisplay(t *testing.T) {
	i := runtimes.Interpreter{Language: "python", Version: "3.11.7"}
	for id, want := range map[string]string{"python3.11": "python:3.11.v7", "python3.1": "python:3.1 (on python 3.11.7)",
		"python3.12": "python:3.12 (on python 3.11.7)"} {
		if got := i.Display(id); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}

func TestBootstrapIsWrittenOnce(t *testing.T) {
	c := &runtimes.Catalog{}
	i, _, err := c.Resolve(t.Context(), "python3.11")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	first, err := runtimes.Bootstrap(t.Context(), dir, i)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(filepath.Join(first, "boot.py"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := runtimes.Bootstrap(t.Context(), dir, i)
	if err != nil || second != first {
		t.Fatalf("%s, %v; want %s again", second, err, first)
	}
	if after, err := os.Stat(filepath.Join(first, "boot.py")); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("it was written again (%v)", err)
	}
}
