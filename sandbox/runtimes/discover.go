package runtimes

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"anthill/fault"
)

// Interpreter is a program of this machine that runs a managed runtime's code.
type Interpreter struct {
	Language string // "python"
	Path     string // the real executable, never a version manager's shim
	Version  string // "3.11.7"
	Prefix   string // where its standard library lives
	Shared   string // directory of its shared library, when it is not the system's
}

// minor is the second part of the version: 11 of "3.11.7".
func (i Interpreter) minor() int {
	parts := strings.Split(i.Version, ".")
	if len(parts) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(parts[1]) // 0 when it is no number
	return n
}

// Display names the runtime as INIT_START shows it: "python:3.11.v7" when identifier runs on its own version, and with the
// version that it really runs on when not.
func (i Interpreter) Display(identifier string) string {
	want := strings.TrimPrefix(identifier, i.Language)
	if strings.HasPrefix(i.Version, want+".") {
		return fmt.Sprintf("%s:%s.v%s", i.Language, want, strings.TrimPrefix(i.Version, want+"."))
	}
	return fmt.Sprintf("%s:%s (on %s %s)", i.Language, want, i.Language, i.Version)
}

// Catalog is what this machine has. The zero value looks for it once, when first asked.
type Catalog struct {
	once   sync.Once
	python []Interpreter
}

// Resolve gives the interpreter that identifier ("python3.12") runs on: its own version, else the nearest one, the newer
// of two equally near. exact says which. Identifiers that AWS does not have are Invalid, ones that need an interpreter
// which this machine lacks are Unsupported.
func (c *Catalog) Resolve(ctx context.Context, identifier string) (i Interpreter, exact bool, err error) {
	const op = "runtimes.Resolve"
	minor, ok := pythonMinor(identifier)
	if !ok {
		return Interpreter{}, false, fault.Invalidf(op, "runtime", "%s is not a runtime that Anthill knows", identifier)
	}
	c.once.Do(func() { c.python = findPythons(ctx) })
	if len(c.python) == 0 {
		return Interpreter{}, false, &fault.Error{Kind: fault.Unsupported, Op: op, Noun: "runtime", Name: identifier,
			Detail: "no python3 from 3.8 on was found in PATH: install one"}
	}
	best := slices.MinFunc(c.python, func(a, b Interpreter) int {
		da, db := abs(a.minor()-minor), abs(b.minor()-minor)
		return cmp.Or(cmp.Compare(da, db), cmp.Compare(b.minor(), a.minor()))
	})
	return best, best.minor() == minor, nil
}

// Pythons lists the Python interpreters of this machine, in the order of PATH.
func (c *Catalog) Pythons(ctx context.Context) []Interpreter {
	c.once.Do(func() { c.python = findPythons(ctx) })
	return slices.Clone(c.python)
}

func abs(n int) int { return max(n, -n) }

// pythonMinor reads "python3.12". AWS has had 3.8 to 3.14 of the versions that still run.
func pythonMinor(identifier string) (int, bool) {
	s, ok := strings.CutPrefix(identifier, "python3.")
	n, err := strconv.Atoi(s)
	return n, ok && err == nil && n >= 8 && n <= 14
}

var pythonName = regexp.MustCompile(`^python3(\.\d+)?$`)

// findPythons asks every python3 and python3.N of PATH what it really is. A version manager's shim answers with the
// executable behind it. Each version is kept once, the first in PATH.
func findPythons(ctx context.Context) []Interpreter {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var candidates []string
	seen := map[string]bool{}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		names, err := filepath.Glob(filepath.Join(dir, "python3*"))
		if err != nil {
			continue
		}
		for _, name := range names {
			real, err := filepath.EvalSymlinks(name)
			if err != nil || !pythonName.MatchString(filepath.Base(name)) {
				continue
			}
			key := real
			if isScript(real) { // one shim program serves every name
				key = name
			}
			if !seen[key] {
				seen[key] = true
				candidates = append(candidates, name)
			}
		}
	}
	found := make([]Interpreter, len(candidates))
	var wg sync.WaitGroup
	for n, name := range candidates {
		wg.Go(func() { found[n], _ = askPython(ctx, name) }) // one that does not run is none
	}
	wg.Wait()
	var all []Interpreter
	for _, i := range found {
		same := func(o Interpreter) bool { return o.minor() == i.minor() }
		if i.Path != "" && i.minor() >= 8 && !slices.ContainsFunc(all, same) {
			all = append(all, i)
		}
	}
	return all
}

func isScript(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [2]byte
	n, _ := f.Read(head[:])
	return n == 2 && string(head[:]) == "#!"
}

const askScript = `import json, os, sys, sysconfig
v = sysconfig.get_config_vars()
print(json.dumps({"Path": os.path.realpath(sys.executable), "Version": "%d.%d.%d" % sys.version_info[:3],
  "Prefix": sys.base_prefix, "Shared": v.get("LIBDIR", "") if v.get("Py_ENABLE_SHARED") else ""}))`

func askPython(ctx context.Context, name string) (Interpreter, error) {
	cmd := exec.CommandContext(ctx, name, "-I", "-c", askScript)
	cmd.Dir = "/"
	out, err := cmd.Output()
	if err != nil {
		return Interpreter{}, err
	}
	i := Interpreter{Language: "python"}
	if err := json.Unmarshal(out, &i); err != nil {
		return Interpreter{}, err
	}
	return i, nil
}
