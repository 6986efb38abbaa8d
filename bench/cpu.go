package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"anthill/fault"
)

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

// family is a process with all that came of it.
func family(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", all[i]))
		if err != nil {
			continue // it has ended
		}
		for _, t := range threads {
			b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", all[i], t.Name()))
			for f := range strings.FieldsSeq(string(b)) {
				if child, err := strconv.Atoi(f); err == nil {
					all = append(all, child)
				}
			}
		}
	}
	return all
}

// meter sums the processor time of processes while something is measured.
type meter struct {
	pids  []int
	since map[int]time.Duration
	used  time.Duration
}

func (m *meter) start() {
	m.since = map[int]time.Duration{}
	for _, pid := range m.pids {
		m.since[pid], _ = cpuTime(pid) // one that has ended has used nothing
	}
}

func (m *meter) stop() {
	for _, pid := range m.pids {
		if now, err := cpuTime(pid); err == nil {
			m.used += now - m.since[pid]
		}
	}
}

// each is the microseconds per call.
func (m *meter) each(calls int) float64 {
	if calls == 0 {
		return 0
	}
	return float64(m.used.Nanoseconds()) / 1000 / float64(calls)
}

// listed is what the platform tells of an environment.
type listed struct {
	FunctionName string
	PID          int
}

func (p *platform) environments(ctx context.Context) ([]listed, error) {
	b, err := p.post(ctx, "GET", "/_anthill/environments", "lambda", "", nil)
	if err != nil {
		return nil, err
	}
	var infos []listed
	if err := json.Unmarshal(b, &infos); err != nil {
		return nil, fault.In("bench.environments", err)
	}
	return infos, nil
}

// environmentMeter is a meter of all environments of a function that there are now.
func (p *platform) environmentMeter(ctx context.Context, function string) (*meter, error) {
	infos, err := p.environments(ctx)
	if err != nil {
		return nil, err
	}
	m := &meter{}
	for _, i := range infos {
		if i.FunctionName == function && i.PID != 0 {
			m.pids = append(m.pids, family(i.PID)...)
		}
	}
	return m, nil
}
