package runtimes_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

func TestNodeTakesItsOwnVersionThenTheNearest(t *testing.T) {
	bin, cache := t.TempDir(), t.TempDir()
	t.Setenv("PATH", bin)
	t.Setenv("HOME", t.TempDir())
	c := &runtimes.Catalog{Cache: cache}
	resolve := func(id, version string, exact bool) {
		t.Helper()
		i, is, err := c.Resolve(context.Background(), id)
		if err != nil || i.Version != version || is != exact {
			t.Errorf("%s: %+v, %v, %v; want %s, %v", id, i, is, err, version, exact)
		}
	}
	put := func(path, version string) {
		t.Helper()
		for _, err := range []error{os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("#!/bin/sh\necho v"+version+"\n"), 0o755)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, _, err := c.Resolve(context.Background(), "nodejs22.x"); !fault.Is(err, fault.Unsupported) {
		t.Errorf("without any: %v, want Unsupported", err)
	}
	for version, major := range map[string]string{"20.1.0": "20", "24.2.0": "24"} { // they come while the catalog is in use
		put(filepath.Join(cache, "runtimes", "nodejs"+major, "bin/node"), version)
	}
	resolve("nodejs20.x", "20.1.0", true)
	resolve("nodejs22.x", "24.2.0", false) // the newer of two equally near
	resolve("nodejs18.x", "20.1.0", false)
	for _, id := range []string{"nodejs23.x", "nodejs26.x", "nodejs14.x", "nodejs22", "nodejs.x"} {
		if _, _, err := c.Resolve(context.Background(), id); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v, want Invalid", id, err)
		}
	}
	if err := runtimes.PrepareNode(t.Context(), cache, "nodejs22.x", func(string) {}); !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "npm") {
		t.Errorf("without npm: %v", err)
	}
}

func TestNodeFlags(t *testing.T) {
	const require, detect = "--no-experimental-require-module", "--no-experimental-detect-module"
	for _, c := range []struct {
		identifier, version, options string
		want                         []string
	}{
		{"nodejs18.x", "18.20.8", "", nil},
		{"nodejs18.x", "22.3.0", "", []string{require, detect}}, // which it never had
		{"nodejs20.x", "20.9.0", "", nil},
		{"nodejs20.x", "20.20.2", "", []string{require}},
		{"nodejs22.x", "20.20.2", "", []string{require, detect}},
		{"nodejs22.x", "22.23.3", "", []string{require, detect}},
		{"nodejs22.x", "22.23.3", "--max-http-header-size=1 --experimental-require-module", []string{detect}},
		{"nodejs24.x", "24.1.0", "--experimental-detect-module", []string{require}},
	} {
		i := runtimes.Interpreter{Language: "nodejs", Version: c.version}
		if got := runtimes.NodeFlags(c.identifier, i, c.options); !slices.Equal(got, c.want) {
			t.Errorf("%s on %s with %q: %q, want %q", c.identifier, c.version, c.options, got, c.want)
		}
	}
}
