package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"anthill/fault"
	"anthill/lab/iris"
	"anthill/latency"
	"anthill/sandbox"
	"anthill/uuid"
)

// starter is a function whose cold starts are measured.
type starter struct {
	spec  sandbox.Spec
	event string
}

// starting gives a function by name, made and made known to the sandbox once.
func (r *rig) starting(ctx context.Context, name string) (starter, error) {
	s, err := r.openSandbox(ctx)
	if err != nil {
		return starter{}, err
	}
	if f, ok := s.starters[name]; ok {
		return f, nil
	}
	f := starter{s.spec, event}
	f.spec.Key, f.spec.FunctionName, f.spec.ARN = "cold-"+name, "cold-"+name, functionARN+"cold-"+name
	switch name {
	case "python":
	case "node":
		f.spec.Runtime, f.spec.Handler = "nodejs22.x", "index.handler"
		f.spec.CodeDir, err = r.write(name, map[string][]byte{"index.js": []byte("exports.handler = async () => ({});\n")})
	case "go":
		var provided *bareSandbox
		if provided, err = r.openProvided(ctx); err == nil {
			f.spec.Runtime, f.spec.Handler, f.spec.CodeDir, f.spec.Environment =
				provided.provided.Runtime, provided.provided.Handler, provided.provided.CodeDir, provided.provided.Environment
		}
	default: // the Iris function, or it with a snapshot
		f.event = iris.Event
		f.spec.MemoryMB, f.spec.Handler = 512, iris.Handler
		f.spec.Runtime, f.spec.CodeDir, f.spec.Layers, err = r.irisFunction(ctx)
		if name == "iris-snapshot" {
			f.spec.Version, f.spec.InitializationType = "1", sandbox.SnapStart
		}
	}
	if err != nil {
		return f, err
	}
	if f.spec.InitializationType == sandbox.SnapStart {
		taken, err := s.pool.Snapshot(ctx, f.spec)
		if err == nil && taken.Refused != "" {
			err = fault.Invalidf("bench.starting", "snapshot", "%s", taken.Refused)
		}
		if err != nil {
			return f, err
		}
	} else if err := s.pool.Prepare(ctx, f.spec); err != nil {
		return f, err
	}
	for range 3 { // the first init teaches which libraries it brought, and the first invocations which memory they write to
		if _, _, err := s.cold(ctx, f, ""); err != nil {
			return f, err
		}
		time.Sleep(time.Second)
	}
	if s.starters == nil {
		s.starters = map[string]starter{}
	}
	s.starters[name] = f
	return f, nil
}

// write puts files into a new directory of the rig.
func (r *rig) write(name string, files map[string][]byte) (dir string, err error) {
	dir = filepath.Join(r.dir, "code-"+name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for file, b := range files {
		if err := os.WriteFile(filepath.Join(dir, file), b, 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// irisFunction is the course's function, unpacked.
func (r *rig) irisFunction(ctx context.Context) (runtime, code string, layers []string, err error) {
	if r.iris.code != "" {
		return r.iris.runtime, r.iris.code, r.iris.layers, nil
	}
	m, err := iris.NewMaker(ctx, iris.DefaultCache(), func(format string, args ...any) { r.Progress(fmt.Sprintf(format, args...)) })
	if err != nil {
		return "", "", nil, err
	}
	model, _, err := m.Train(ctx, m.Minor)
	if err != nil {
		return "", "", nil, err
	}
	zips, err := m.Layers(ctx, m.Minor, iris.Machine())
	if err != nil {
		return "", "", nil, err
	}
	for _, l := range zips {
		dir := filepath.Join(r.dir, "layer-"+l.Name)
		if err := iris.Unpack(l.Zip, dir); err != nil {
			return "", "", nil, err
		}
		layers = append(layers, dir)
	}
	code, err = r.write("iris", iris.Files(model))
	r.iris.runtime, r.iris.code, r.iris.layers = fmt.Sprintf("python3.%d", m.Minor), code, layers
	return r.iris.runtime, code, layers, err
}

// cold is a cold start to its first outcome, and how the environment was started. "" asks for the quickest way there is.
func (b *bareSandbox) cold(ctx context.Context, f starter, method string) (took time.Duration, used string, err error) {
	began := time.Now()
	res, err := b.pool.Invoke(ctx, f.spec, sandbox.Invocation{RequestID: uuid.New(), Payload: []byte(f.event), InvokedARN: f.spec.ARN, ForceCold: true, Method: method})
	took = time.Since(began)
	if err != nil {
		return 0, "", err
	}
	res.Release()
	if res.FunctionError != "" {
		return 0, "", fault.Invalidf("bench.cold", "function", "%s failed: %.300s", f.spec.FunctionName, res.Payload)
	}
	return took, res.Method, nil
}

// coldStarts measures n of them in a row with a pause before each, beside the spawn of /bin/true.
func coldStarts(name, method string, n int, pause time.Duration) func(context.Context, *rig) (Reading, error) {
	return func(ctx context.Context, r *rig) (Reading, error) {
		f, err := r.starting(ctx, name)
		if err != nil {
			return Reading{}, err
		}
		asked := method
		if method == "spare" {
			asked = ""
		}
		var ours, floor []time.Duration
		others := 0
		for range n {
			time.Sleep(pause)
			spawn, err := times(1, 0, exec.Command("/bin/true").Run)
			if err != nil {
				return Reading{}, err
			}
			took, used, err := r.sandbox.cold(ctx, f, asked)
			if err != nil {
				return Reading{}, err
			}
			if used != method {
				others++
			}
			floor, ours = append(floor, spawn...), append(ours, took)
		}
		d := latency.Of(ours)
		note := fmt.Sprintf("least %.1f", float64(d.Percentile(0))/float64(time.Millisecond))
		if others > 0 {
			note += fmt.Sprintf("; %d of %d were started in another way", others, n)
		}
		return reading(ours, latency.Of(floor).Median(), time.Millisecond, note), nil
	}
}

const burst = 100

// coldBurst is until all of a burst of cold starts are answered.
func coldBurst(ctx context.Context, r *rig) (Reading, error) {
	f, err := r.starting(ctx, "iris-snapshot")
	if err != nil {
		return Reading{}, err
	}
	spawn, err := times(20, time.Millisecond, func() error { return exec.Command("/bin/true").Run() })
	if err != nil {
		return Reading{}, err
	}
	errs := make([]error, burst)
	var all sync.WaitGroup
	began := time.Now()
	for i := range errs {
		all.Go(func() { _, _, errs[i] = r.sandbox.cold(ctx, f, "") })
	}
	all.Wait()
	took := time.Since(began)
	for _, err := range errs {
		if err != nil {
			return Reading{}, err
		}
	}
	return Reading{Value: took.Seconds(), Floor: burst * latency.Of(spawn).Median().Seconds(), N: burst}, nil
}

// coldMemory is what each of some warm environments of the Iris function takes, its first process included.
func coldMemory(ctx context.Context, r *rig) (Reading, error) {
	const n = 20
	f, err := r.starting(ctx, "iris-snapshot")
	if err != nil {
		return Reading{}, err
	}
	held, errs := make([]*sandbox.Result, n), make([]error, n)
	defer func() {
		for _, res := range held {
			if res != nil {
				res.Release()
			}
		}
	}()
	var all sync.WaitGroup
	for i := range held {
		all.Go(func() {
			held[i], errs[i] = r.sandbox.pool.Invoke(ctx, f.spec, sandbox.Invocation{RequestID: uuid.New(), Payload: []byte(f.event), InvokedARN: f.spec.ARN})
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return Reading{}, err
		}
	}
	var pids []int
	for _, e := range r.sandbox.pool.Environments() {
		if e.FunctionName == f.spec.FunctionName {
			pids = append(pids, e.PID)
		}
	}
	return meanPSS("bench.coldMemory", pids)
}
