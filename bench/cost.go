package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// cost is what the platform's process has used: processor time, and how often its threads gave a processor up to wait.
// Other processes disturb it far less than the durations, so it is what two builds are compared by on a busy machine.
type cost struct {
	cpu      time.Duration
	switches int64
}

// spent reads the platform's cost so far. Threads that have ended are missing from it; a Go program keeps its own.
func (r *rig) spent() (c cost) {
	pid := r.platform.cmd.Process.Pid
	c.cpu, _ = cpuTime(pid)
	dir := fmt.Sprintf("/proc/%d/task", pid)
	threads, _ := os.ReadDir(dir)
	for _, t := range threads {
		b, _ := os.ReadFile(dir + "/" + t.Name() + "/status")
		_, rest, _ := strings.Cut(string(b), "\nvoluntary_ctxt_switches:")
		n, _, _ := strings.Cut(rest, "\n")
		k, _ := strconv.ParseInt(strings.TrimSpace(n), 10, 64)
		c.switches += k
	}
	return c
}

// since says what n operations have cost each since c, in words for a Note: "platform 61 µs CPU, 2.1 waits a task".
func (r *rig) since(c cost, n int, what string) string {
	if n == 0 {
		return ""
	}
	now := r.spent()
	return fmt.Sprintf("platform %.0f µs CPU, %.1f waits a %s", float64((now.cpu-c.cpu).Microseconds())/float64(n), float64(now.switches-c.switches)/float64(n), what)
}
