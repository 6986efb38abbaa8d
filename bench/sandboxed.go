package bench

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"anthill/fault"
	"anthill/latency"
	"anthill/sandbox"
	"anthill/sandbox/process"
	"anthill/uuid"
)

// bareSandbox is the warm pool over real processes with nothing above it: no HTTP, no service, no history.
type bareSandbox struct {
	pool     *sandbox.Pool
	spec     sandbox.Spec
	provided sandbox.Spec // a runtime of its own, which speaks the Runtime API; of no key until it is asked for
	starters map[string]starter
}

// environments is how many of them the rates use.
const environments = 4

func (r *rig) openSandbox(ctx context.Context) (*bareSandbox, error) {
	if r.sandbox != nil {
		return r.sandbox, nil
	}
	code := filepath.Join(r.dir, "noop")
	if err := os.MkdirAll(code, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(code, "app.py"), []byte(noopSource), 0o644); err != nil {
		return nil, err
	}
	d, err := process.Open(ctx, process.Config{Dir: filepath.Join(r.dir, "sandbox"), Supervisor: []string{r.Program, "supervisor"}})
	if err != nil {
		return nil, err
	}
	pool, err := sandbox.Open(ctx, sandbox.Config{Driver: d})
	if err != nil {
		return nil, err
	}
	r.sandbox = &bareSandbox{
		pool: pool,
		spec: sandbox.Spec{Key: "noop", FunctionName: "noop", Version: "$LATEST", ARN: functionARN + "noop", Account: "000000000000", Region: "us-east-1",
			Runtime: "python3.12", Handler: "app.handler", CodeDir: code, MemoryMB: 128, TmpMB: 512, Timeout: 30 * time.Second, LogGroup: "/aws/lambda/noop"},
	}
	held := make([]*sandbox.Result, environments) // held together, so that there are as many
	for i := range held {
		if held[i], err = r.sandbox.invoke(ctx); err != nil {
			return nil, err
		}
	}
	for _, h := range held {
		h.Release()
	}
	return r.sandbox, nil
}

func (b *bareSandbox) invoke(ctx context.Context) (*sandbox.Result, error) {
	return b.invokeOf(ctx, b.spec)
}

func (b *bareSandbox) invokeOf(ctx context.Context, spec sandbox.Spec) (*sandbox.Result, error) {
	res, err := b.pool.Invoke(ctx, spec, sandbox.Invocation{RequestID: uuid.New(), Payload: []byte(event), InvokedARN: spec.ARN})
	if err == nil && res.FunctionError != "" {
		err = fault.Invalidf("bench.invoke", "function", "the no-op function failed: %s", res.Payload)
	}
	return res, err
}

func (b *bareSandbox) call(ctx context.Context) error {
	res, err := b.invoke(ctx)
	if err == nil {
		res.Release()
	}
	return err
}

func (b *bareSandbox) close() { _ = b.pool.Close() }

// sandboxRate is how many calls per second the sandbox alone serves in four environments.
func (r *rig) sandboxRate(ctx context.Context) (float64, error) {
	s, err := r.openSandbox(ctx)
	if err != nil {
		return 0, err
	}
	var failed atomic.Pointer[error]
	n, took := together(environments, time.Second, func(int) func() error {
		return func() error {
			err := s.call(ctx)
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
			return err
		}
	})
	if e := failed.Load(); e != nil {
		return 0, *e
	}
	return float64(n) / took.Seconds(), nil
}

func sandboxCalls(ctx context.Context, r *rig) (Reading, error) {
	trip, err := r.tripFloor(5000, 0)
	if err != nil {
		return Reading{}, err
	}
	rate, err := r.sandboxRate(ctx)
	return Reading{Value: rate, Floor: 1 / trip.Seconds(), N: int(rate)}, err
}

func sandboxWarm(pause time.Duration) func(context.Context, *rig) (Reading, error) {
	return func(ctx context.Context, r *rig) (Reading, error) {
		s, err := r.openSandbox(ctx)
		if err != nil {
			return Reading{}, err
		}
		var ours, floor []time.Duration
		for range 10 {
			f, err := times(60, pause, r.echo.roundTrip)
			if err != nil {
				return Reading{}, err
			}
			o, err := times(60, pause, func() error { return s.call(ctx) })
			if err != nil {
				return Reading{}, err
			}
			floor, ours = append(floor, f...), append(ours, o...)
		}
		return reading(ours, latency.Of(floor).Median(), time.Microsecond, ""), nil
	}
}

// openProvided puts a function with a runtime of its own beside the Python one: this very program.
func (r *rig) openProvided(ctx context.Context) (*bareSandbox, error) {
	s, err := r.openSandbox(ctx)
	if err != nil || s.provided.Key != "" {
		return s, err
	}
	dir := filepath.Join(r.dir, "provided")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	program, err := os.ReadFile(r.Program)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "bootstrap"), program, 0o755); err != nil {
		return nil, err
	}
	spec := s.spec
	spec.Key, spec.FunctionName, spec.Runtime, spec.Handler, spec.CodeDir = "provided", "provided", "provided.al2023", "bootstrap", dir
	spec.Environment = map[string]string{childRuntime: "1"}
	res, err := s.invokeOf(ctx, spec)
	if err != nil {
		return nil, err
	}
	res.Release()
	s.provided = spec
	return s, nil
}

// runtimeAPI is a warm invocation of a runtime of its own: a round trip to the adapter, and the two requests of the runtime.
func runtimeAPI(ctx context.Context, r *rig) (Reading, error) {
	s, err := r.openProvided(ctx)
	if err != nil {
		return Reading{}, err
	}
	echo := newClient(strings.TrimSuffix(r.httpEcho.URL, "/"))
	var ours, floor []time.Duration
	for range 10 {
		f, err := times(60, 0, func() error {
			for range 2 {
				if _, err := echo.post(ctx, "POST", "/", "lambda", "", []byte(event)); err != nil {
					return err
				}
			}
			return r.echo.roundTrip()
		})
		if err != nil {
			return Reading{}, err
		}
		o, err := times(60, 0, func() error {
			res, err := s.invokeOf(ctx, s.provided)
			if err == nil {
				res.Release()
			}
			return err
		})
		if err != nil {
			return Reading{}, err
		}
		floor, ours = append(floor, f...), append(ours, o...)
	}
	return reading(ours, latency.Of(floor).Median(), time.Microsecond, ""), nil
}
