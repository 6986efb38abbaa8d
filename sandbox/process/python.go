package process

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"anthill/fault"
	"anthill/sandbox"
	"anthill/sandbox/runtimes"
	"anthill/sandbox/supervisor"
)

// managed is the managed runtime that an environment runs on.
type managed struct {
	interpreter runtimes.Interpreter
	version     string // as INIT_START shows it
}

// imageLanguage stands for whatever a container image runs.
const imageLanguage = "image"

func (d *Driver) resolve(ctx context.Context, spec sandbox.Spec) (managed, error) {
	if spec.Image != nil {
		return managed{interpreter: runtimes.Interpreter{Language: imageLanguage}}, nil
	}
	i, exact, err := d.c.Runtimes.Resolve(ctx, spec.Runtime)
	if err != nil {
		return managed{}, err
	}
	if d.c.Strict && !exact {
		return managed{}, &fault.Error{Kind: fault.Unsupported, Op: "process.Create", Noun: "runtime", Name: spec.Runtime,
			Detail: "this machine has only " + i.Language + " " + i.Version + ", and runtimes are strict"}
	}
	return managed{interpreter: i, version: i.Display(spec.Runtime)}, nil
}

// command is what the supervisor starts for e.
func (d *Driver) command(ctx context.Context, e *environment) (supervisor.Command, error) {
	if e.runtime.interpreter.Language == "" {
		m, err := d.resolve(ctx, e.spec)
		if err != nil {
			return supervisor.Command{}, err
		}
		e.runtime = m
	}
	if e.runtime.interpreter.Language != "python" || wraps(&e.spec) {
		a, err := d.adapter(ctx, e)
		return supervisor.Command{ID: e.id, Log: e.out.path, State: e.statePath(), Adapter: a, Tmp: e.tmp, Fresh: e.spec.Method != ""}, err
	}
	t, err := d.template(ctx, &e.spec, e.runtime, e.templateKey())
	if err != nil {
		return supervisor.Command{}, err
	}
	env := map[string]string{}
	if t.Snapshot == nil { // a snapshot has its variables
		for _, v := range e.variables(e.created, e.id) {
			name, value, _ := strings.Cut(v, "=")
			env[name] = value
		}
	}
	return supervisor.Command{ID: e.id, Log: e.out.path, State: e.statePath(), Template: t, Tmp: e.tmp, Fresh: e.spec.Method != "",
		Work: &supervisor.Work{Env: env, Learn: d.learning(&e.spec)}}, nil
}

// ensureASCII says whether the runtime escapes what is not ASCII: AWS's do up to Python 3.11.
func ensureASCII(identifier string) bool {
	n, err := strconv.Atoi(strings.TrimPrefix(identifier, "python3."))
	return err == nil && n < 12
}

func (d *Driver) bootstrap(ctx context.Context, i runtimes.Interpreter) (string, error) {
	d.mu.Lock()
	dir := d.mu.bootstraps[i.Path]
	d.mu.Unlock()
	if dir != "" {
		return dir, nil
	}
	dir, err := runtimes.Bootstrap(ctx, filepath.Join(d.c.Cache, "bootstrap"), i)
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	d.mu.bootstraps[i.Path] = dir
	d.mu.Unlock()
	return dir, nil
}

// libraries is the installation of a runtime's libraries, which is tried once, and again a minute after it failed.
type libraries struct {
	mu    sync.Mutex
	dir   string
	err   error
	tried time.Time

	looked   bool     // packages were looked for
	packages []string // of AWS's SDK for JavaScript, for Node functions
}

// libraries gives the directory with what the runtime brings beside the standard library, and installs it if it is not
// there.
func (d *Driver) libraries(ctx context.Context, i runtimes.Interpreter) (string, error) {
	if i.Language != "python" {
		return "", nil
	}
	d.mu.Lock()
	l := d.mu.prepared[i.Path]
	if l == nil {
		l = &libraries{}
		d.mu.prepared[i.Path] = l
	}
	d.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dir == "" && time.Since(l.tried) > time.Minute {
		l.dir, l.err = runtimes.Prepare(ctx, d.c.Cache, i, d.c.Progress)
		l.tried = time.Now()
	}
	return l.dir, l.err
}

// variables is the environment of a managed Python function, with AWS's names and order of precedence: the user's come
// last but for those that are reserved.
func (e *environment) variables(created time.Time, id string) []string {
	return variables(&e.spec, e.runtime.interpreter, sandbox.LogStreamOf(created, e.spec.Version, id))
}

func variables(s *sandbox.Spec, i runtimes.Interpreter, stream string) []string {
	initialization := s.InitializationType
	if initialization == "" || initialization == snapStart {
		initialization = "on-demand" // snapshotOf says otherwise where there is one
	}
	v := map[string]string{
		"PATH":             "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH":  "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
		"LANG":             "en_US.UTF-8",
		"TZ":               ":UTC",
		"LAMBDA_TASK_ROOT": "/var/task",
	}
	if s.Image != nil {
		v = imageVariables(s)
	}
	switch i.Language {
	case "python":
		v["PYTHONPATH"], v["LC_CTYPE"] = "/var/runtime", "C.UTF-8"
	case "nodejs":
		v["NODE_PATH"] = fmt.Sprintf("/opt/nodejs/node%s/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task", nodeMajor(s))
	}
	if i.Language == "python" || i.Language == "nodejs" {
		v["PWD"], v["SHLVL"] = "/var/task", "0"
	}
	if i.Shared != "" {
		v["LD_LIBRARY_PATH"] += ":" + i.Shared
	}
	for name, value := range s.Environment {
		v[name] = value
	}
	for name, value := range map[string]string{
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
		"_HANDLER":                        s.Handler,
		"AWS_REGION":                      s.Region,
		"AWS_DEFAULT_REGION":              s.Region,
		"AWS_EXECUTION_ENV":               "AWS_Lambda_" + s.Runtime,
		"AWS_LAMBDA_FUNCTION_NAME":        s.FunctionName,
		"AWS_LAMBDA_FUNCTION_VERSION":     s.Version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(s.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  initialization,
		"AWS_LAMBDA_LOG_GROUP_NAME":       s.LogGroup,
		"AWS_LAMBDA_LOG_STREAM_NAME":      stream,
		"AWS_LAMBDA_RUNTIME_API":          "169.254.100.1:9001",
		"AWS_XRAY_CONTEXT_MISSING":        "LOG_ERROR",
		"AWS_XRAY_DAEMON_ADDRESS":         "169.254.100.1:2000",
		"_AWS_XRAY_DAEMON_ADDRESS":        "169.254.100.1",
		"_AWS_XRAY_DAEMON_PORT":           "2000",
	} {
		v[name] = value
	}
	if i.Language != "python" { // the adapter gives its own address
		delete(v, "AWS_LAMBDA_RUNTIME_API")
	}
	switch i.Language {
	case "provided":
		delete(v, "AWS_EXECUTION_ENV")
	case imageLanguage: // its own entry point knows the handler, and its base image where the runtime is
		v["AWS_EXECUTION_ENV"] = "AWS_Lambda_Image"
		own := imageVariables(s)
		v["LAMBDA_RUNTIME_DIR"] = own["LAMBDA_RUNTIME_DIR"]
		if delete(v, "_HANDLER"); own["_HANDLER"] != "" {
			v["_HANDLER"] = own["_HANDLER"]
		}
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID":     s.Credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY": s.Credentials.SecretAccessKey,
		"AWS_SESSION_TOKEN":     s.Credentials.SessionToken,
		"AWS_ENDPOINT_URL":      s.Endpoint,
	} {
		if _, own := v[name]; value != "" && !own {
			v[name] = value
		}
	}
	if s.LogFormat == "JSON" {
		v["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
		v["AWS_LAMBDA_LOG_LEVEL"] = s.ApplicationLogLevel
		if s.ApplicationLogLevel == "" {
			v["AWS_LAMBDA_LOG_LEVEL"] = "INFO"
		}
	}
	env := make([]string, 0, len(v))
	for name, value := range v {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}

// errorTypeOf reads the type of an error object.
func errorTypeOf(object []byte) string {
	var o struct {
		ErrorType string `json:"errorType"`
	}
	_ = json.Unmarshal(object, &o) // a runtime that writes nonsense has no type
	return o.ErrorType
}
