package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"anthill/fault"
	"anthill/latency"
	"anthill/loadtest"
)

// rig is a platform with the functions of the figures, and the floors' processes.
type rig struct {
	Config
	dir  string
	temp bool

	pprof    string // where the platform's profiles are; "" when they are not asked for
	platform *platform
	flush    *flushFile
	echo     *echoProcess
	httpEcho *loadtest.Echo
	sandbox  *bareSandbox
	crowd    *crowd // nil until a figure needs it
	iris     struct {
		runtime, code string // "" until a figure needs it
		layers        []string
	}
}

// openRig starts everything that figures share.
func openRig(ctx context.Context, c Config) (r *rig, err error) {
	r = &rig{Config: c, dir: c.Dir}
	defer func() {
		if err != nil {
			r.close()
			r = nil
		}
	}()
	if r.Program == "" {
		if r.Program, err = os.Executable(); err != nil {
			return r, err
		}
	}
	if r.dir == "" {
		if r.dir, err = os.MkdirTemp("", "anthill-bench-"); err != nil {
			return r, err
		}
		r.temp = true
	}
	if r.flush, err = openFlushFile(r.dir); err != nil {
		return r, err
	}
	if r.echo, err = startEcho(r.Program); err != nil {
		return r, err
	}
	if r.httpEcho, err = loadtest.StartEcho(ctx, r.Program); err != nil {
		return r, err
	}
	c.Progress("starting a platform")
	var flags []string
	if c.Profiles != "" {
		ports, err := freePorts(1)
		if err != nil {
			return r, err
		}
		r.pprof = fmt.Sprintf("127.0.0.1:%d", ports[0])
		flags = []string{"--pprof", r.pprof}
		if err := os.MkdirAll(c.Profiles, 0o755); err != nil {
			return r, err
		}
	}
	if r.platform, err = startPlatform(ctx, r.Program, filepath.Join(r.dir, "data"), flags...); err != nil {
		return r, err
	}
	return r, r.platform.prepare(ctx)
}

func (r *rig) close() {
	if r.sandbox != nil {
		r.sandbox.close()
	}
	if r.crowd != nil && r.crowd.platform != nil {
		r.crowd.stop()
	}
	if r.platform != nil {
		r.platform.stop()
	}
	if r.httpEcho != nil {
		r.httpEcho.Close()
	}
	if r.echo != nil {
		r.echo.close()
	}
	if r.flush != nil {
		r.flush.close()
	}
	if r.temp {
		os.RemoveAll(r.dir)
	}
}

// flushFloor and tripFloor are the medians of n of them, spaced as a hop's are.
func (r *rig) flushFloor(n int) (time.Duration, error) {
	ds, err := times(n, time.Millisecond, func() error { return r.flush.flush(1) })
	return latency.Of(ds).Median(), err
}

func (r *rig) tripFloor(n int, pause time.Duration) (time.Duration, error) {
	ds, err := times(n, pause, r.echo.roundTrip)
	return latency.Of(ds).Median(), err
}

// platform is a running Anthill in a process of its own.
type platform struct {
	*client
	cmd *exec.Cmd
}

var readyLine = regexp.MustCompile(`is ready at (\S+)`)

func startPlatform(ctx context.Context, program, data string, flags ...string) (*platform, error) {
	const op = "bench.startPlatform"
	cmd := exec.CommandContext(ctx, program, append([]string{"up", "--port", "0", "--data", data}, flags...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
			go func() {
				for lines.Scan() { // what it prints later is not read, but must go somewhere
				}
			}()
			return &platform{newClient(m[1]), cmd}, nil
		}
	}
	_ = cmd.Wait()
	return nil, &fault.Error{Kind: fault.Internal, Op: op, Noun: "platform", Detail: fmt.Sprintf("%s up did not become ready: %s", program, strings.TrimSpace(complaints.String()))}
}

func (p *platform) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

// profile takes a CPU profile of the platform during the next seconds, into Profiles/key.pprof. The returned function
// waits for it.
func (r *rig) profile(ctx context.Context, key string) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		b, err := newClient("http://"+r.pprof).post(ctx, "GET", fmt.Sprintf("/debug/pprof/profile?seconds=%d", profileSeconds), "", "", nil)
		if err == nil {
			err = os.WriteFile(filepath.Join(r.Profiles, key+".pprof"), b, 0o644)
		}
		if err != nil {
			r.Progress("no profile of " + key + ": " + err.Error())
		}
	}()
	return func() { <-done }
}

const profileSeconds = 4
