package runtimes

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// Of several interpreters of one version some are built with profile-guided optimisation and some are not, and run a third to
// twice as long for it. None of their build facts says so reliably, so they are tried. Code and layers for one run on the other:
// both have the binary interface of their version.

// markedly is how much of the time of the first of PATH another one may take to be taken in its place.
const markedly = 0.85

// trialScript takes the time of a loop, in nanoseconds of processor time, and lists the standard modules that are there. Those
// that ask for a screen or for tests are left out, and pip counts as one: the runtime's libraries come by it.
const trialScript = `import importlib.util, json, sys, time
def loop():
    class Shape:
        def __init__(self, n): self.n = n
        def area(self): return self.n * 2
    seen = {}
    for n in range(2500):
        s = Shape(n)
        seen["k%d" % n] = [s.area(), n & 7, (n, s)]
    return sum(v[0] for v in seen.values())
took = []
for _ in range(5):
    begin = time.process_time_ns()
    loop()
    took.append(time.process_time_ns() - begin)
names = getattr(sys, "stdlib_module_names", "asyncio bz2 concurrent csv ctypes curses dbm decimal distutils email ensurepip hashlib html http"
  " importlib json logging lzma multiprocessing readline sqlite3 ssl unittest urllib uuid venv wsgiref xml xmlrpc zlib zoneinfo"
  " _bz2 _ctypes _curses _decimal _hashlib _lzma _multiprocessing _posixshmem _sqlite3 _ssl _uuid".split())
names = [n for n in names if not n.startswith(("_test", "_tk", "tk", "turtle", "idlelib", "_dbm", "_gdbm", "_xx"))]
def there(name):
    try: return importlib.util.find_spec(name) is not None
    except Exception: return False
modules = [n for n in names if there(n)]
import site
site.main()
if there("pip"): modules.append("pip")
print(json.dumps({"Loop": min(took), "Modules": modules}))`

// trial is what one interpreter showed.
type trial struct {
	Loop    time.Duration
	Modules []string
}

func try(ctx context.Context, path string) (t trial, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "-I", "-S", "-c", trialScript)
	cmd.Dir = "/"
	out, err := cmd.Output()
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(out, &t)
}

// better gives the one of trials that is to be taken, the first unless another is markedly faster and lacks none of its modules.
func better(trials []trial) int {
	best := 0
	for i, t := range trials {
		lacks := func(name string) bool { return !slices.Contains(t.Modules, name) }
		if t.Loop > 0 && float64(t.Loop) < markedly*float64(trials[0].Loop) && t.Loop < trials[best].Loop && !slices.ContainsFunc(trials[0].Modules, lacks) {
			best = i
		}
	}
	return best
}

// chooseLocked gives the interpreter that is taken for first, the first of its minor version: itself, or one of the same version
// that is markedly faster. What was chosen once stays so while the interpreters stay as they are.
func (c *Catalog) chooseLocked(ctx context.Context, first Interpreter) Interpreter {
	if i, known := c.chosen[first.minor()]; known {
		return i
	}
	all := []Interpreter{first}
	for _, candidate := range c.searchLocked(ctx) {
		i := Interpreter{}
		if candidate.minor == first.minor() {
			i = c.askLocked(ctx, candidate.path)
		}
		if i.Path != "" && !slices.ContainsFunc(all, func(o Interpreter) bool { return o.Path == i.Path }) {
			all = append(all, i)
		}
	}
	n := 0
	if len(all) > 1 {
		if n = c.rememberedLocked(all); n < 0 {
			var trials []trial
			for _, i := range all {
				t, err := try(ctx, i.Path)
				if err != nil && (ctx.Err() != nil || i == first) {
					return first // it may do better next time
				}
				trials = append(trials, t)
			}
			n = better(trials)
			c.rememberLocked(all, n)
		}
	}
	i := all[n]
	if n > 0 {
		i.Instead = first.Path
	}
	if c.chosen == nil {
		c.chosen = map[int]Interpreter{}
	}
	c.chosen[first.minor()] = i
	return i
}

// choicesFile holds, in the cache, what was chosen of which interpreters.
const choicesFile = "interpreters.json"

// choiceOf names interpreters as they are: a file that was replaced is another one.
func choiceOf(all []Interpreter) string {
	key := ""
	for _, i := range all {
		if info, err := os.Stat(i.Path); err == nil {
			key += fmt.Sprintf("%s %s %d %d;", i.Path, i.Version, info.Size(), info.ModTime().Unix())
		}
	}
	return key
}

func (c *Catalog) choices() map[string]string {
	all := map[string]string{}
	if b, err := os.ReadFile(filepath.Join(c.Cache, choicesFile)); err == nil && c.Cache != "" {
		_ = json.Unmarshal(b, &all) // what is no choice is made again
	}
	return all
}

// rememberedLocked gives which of all was chosen, -1 when none has been.
func (c *Catalog) rememberedLocked(all []Interpreter) int {
	path := c.choices()[choiceOf(all)]
	return slices.IndexFunc(all, func(i Interpreter) bool { return i.Path == path })
}

// rememberLocked keeps it for the next platform, which chooses again where the cache cannot be written.
func (c *Catalog) rememberLocked(all []Interpreter, n int) {
	if c.Cache == "" {
		return
	}
	choices := c.choices()
	choices[choiceOf(all)] = all[n].Path
	b, err := json.MarshalIndent(choices, "", "  ")
	if err != nil || os.MkdirAll(c.Cache, 0o755) != nil {
		return
	}
	f, err := os.CreateTemp(c.Cache, ".interpreters-*")
	if err != nil {
		return
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if f.Close() == nil && err == nil {
		_ = os.Rename(f.Name(), filepath.Join(c.Cache, choicesFile))
	}
}
