package process

import (
	"context"
	"path/filepath"
	"strings"

	"anthill/sandbox/runtimeapi"
	"anthill/sandbox/supervisor"
)

// adapter is what the supervisor starts for a runtime that speaks the Runtime API: Node, or the function's own bootstrap.
func (d *Driver) adapter(ctx context.Context, e *environment) (*supervisor.Adapter, error) {
	i, s := e.runtime.interpreter, &e.spec
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
	if i.Prefix != "/usr" && !strings.HasPrefix(i.Prefix, "/usr/") {
		a.Binds = append(a.Binds, supervisor.Bind{From: i.Prefix, To: i.Prefix})
	}
	a.Job.Argv = wrapped(s.Environment, i.Path, "/var/rapid/bootstrap.mjs")
	a.PlainArgv = wrapped(s.Environment, i.Path, filepath.Join(boot, "bootstrap.mjs"))
	return a, nil
}

// wrapped puts AWS_LAMBDA_EXEC_WRAPPER before the runtime's command.
func wrapped(env map[string]string, argv ...string) []string {
	if w := env["AWS_LAMBDA_EXEC_WRAPPER"]; w != "" {
		return append([]string{w}, argv...)
	}
	return argv
}
