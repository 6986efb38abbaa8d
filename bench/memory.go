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
