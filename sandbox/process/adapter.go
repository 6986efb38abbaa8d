package process

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"

	"anthill/sandbox"
	"anthill/sandbox/runtimeapi"
	"anthill/sandbox/runtimes"
	"anthill/sandbox/supervisor"
)

// adapter is what the supervisor starts for a runtime that speaks the Runtime API: Node, or the function's own bootstrap.
func (d *Driver) adapter(ctx context.Context, e *environment) (*supervisor.Adapter, error) {
	i, s := e.runtime.interpreter, &e.spec
	if s.Image != nil {
		return d.imageAdapter(e)
	}
	code, err := filepath.Abs(s.CodeDir)
	if err != nil {
		return nil, err
	}
	a := &supervisor.Adapter{MemoryMB: s.MemoryMB, Processes: processes, CPU: s.CPU, Tmps: d.tmps(s), TmpMB: s.TmpMB, PlainDir: code,
		PlainEnv: map[string]string{"LAMBDA_TASK_ROOT": code},
		Binds:    []supervisor.Bind{{From: code, To: "/var/task"}},
		Job:      runtimeapi.Job{Dir: "/var/task", Env: e.variables(e.created, e.id)}}
	if isRoot() {
		a.Job.User = []int{993, 990}
	}
	for _, layer := range s.Layers {
		a.Binds = append(a.Binds, supervisor.Bind{From: layer, To: "/opt"})
	}
	a.Polite, a.Job.Account, a.Job.Wrapped = extended(s), s.Account, s.Environment[execWrapper] != ""
	if d.c.Spares >= 0 && !a.Polite && !a.Job.Wrapped && s.Environment["NODE_OPTIONS"] == "" { // which may name the function's code
		a.Key = s.Key + "\x00"
	}
	if i.Language == "provided" {
		a.Job.Argv = []string{"/var/runtime/bootstrap\x00/var/task/bootstrap\x00/opt/bootstrap"}
		places := []string{filepath.Join(code, "bootstrap")}
		for _, layer := range s.Layers {
			places = append(places, filepath.Join(layer, "bootstrap"))
		}
		a.PlainArgv = []string{strings.Join(places, "\x00")}
		return a, nil
	}
	boot, err := d.bootstrap(ctx, i)
	if err != nil {
		return nil, err
	}
	a.Binds = append(a.Binds, supervisor.Bind{From: boot, To: "/var/rapid"})
	inside := i.Path
	if i.Prefix != "/usr" && !strings.HasPrefix(i.Prefix, "/usr/") {
		to := i.Prefix
		if rest, ok := strings.CutPrefix(i.Path, i.Prefix+"/"); ok && i.Language == "nodejs" {
			to = "/var/lang" // where AWS has it. Node.js runs anywhere, and a place under /tmp could not be shown
			inside = filepath.Join(to, rest)
		}
		a.Binds = append(a.Binds, supervisor.Bind{From: i.Prefix, To: to})
	}
	if i.Language == "python" {
		a.Key = ""
		return a, d.framed(ctx, e, a, boot)
	}
	sdk, _ := d.sdk(ctx, i, s) // the environment's first line says what is missing
	if sdk != "" {
		a.Binds = append(a.Binds, supervisor.Bind{From: sdk, To: "/var/runtime"})
	}
	a.PlainEnv["NODE_PATH"] = plainNodePath(s, code, sdk)
	a.Job.Early = true
	flags := runtimes.NodeFlags(s.Runtime, i, s.Environment["NODE_OPTIONS"])
	a.Job.Argv = wrapped(s.Environment, slices.Concat([]string{inside}, flags, []string{"/var/rapid/bootstrap.cjs"})...)
	a.PlainArgv = wrapped(s.Environment, slices.Concat([]string{i.Path}, flags, []string{filepath.Join(boot, "bootstrap.cjs")})...)
	return a, nil
}

// plainNodePath is NODE_PATH where there are no namespaces and everything stands where it is.
func plainNodePath(s *sandbox.Spec, code, sdk string) string {
	if own, ok := s.Environment["NODE_PATH"]; ok {
		return own
	}
	var dirs []string
	for _, layer := range s.Layers {
		dirs = append(dirs, filepath.Join(layer, "nodejs/node"+nodeMajor(s)+"/node_modules"), filepath.Join(layer, "nodejs/node_modules"))
	}
	if sdk != "" {
		dirs = append(dirs, filepath.Join(sdk, "node_modules"))
	}
	return strings.Join(append(dirs, code), ":")
}

// wrapped puts AWS_LAMBDA_EXEC_WRAPPER before the runtime's command.
func wrapped(env map[string]string, argv ...string) []string {
	if w := env[execWrapper]; w != "" {
		return append([]string{w}, argv...)
	}
	return argv
}

// execWrapper names the variable that holds a wrapper around the runtime (developer guide, "Modifying the runtime
// environment").
const execWrapper = "AWS_LAMBDA_EXEC_WRAPPER"

// wraps reports whether a Python function has something around its runtime or beside it, and so is started by itself with
// an adapter, not forked from a template.
func wraps(s *sandbox.Spec) bool { return s.Environment[execWrapper] != "" || extended(s) }

// extended reports whether a layer brings extensions.
func extended(s *sandbox.Spec) bool {
	for _, layer := range s.Layers {
		if len(runtimeapi.External(filepath.Join(layer, "extensions"))) > 0 {
			return true
		}
	}
	return false
}

// jobOption is the interpreter's option that tells boot.py its job. The program is the last argument, for wrappers put options of
// their own before that.
const jobOption = "anthill="

// framed completes the adapter of a Python runtime, which speaks frames.
func (d *Driver) framed(ctx context.Context, e *environment, a *supervisor.Adapter, boot string) error {
	i, s := e.runtime.interpreter, &e.spec
	j := job{Task: "/var/task", Layers: []string{"/opt"}, Runtime: []string{"/var/runtime"}, Identifier: s.Runtime, EnsureASCII: ensureASCII(s.Runtime)}
	libraries, err := d.libraries(ctx, i)
	if err == nil {
		a.Binds = append(a.Binds, supervisor.Bind{From: libraries, To: "/var/runtime"})
	}
	inside, err := json.Marshal(j)
	if err != nil {
		return err
	}
	a.Job.Frames = true
	a.Job.Argv = wrapped(s.Environment, i.Path, "-S", "-B", "-X", jobOption+string(inside), "/var/rapid/boot.py")
	j.Task, j.Layers, j.Runtime = a.PlainDir, append([]string{}, s.Layers...), []string{libraries}
	outside, err := json.Marshal(j)
	a.PlainArgv = wrapped(s.Environment, i.Path, "-S", "-B", "-X", jobOption+string(outside), filepath.Join(boot, "boot.py"))
	return err
}
