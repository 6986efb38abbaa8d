package bench

import (
	"bufio"
	"context"
	"encoding/json"
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

// cpuTime is what a process has used, user and system, from /proc/PID/schedstat, which counts nanoseconds of the main
// thread only; so it is summed over the threads.
func cpuTime(pid int) (time.Duration, error) {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	threads, err := os.ReadDir(dir)
	if err != nil {
		return 0, fault.In("bench.cpuTime", err)
	}
	var sum time.Duration
	for _, t := range threads {
		b, err := os.ReadFile(dir + "/" + t.Name() + "/schedstat")
		if err != nil {
			continue // the thread is gone
		}
		on, _, _ := strings.Cut(string(b), " ")
		ns, _ := strconv.ParseInt(on, 10, 64)
		sum += time.Duration(ns)
	}
	return sum, nil
}

// memoryEnvironment is the proportional set size of the warm environments of one small Python function, each.
func memoryEnvironment(ctx context.Context, r *rig) (Reading, error) {
	b, err := r.platform.post(ctx, "GET", "/_anthill/environments", "lambda", "", nil)
	if err != nil {
		return Reading{}, err
	}
	var infos []struct {
		FunctionName string
		PID          int
	}
	if err := json.Unmarshal(b, &infos); err != nil {
		return Reading{}, fault.In("bench.memoryEnvironment", err)
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

// memoryExecution opens many executions in a Wait of a day and divides what the platform's resident memory grew by.
func memoryExecution(ctx context.Context, r *rig) (Reading, error) {
	pid := r.platform.cmd.Process.Pid
	const settle = 15 * time.Second
	time.Sleep(2 * time.Second)
	before, err := fromProc(pid, "status", "VmRSS:")
	if err != nil {
		return Reading{}, err
	}
	began := time.Now()
	work := make(chan struct{}, r.Open)
	for range r.Open {
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
	for range clients {
		if e := <-errs; e != nil {
			err = e
		}
	}
	if err != nil {
		return Reading{}, err
	}
	took := time.Since(began)
	time.Sleep(settle)
	after, err := fromProc(pid, "status", "VmRSS:")
	return Reading{Value: (after - before) * 1024 / float64(r.Open), N: r.Open,
		Note: fmt.Sprintf("%d opened in %.1f s; resident memory before and %v after, which holds the database's caches too", r.Open, took.Seconds(), settle)}, err
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
