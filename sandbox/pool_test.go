package sandbox_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"anthill/fault"
	"anthill/sandbox"
	"anthill/sandbox/sandboxtest"
)

// transcript collects log lines, with what changes from run to run blanked.
type transcript struct {
	mu    sync.Mutex
	lines []string
}

var changing = regexp.MustCompile(`[0-9.]+ ms|arn:aws:lambda:[^\t\n"]*|20\d\d-[-0-9T:.]+Z`)
var used = regexp.MustCompile(`Used: \d+ MB`)

func (l *transcript) Write(lines []sandbox.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range lines {
		l.lines = append(l.lines, strings.TrimRight(used.ReplaceAllString(changing.ReplaceAllString(line.Text, "·"), "Used: N MB"), "\n"))
	}
}

func (l *transcript) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}

func spec(handler string) sandbox.Spec {
	return sandbox.Spec{Key: handler + "/1", FunctionName: handler, Version: "$LATEST", Runtime: "python3.12", Handler: handler,
		MemoryMB: 128, Timeout: 3 * time.Second, LogGroup: "/aws/lambda/" + handler, Region: "us-east-1"}
}

func open(t *testing.T, d sandbox.Driver, c sandbox.Config) *sandbox.Pool {
	t.Helper()
	c.Driver = d
	p, err := sandbox.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func closePool(t *testing.T, p *sandbox.Pool) {
	t.Helper()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func invoke(t *testing.T, p *sandbox.Pool, s sandbox.Spec, id, event string) *sandbox.Result {
	t.Helper()
	r, err := p.Invoke(t.Context(), s, sandbox.Invocation{RequestID: id, Payload: []byte(event), LogTail: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var handlers = map[string]sandboxtest.Func{
	"echo": func(ctx context.Context, event []byte) ([]byte, error) {
		sandboxtest.Log(ctx, "got %s", event)
		return event, nil
	},
	"fail": func(ctx context.Context, event []byte) ([]byte, error) {
		return nil, &sandboxtest.Error{Type: "ValueError", Message: "no"}
	},
	"exit": func(ctx context.Context, event []byte) ([]byte, error) { panic(sandboxtest.Exit(3)) },
	"gone": func(ctx context.Context, event []byte) ([]byte, error) { panic(sandboxtest.Exit(0)) },
	"kill": func(ctx context.Context, event []byte) ([]byte, error) {
		panic(sandboxtest.Killed{OutOfMemory: true})
	},
	"hang": func(ctx context.Context, event []byte) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() },
	"slow": func(ctx context.Context, event []byte) ([]byte, error) {
		time.Sleep(2500 * time.Millisecond)
		return []byte(`"slow"`), nil
	},
	"big": func(ctx context.Context, event []byte) ([]byte, error) { return make([]byte, 6*1024*1024+101), nil },
}

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		handler, payload, functionError, errorType string
		log                                        []string
	}{
		{"echo", `{"n":1}`, "", "", []string{
			"INIT_START Runtime Version: python:3.12\tRuntime Version ARN: ·",
			"START RequestId: r1 Version: $LATEST",
			`got {"n":1}`,
			"END RequestId: r1",
			"REPORT RequestId: r1\tDuration: ·\tBilled Duration: ·\tMemory Size: 128 MB\tMax Memory Used: N MB\t"}},
		{"fail", `{"errorMessage":"no","errorType":"ValueError","stackTrace":[]}`, "Unhandled", "ValueError", nil},
		{"exit", `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r1 Error: Runtime exited with error: exit status 3"}`,
			"Unhandled", "Runtime.ExitError", []string{
				"INIT_START Runtime Version: python:3.12\tRuntime Version ARN: ·",
				"START RequestId: r1 Version: $LATEST",
				"RequestId: r1 Error: Runtime exited with error: exit status 3\nRuntime.ExitError",
				"END RequestId: r1",
				"REPORT RequestId: r1\tDuration: ·\tBilled Duration: ·\tMemory Size: 128 MB\tMax Memory Used: N MB\tStatus: error\tError Type: Runtime.ExitError"}},
		{"gone", `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r1 Error: Runtime exited without providing a reason"}`,
			"Unhandled", "Runtime.ExitError", nil},
		{"kill", `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r1 Error: Runtime exited with error: signal: killed"}`,
			"Unhandled", "Runtime.ExitError", nil},
		{"hang", `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: r1 Error: Task timed out after 3.00 seconds"}`,
			"Unhandled", "Sandbox.Timedout", []string{
				"INIT_START Runtime Version: python:3.12\tRuntime Version ARN: ·",
				"START RequestId: r1 Version: $LATEST",
				"· r1 Task timed out after 3.00 seconds",
				"END RequestId: r1",
				"REPORT RequestId: r1\tDuration: ·\tBilled Duration: ·\tMemory Size: 128 MB\tMax Memory Used: N MB\tStatus: timeout"}},
		{"big", `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}`,
			"Unhandled", "Function.ResponseSizeTooLarge", nil},
		{"missing", `{"errorMessage":"Unable to import module 'missing'","errorType":"Runtime.ImportModuleError","stackTrace":[]}`,
			"Unhandled", "Runtime.ImportModuleError", []string{
				"INIT_START Runtime Version: python:3.12\tRuntime Version ARN: ·",
				"INIT_REPORT Init Duration: ·\tPhase: init\tStatus: error\tError Type: Runtime.ImportModuleError",
				"INIT_REPORT Init Duration: ·\tPhase: invoke\tStatus: error\tError Type: Runtime.ImportModuleError",
				"START RequestId: r1 Version: $LATEST",
				"END RequestId: r1",
				"REPORT RequestId: r1\tDuration: ·\tBilled Duration: ·\tMemory Size: 128 MB\tMax Memory Used: N MB\tStatus: error\tError Type: Runtime.ImportModuleError"}},
	} {
		t.Run(c.handler, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &transcript{}
				p := open(t, sandboxtest.New(handlers), sandbox.Config{Lines: log})
				defer closePool(t, p)
				r := invoke(t, p, spec(c.handler), "r1", `{"n":1}`)
				r.Release()
				if diff := cmp.Diff([]string{c.payload, c.functionError, c.errorType}, []string{string(r.Payload), r.FunctionError, r.ErrorType}); diff != "" {
					t.Errorf("result (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(c.log, log.take()); c.log != nil && diff != "" {
					t.Errorf("log (-want +got):\n%s", diff)
				}
				if r.Start != sandbox.Cold {
					t.Errorf("start %q, want cold", r.Start)
				}
			})
		})
	}
}

func TestWarmEnvironmentsAreReusedAndEndWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := sandboxtest.New(handlers)
		p := open(t, d, sandbox.Config{KeepAlive: time.Minute})
		defer closePool(t, p)
		first := invoke(t, p, spec("echo"), "a", "1")
		second := invoke(t, p, spec("echo"), "b", "2") // the first is not released: a second environment
		if first.EnvironmentID == second.EnvironmentID {
			t.Error("one environment served two invocations at once")
		}
		first.Release()
		second.Release()
		third := invoke(t, p, spec("echo"), "c", "3")
		if third.EnvironmentID != second.EnvironmentID || third.Start != sandbox.Warm {
			t.Errorf("third ran %s in %s, want warm in the environment released last", third.Start, third.EnvironmentID)
		}
		third.Release()
		if n := d.Len(); n != 2 {
			t.Errorf("%d environments, want 2", n)
		}
		time.Sleep(2 * time.Minute)
		if n := d.Len(); n != 0 {
			t.Errorf("after the keep-alive: %d environments, want 0", n)
		}
	})
}

func TestForcedColdEnvironmentsEndAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := sandboxtest.New(handlers)
		p := open(t, d, sandbox.Config{})
		defer closePool(t, p)
		invoke(t, p, spec("echo"), "a", "1").Release()
		r, err := p.Invoke(t.Context(), spec("echo"), sandbox.Invocation{RequestID: "b", Payload: []byte("1"), ForceCold: true})
		if err != nil || r.Start != sandbox.Cold {
			t.Fatalf("forced: %+v, %v; want a cold start", r, err)
		}
		r.Release()
		synctest.Wait()
		if n := d.Len(); n != 1 {
			t.Errorf("%d environments, want the first alone", n)
		}
	})
}

func TestAtTheLimitInvocationsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := sandboxtest.New(handlers)
		p := open(t, d, sandbox.Config{MaxEnvironments: 1})
		defer closePool(t, p)
		var wg sync.WaitGroup
		begin := time.Now()
		for i := range 3 {
			wg.Go(func() { invoke(t, p, spec("slow"), string(rune('a'+i)), "1").Release() })
		}
		wg.Wait()
		if took := time.Since(begin); took != 7500*time.Millisecond {
			t.Errorf("three slow invocations in one environment took %v, want 7.5s", took)
		}
		invoke(t, p, spec("echo"), "other", "1").Release() // the idle environment of "slow" gives way
		synctest.Wait()
		if n := d.Len(); n != 1 {
			t.Errorf("%d environments, want 1", n)
		}
	})
}

func TestACallerThatLeavesDoesNotStopTheInvocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &transcript{}
		p := open(t, sandboxtest.New(handlers), sandbox.Config{Lines: log})
		defer closePool(t, p)
		for _, id := range []string{"cold", "warm"} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := p.Invoke(ctx, spec("slow"), sandbox.Invocation{RequestID: id, Payload: []byte("1")})
			cancel()
			if !fault.Is(err, fault.Canceled) || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("%s: %v, want a cancellation", id, err)
			}
			time.Sleep(5 * time.Second)
			if got := strings.Join(log.take(), "\n"); !strings.Contains(got, "END RequestId: "+id) {
				t.Errorf("%s did not end: %s", id, got)
			}
		}
	})
}

func TestTheNextPlatformAdoptsWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := sandboxtest.New(handlers)
		first := open(t, d, sandbox.Config{})
		invoke(t, first, spec("echo"), "done", "1") // its outcome is never released
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			_, _ = first.Invoke(ctx, spec("slow"), sandbox.Invocation{RequestID: "running", Payload: []byte("1")}) // dies with its platform
		}()
		time.Sleep(time.Second)
		first.Abandon()
		cancel()

		second := open(t, d, sandbox.Config{})
		defer closePool(t, second)
		for id, want := range map[string]string{"done": "1", "running": `"slow"`} {
			r, found, err := second.Adopt(t.Context(), id)
			if err != nil || !found || string(r.Payload) != want {
				t.Fatalf("Adopt(%s) = %+v, %v, %v; want %s", id, r, found, err, want)
			}
			r.Release()
		}
		if _, found, err := second.Adopt(t.Context(), "unknown"); found || err != nil {
			t.Errorf("an unknown invocation was found (%v)", err)
		}
		if r := invoke(t, second, spec("slow"), "next", "1"); r.Start != sandbox.Warm {
			t.Errorf("after the restart: %s, want warm", r.Start)
		}
	})
}

func TestACrashedEnvironmentKeepsItsIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, sandboxtest.New(handlers), sandbox.Config{})
		defer closePool(t, p)
		a := invoke(t, p, spec("exit"), "a", "1")
		a.Release()
		b := invoke(t, p, spec("exit"), "b", "1")
		b.Release()
		if a.EnvironmentID != b.EnvironmentID || b.Start != sandbox.Cold {
			t.Errorf("second invocation: %s in %s, want a cold start in %s", b.Start, b.EnvironmentID, a.EnvironmentID)
		}
	})
}
