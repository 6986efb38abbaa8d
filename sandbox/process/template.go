package process

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"anthill/sandbox"
	"anthill/sandbox/runtimes"
	"anthill/sandbox/supervisor"
)

// slowInit is how long an init from a template may take before the template learns what it had to import.
const slowInit = 20 * time.Millisecond

// processes is how many a function may have, threads included. AWS allows 1,024.
const processes = 1024

// threadLimits keep a template from making threads, which a fork would lose: its clones set what the user set, and numeric
// libraries take their pools up anew.
var threadLimits = [...]string{"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"}

// templateKey names the template that e is forked from. A plain start has one of its own, which holds nothing.
func (e *environment) templateKey() string {
	if e.spec.Method == "plain" {
		return e.spec.Key + "\x00plain " + e.id
	}
	return e.d.templateKey(&e.spec)
}

func (d *Driver) templateKey(spec *sandbox.Spec) string {
	if d.restores(spec) {
		return spec.Key + snapshotSuffix
	}
	return libraryKey(spec, d.lesson(spec) != nil)
}

// libraryKey names the template that holds the libraries of spec, as far as its imports show them or as an init taught it.
func libraryKey(spec *sandbox.Spec, taught bool) string {
	key := spec.Key + "\x00"
	if taught {
		key += "learned"
	}
	if spec.CPU > 0 {
		key += "\x00cpu"
	}
	return key
}

// warm starts spec's template and its spares.
func (d *Driver) warm(ctx context.Context, spec sandbox.Spec) error {
	m, err := d.resolve(ctx, spec)
	if err != nil {
		return err
	}
	t, err := d.template(ctx, &spec, m, d.templateKey(&spec))
	if err != nil {
		return err
	}
	client, err := d.supervisor(ctx)
	if err != nil {
		return err
	}
	_, err = client.Warm(ctx, t)
	return err
}

func (d *Driver) template(ctx context.Context, spec *sandbox.Spec, m managed, key string) (*supervisor.Template, error) {
	l := d.lesson(spec)
	if l == nil {
		l = &learned{}
	}
	return d.templateWith(ctx, spec, m, key, l.modules)
}

// job is what a template's bootstrap is told.
type job struct {
	Task        string   `json:"task"`
	Layers      []string `json:"layers"`
	Runtime     []string `json:"runtime"`
	Identifier  string   `json:"identifier"`
	EnsureASCII bool     `json:"ensure_ascii"`
	Template    bool     `json:"template"`
	Snapshot    bool     `json:"snapshot"`
	Namespaces  bool     `json:"namespaces"`
	User        []int    `json:"user"` // uid and gid of functions; null leaves them as they are
	Preload     bool     `json:"preload"`
	Handler     string   `json:"handler"`
	Modules     []string `json:"modules"`
	Filter      []byte   `json:"filter"` // of the system calls of functions, base64; see package confine
}

func (d *Driver) templateWith(ctx context.Context, spec *sandbox.Spec, m managed, key string, modules []string) (*supervisor.Template, error) {
	i := m.interpreter
	boot, err := d.bootstrap(ctx, i)
	if err != nil {
		return nil, err
	}
	code, err := filepath.Abs(spec.CodeDir)
	if err != nil {
		return nil, err
	}
	t := &supervisor.Template{Key: key, MemoryMB: spec.MemoryMB, Processes: processes, CPU: spec.CPU, Tmps: d.tmps(spec), TmpMB: spec.TmpMB}
	if spec.Method != "plain" {
		t.Spares = max(d.c.Spares, 0)
		if d.c.Spares == 0 {
			t.Spares = 1
		}
	}
	j := job{Task: "/var/task", Layers: []string{"/opt"}, Runtime: []string{"/var/runtime"}, Identifier: spec.Runtime,
		EnsureASCII: ensureASCII(spec.Runtime), Template: true, Namespaces: true, Preload: spec.Method != "plain", Handler: spec.Handler, Modules: modules, Filter: d.filter}
	if isRoot() {
		j.User = []int{993, 990}
	}
	if strings.HasSuffix(key, snapshotSuffix) {
		j.Snapshot = true
		t.Snapshot = d.snapshotOf(spec, i)
	}
	t.Isolated.Env = templateEnv(spec, i)
	t.Isolated.Binds = []supervisor.Bind{{From: code, To: "/var/task"}, {From: boot, To: "/var/rapid"}}
	for _, layer := range spec.Layers {
		t.Isolated.Binds = append(t.Isolated.Binds, supervisor.Bind{From: layer, To: "/opt"})
	}
	if !strings.HasPrefix(i.Prefix, "/usr/") && i.Prefix != "/usr" {
		t.Isolated.Binds = append(t.Isolated.Binds, supervisor.Bind{From: i.Prefix, To: i.Prefix})
	}
	libraries, err := d.libraries(ctx, i)
	if err == nil {
		t.Isolated.Binds = append(t.Isolated.Binds, supervisor.Bind{From: libraries, To: "/var/runtime"})
	}
	if t.Isolated.Argv, err = templateArgv(i, "/var/rapid", j); err != nil {
		return nil, err
	}
	j.Task, j.Layers, j.Runtime, j.Namespaces, j.User = code, append([]string{}, spec.Layers...), []string{}, false, nil
	if libraries != "" {
		j.Runtime = []string{libraries}
	}
	t.Plain.Env = t.Isolated.Env
	t.Plain.Argv, err = templateArgv(i, boot, j)
	return t, err
}

// tmps is the directory that holds the /tmp of every environment of spec, whichever template they come from.
func (d *Driver) tmps(spec *sandbox.Spec) string {
	sum := sha256.Sum256([]byte(spec.Key))
	return filepath.Join(d.c.Dir, "tmp", hex.EncodeToString(sum[:8]))
}

func isRoot() bool { return os.Geteuid() == 0 }

func templateArgv(i runtimes.Interpreter, boot string, j job) ([]string, error) {
	b, err := json.Marshal(j)
	return []string{i.Path, "-S", "-B", filepath.Join(boot, "zygote.py"), string(b)}, err
}

func templateEnv(spec *sandbox.Spec, i runtimes.Interpreter) []string {
	env := variables(spec, i, "")
	for _, name := range threadLimits {
		if _, own := spec.Environment[name]; !own {
			env = append(env, name+"=1")
		}
	}
	return slices.DeleteFunc(env, func(v string) bool {
		return strings.HasPrefix(v, "AWS_LAMBDA_LOG_STREAM_NAME=") || strings.HasPrefix(v, "PYTHONPATH=")
	})
}
