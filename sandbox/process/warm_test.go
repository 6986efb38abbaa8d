package process_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"anthill/sandbox"
)

// BenchmarkWarmRuntimes is a warm invocation over the Runtime API, beside an echo child over a Unix socket, with the processor
// time of each call here, in the adapter and in the runtime.
func BenchmarkWarmRuntimes(b *testing.B) {
	for _, name := range append([]string{"provided.al2023"}, nodes(b)...) {
		for _, pause := range []time.Duration{0, time.Millisecond} {
			b.Run(fmt.Sprintf("%s/pause=%v", name, pause), func(b *testing.B) {
				h := newHouse(b)
				h.log.off = true
				s, payload := h.ownRuntime("warm"), `"well"`
				if name != s.Runtime {
					s, payload = h.function("node", "index.js", "exports.handler = async (event) => event;\n", 0o644), event
					s.Runtime, s.Handler = name, "index.handler"
				}
				call := func() {
					r, err := h.Invoke(context.Background(), s, sandbox.Invocation{RequestID: id(1), Payload: []byte(payload), InvokedARN: s.ARN})
					if err != nil || r.FunctionError != "" {
						b.Fatal(r, err)
					}
					r.Release()
				}
				call()
				adapter := runtimeOf(h.Environments()[0].PID) // whose threads have children, but not the first of them
				processes := map[string]int{"here": os.Getpid(), "adapter": adapter, "runtime": childOf(b, adapter)}
				spent := map[string][]time.Duration{}
				timedBlocks(b, pause, echo(b), call, func() func() {
					before := map[string]time.Duration{}
					for of, pid := range processes {
						before[of] = onCPU(b, pid)
					}
					return func() {
						for of, pid := range processes {
							spent[of] = append(spent[of], (onCPU(b, pid)-before[of])/time.Duration(min(50, b.N)))
						}
					}
				})
				for of, all := range spent {
					slices.Sort(all)
					b.ReportMetric(float64(all[len(all)/2].Nanoseconds())/1000, "cpu-"+of+"-µs")
				}
			})
		}
	}
}

// childOf is the child of any of a process's threads.
func childOf(b *testing.B, pid int) int {
	b.Helper()
	all, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range all {
		children, err := os.ReadFile(name)
		if child, err := strconv.Atoi(strings.Fields(string(children) + " -")[0]); err == nil {
			return child
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.Fatal("it has no child")
	return 0
}
