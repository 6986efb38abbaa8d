package process

import (
	"path/filepath"
	"strings"

	"anthill/sandbox"
	"anthill/sandbox/runtimeapi"
	"anthill/sandbox/supervisor"
)

// imageAdapter is what the supervisor starts for a container image.
func (d *Driver) imageAdapter(e *environment) (*supervisor.Adapter, error) {
	s := &e.spec
	a := &supervisor.Adapter{MemoryMB: s.MemoryMB, Processes: processes, CPU: s.CPU, Tmps: d.tmps(s), TmpMB: s.TmpMB,
		Job: runtimeapi.Job{Dir: s.Image.Dir, Env: e.variables(e.created, e.id), Image: &runtimeapi.Launch{EntryPoint: s.Image.EntryPoint, Command: s.Image.Command}}}
	if a.Job.Dir == "" {
		a.Job.Dir = "/"
	}
	if s.Image.Root == "" {
		a.Bare = true
		return a, nil
	}
	root, err := filepath.Abs(s.Image.Root)
	if err != nil {
		return nil, err
	}
	a.Image, a.Engine = root, d.c.ImageEngine
	if isRoot() {
		a.Job.User = []int{993, 990}
	}
	return a, nil
}

// imageVariables are those that an image's function has beside Lambda's own: the image's, over what programs expect.
// LD_LIBRARY_PATH is the image's affair.
func imageVariables(s *sandbox.Spec) map[string]string {
	v := map[string]string{
		"PATH":             "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LANG":             "en_US.UTF-8",
		"TZ":               ":UTC",
		"LAMBDA_TASK_ROOT": "/var/task", "LAMBDA_RUNTIME_DIR": "/var/runtime",
	}
	for _, e := range s.Image.Env {
		if name, value, ok := strings.Cut(e, "="); ok {
			v[name] = value
		}
	}
	return v
}
