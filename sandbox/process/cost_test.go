package process_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"anthill/sandbox"
)

// BenchmarkIrisCost is the processor time of one cold start of the Iris function, by who spends it: the platform, the supervisor, the
// template (its forks), what forked from it (clones), the maker of shells and the shells. Unlike the time on the clock it is
// nearly the same on a busy machine.
func BenchmarkIrisCost(b *testing.B) {
	for _, way := range []struct {
		name, method string
		burst        bool
	}{{"fork", "snapshot", false}, {"spare", "", false}, {"burst", "", true}} {
		b.Run(way.name, func(b *testing.B) {
			h := newHouse(b)
			s := h.iris(way.name)
			s.InitializationType = sandbox.SnapStart
			h.snapshot(s)
			for range 3 {
				h.cold(s, "").Release()
				time.Sleep(300 * time.Millisecond)
			}
			before := h.spent()
			var all sync.WaitGroup
			for range b.N {
				if way.burst {
					all.Go(func() { h.cold(s, way.method).Release() })
					continue
				}
				h.cold(s, way.method).Release()
				time.Sleep(60 * time.Millisecond)
			}
			all.Wait()
			time.Sleep(700 * time.Millisecond) // the last of them are ended behind our back
			total := time.Duration(0)
			for role, d := range h.spent() {
				each := (d - before[role]) / time.Duration(b.N)
				total += each
				b.ReportMetric(float64(each.Microseconds())/1000, role+"-ms")
			}
			b.ReportMetric(float64(total.Microseconds())/1000, "total-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// spent is the processor time of the house's processes so far, those that have ended included, by role.
func (h *house) spent() map[string]time.Duration {
	all := map[string]time.Duration{"platform": onCPU(h.t, os.Getpid())}
	var walk func(pid int, parent string)
	walk = func(pid int, parent string) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return // it has ended
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		name, _, _ := strings.Cut(strings.SplitN(string(stat), "(", 2)[1], ")")
		f := strings.Fields(rest)
		waited := time.Duration(number(f[13])+number(f[14])) * 10 * time.Millisecond
		role := name
		switch {
		case parent == "":
			role, waited = "supervisor", 0 // what it started is not part of a cold start
		case parent == "template":
			role = "clones"
		case name == "init":
			role = "shells"
		}
		all[role] += onCPU(h.t, pid)
		switch role {
		case "template":
			all["clones"] += waited
		case "shells":
			all["first-processes"] += waited
		}
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)) // none when it has ended
		for t := range tasks(pid) {
			if t != pid {
				more, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, t)) // the same
				children = append(append(children, ' '), more...)
			}
		}
		for _, child := range strings.Fields(string(children)) {
			walk(int(number(child)), role)
		}
	}
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well-formed
	for _, c := range commands {
		b, err := os.ReadFile(c)
		if err == nil && strings.Contains(string(b), "supervisor\x00--dir\x00"+h.dir+"\x00") {
			walk(int(number(strings.Split(c, "/")[2])), "")
		}
	}
	return all
}

func tasks(pid int) map[int]bool {
	dirs, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid)) // the pattern is well-formed
	all := map[int]bool{}
	for _, d := range dirs {
		all[int(number(filepath.Base(d)))] = true
	}
	return all
}

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64) // the kernel writes nothing else
	return n
}
