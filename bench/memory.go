package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
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
	var pids []int
	for _, i := range infos {
		if i.FunctionName == "noop" && i.PID != 0 {
			pids = append(pids, i.PID)
		}
	}
	return meanPSS("bench.memoryEnvironment", pids)
}

// meanPSS is the proportional set size of environments, each, all their processes together. An environment is known by one
// of them; where it has no process namespace of its own, that one alone counts.
func meanPSS(op string, pids []int) (Reading, error) {
	own, _ := os.Readlink("/proc/self/ns/pid") // whose is not readable is not ours either
	var sum float64
	n := 0
	for _, pid := range pids {
		in, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
		if err != nil {
			continue
		}
		n++
		if in == own {
			kb, _ := fromProc(pid, "smaps_rollup", "Pss:") // one that has ended takes nothing
			sum += kb / 1024
			continue
		}
		all, _ := filepath.Glob("/proc/[0-9]*/ns/pid") // the pattern is well-formed
		for _, name := range all {
			if its, err := os.Readlink(name); err != nil || its != in {
				continue
			}
			other, _ := strconv.Atoi(strings.Split(name, "/")[2]) // the pattern says that it is a number
			kb, _ := fromProc(other, "smaps_rollup", "Pss:")
			sum += kb / 1024
		}
	}
	if n == 0 {
		return Reading{}, fault.Invalidf(op, "environment", "no environment's process can be looked at from here")
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
