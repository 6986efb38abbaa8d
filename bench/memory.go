package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"anthill/fault"
)

// idleCPU is the share of a core that the platform uses when nobody asks it for anything.
func idleCPU(_ context.Context, r *rig) (Reading, error) {
	const watch = 4 * time.Second
	pid := r.platform.cmd.Process.Pid
	before, err := cpuTime(pid)
	if err != nil {
		return Reading{}, err
	}
	time.Sleep(watch)
	after, err := cpuTime(pid)
	return Reading{Value: 100 * (after - before).Seconds() / watch.Seconds(), N: 1, Note: "over 4 s, with its warm environments"}, err
}

// memoryEnvironment is the proportional set size of the warm environments of one small Python function, each.
func memoryEnvironment(ctx context.Context, r *rig) (Reading, error) {
	infos, err := r.platform.environments(ctx)
	if err != nil {
		return Reading{}, err
	}
	var sum float64
	n := 0
	for _, i := range infos {
		if kb, err := fromProc(i.PID, "smaps_rollup", "Pss:"); err == nil && i.FunctionName == "noop" && i.PID != 0 {
			sum += kb / 1024
			n++
		}
	}
	if n == 0 {
		return Reading{}, fault.Invalidf("bench.memoryEnvironment", "environment", "no environment's process can be looked at from here")
	}
	return Reading{Value: sum / float64(n), N: n, Note: fmt.Sprintf("mean of %d environments that are warm together", n)}, nil
}

// memoryExecution opens executions in a Wait of a day, as many as fill the database's caches and then Open more, and divides
// by those what the platform's resident memory grew by while they were opened.
func memoryExecution(ctx context.Context, r *rig) (Reading, error) {
	const first, settle = 20_000, 15 * time.Second
	pid := r.platform.cmd.Process.Pid
	resident := func() (kb float64, err error) {
		time.Sleep(settle)
		return fromProc(pid, "status", "VmRSS:")
	}
	idle, err := resident()
	if err == nil {
		err = r.openWaits(ctx, first)
	}
	if err != nil {
		return Reading{}, err
	}
	before, err := resident()
	if err != nil {
		return Reading{}, err
	}
	began := time.Now()
	if err := r.openWaits(ctx, r.Open); err != nil {
		return Reading{}, err
	}
	took := time.Since(began)
	after, err := resident()
	return Reading{Value: (after - before) * 1024 / float64(r.Open), N: r.Open,
		Note: fmt.Sprintf("%d opened in %.1f s; resident %v later: %.0f MB before any, %.0f MB with %d, which fill the database's memory, and %.0f MB with all",
			r.Open, took.Seconds(), settle, idle/1024, before/1024, first, after/1024)}, err
}

// openWaits starts n executions that wait.
func (r *rig) openWaits(ctx context.Context, n int) error {
	work := make(chan struct{}, n)
	for range n {
		work <- struct{}{}
	}
	close(work)
	errs := make(chan error, clients)
	for range clients {
		go func() {
			for range work {
				if err := r.platform.states(ctx, "StartExecution", object{"stateMachineArn": machineARN + "wait", "input": `{"some":"input"}`}, nil); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	var failed error
	for range clients {
		if err := <-errs; err != nil {
			failed = err
		}
	}
	return failed
}

// fromProc reads a line "Name: N kB" of a file under /proc/PID.
func fromProc(pid int, file, name string) (kb float64, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return 0, fault.In("bench.fromProc", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), name); ok {
			return strconv.ParseFloat(strings.Fields(rest)[0], 64)
		}
	}
	return 0, fault.Invalidf("bench.fromProc", "line", "/proc/%d/%s has no %s", pid, file, name)
}
