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
	Language string // "python", "nodejs", or "provided" for a function that brings its own
	Path     string // the real executable, never a version manager's shim
	Version  string // "3.11.7"
	Prefix   string // where its standard library lives
	Shared   string // directory of its shared library, when it is not the system's
	Instead  string // path of the first of its minor version, when this one was chosen for being markedly faster
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
	switch i.Language {
	case "provided":
		return "provided:" + strings.TrimPrefix(want, ".") + ".v1"
	case "nodejs":
		want = strings.TrimSuffix(want, ".x")
	}
	if strings.HasPrefix(i.Version, want+".") {
		return fmt.Sprintf("%s:%s.v%s", i.Language, want, strings.TrimPrefix(i.Version, want+"."))
	}
	return fmt.Sprintf("%s:%s (on %s %s)", i.Language, want, i.Language, i.Version)
}

// Catalog is what this machine has. The zero value looks for it when first asked, and asks an interpreter what it is only
// when an identifier needs it.
type Catalog struct {
	// Cache is where PrepareNode installs what the machine does not have. "" looks nowhere.
	Cache string

	mu         sync.Mutex
	searched   bool
	candidates []candidate
	nodes      []Interpreter
	nodesAsked bool
	asked      map[string]Interpreter // by path; without Path when it does not run
	chosen     map[int]Interpreter    // Python, by minor version
}

// candidate is an executable that has the name of an interpreter.
type candidate struct {
	path  string
	minor int
}

// Resolve gives the interpreter that identifier ("python3.12") runs on: its own version, else the nearest one, the newer
// of two equally near. Of several of one minor version it is the first in PATH, or one that is markedly faster and lacks no
// module that the first has. exact says whether it is the identifier's own version. Identifiers that AWS does not have are Invalid, ones that need an interpreter
// which this machine lacks are Unsupported.
func (c *Catalog) Resolve(ctx context.Context, identifier string) (i Interpreter, exact bool, err error) {
	const op = "runtimes.Resolve"
	switch {
	case identifier == "provided.al2" || identifier == "provided.al2023":
		return Interpreter{Language: "provided"}, true, nil
	case strings.HasPrefix(identifier, "nodejs"):
		return c.resolveNode(ctx, identifier)
	}
	minor, ok := pythonMinor(identifier)
	if !ok {
		return Interpreter{}, false, fault.Invalidf(op, "runtime", "%s is not a runtime that Anthill knows", identifier)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	near := slices.Clone(c.searchLocked(ctx))
	slices.SortStableFunc(near, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(abs(a.minor-minor), abs(b.minor-minor)), cmp.Compare(b.minor, a.minor))
	})
	for _, candidate := range near {
		if i := c.askLocked(ctx, candidate.path); i.Path != "" {
			return c.chooseLocked(ctx, i), i.minor() == minor, nil
		}
	}
	if ctx.Err() != nil {
		return Interpreter{}, false, &fault.Error{Kind: fault.Canceled, Op: op, Noun: "runtime", Name: identifier, Err: ctx.Err()}
	}
	return Interpreter{}, false, &fault.Error{Kind: fault.Unsupported, Op: op, Noun: "runtime", Name: identifier,
		Detail: "no python3 from 3.8 on was found in PATH: install one"}
}

// Pythons lists the Python interpreters of this machine, one for each version, those of PATH first.
func (c *Catalog) Pythons(ctx context.Context) []Interpreter {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Interpreter
	for _, candidate := range c.searchLocked(ctx) {
		i := c.askLocked(ctx, candidate.path)
		same := func(o Interpreter) bool { return o.minor() == i.minor() }
		if i.Path != "" && !slices.ContainsFunc(all, same) {
			all = append(all, c.chooseLocked(ctx, i))
		}
	}
	return all
}

func (c *Catalog) askLocked(ctx context.Context, path string) Interpreter {
	i, known := c.asked[path]
	if known {
		return i
	}
	i, err := askPython(ctx, path)
	if err != nil && ctx.Err() != nil {
		return Interpreter{} // it may do better next time
	}
	if c.asked == nil {
		c.asked = map[string]Interpreter{}
	}
	c.asked[path] = i
	return i
}

// Remedy says how the version that identifier names comes to this machine.
func Remedy(identifier string) string {
	if strings.HasPrefix(identifier, "nodejs") {
		return "anthill prepare " + identifier + " installs its own version"
	}
	return "put " + identifier + " into PATH"
}

func abs(n int) int { return max(n, -n) }

// pythonMinor reads "python3.12". AWS has had 3.8 to 3.14 of the versions that still run.
func pythonMinor(identifier string) (int, bool) {
	s, ok := strings.CutPrefix(identifier, "python3.")
	n, err := strconv.Atoi(s)
	return n, ok && err == nil && n >= 8 && n <= 14
}

var pythonName = regexp.MustCompile(`^python3\.(\d+)$`)

// searchLocked finds executables by name: python3 and python3.N of PATH, and the versions that version managers keep out of PATH. A
// manager's own command is a script that costs a quarter of a second and may refuse: it is only asked when it is alone.
func (c *Catalog) searchLocked(ctx context.Context) []candidate {
	if c.searched {
		return c.candidates
	}
	c.searched = true
	var scripts []string
	seen := map[string]bool{}
	add := func(name string) {
		real, err := filepath.EvalSymlinks(name)
		if err != nil || seen[real] {
			return
		}
		seen[real] = true
		if isScript(real) {
			scripts = append(scripts, name)
			return
		}
		m := pythonName.FindStringSubmatch(filepath.Base(real))
		if m == nil {
			return
		}
		if minor, err := strconv.Atoi(m[1]); err == nil && minor >= 8 {
			c.candidates = append(c.candidates, candidate{name, minor})
		}
	}
	for _, pattern := range searched() {
		names, err := filepath.Glob(pattern)
		if err != nil {
			continue
		}
		slices.Reverse(names) // the newest of a manager's versions first, more or less
		for _, name := range names {
			if base := filepath.Base(name); base == "python3" || pythonName.MatchString(base) {
				add(name)
			}
		}
	}
	if len(c.candidates) == 0 {
		for _, name := range scripts {
			if i := c.askLocked(ctx, name); i.Path != "" {
				c.candidates = append(c.candidates, candidate{name, i.minor()})
			}
		}
	}
	return c.candidates
}

// searched lists where interpreters are looked for.
func searched() []string {
	var patterns []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		patterns = append(patterns, filepath.Join(dir, "python3*"))
		if filepath.Base(dir) == "shims" { // pyenv
			patterns = append(patterns, filepath.Join(filepath.Dir(dir), "versions/*/bin/python3.*"))
		}
	}
	if home, err := os.UserHomeDir(); err == nil {
		for _, manager := range []string{".pyenv/versions", ".local/share/uv/python", ".asdf/installs/python", ".local/share/mise/installs/python"} {
			patterns = append(patterns, filepath.Join(home, manager, "*/bin/python3.*"))
		}
	}
	return patterns
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
  "Prefix": sys.base_prefix, "Shared": v.get("LIBDIR", "") if v.get("Py_ENABLE_SHARED") and sys.base_prefix != "/usr" else ""}))`

func askPython(ctx context.Context, name string) (Interpreter, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
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
