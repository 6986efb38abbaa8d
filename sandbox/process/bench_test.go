package process_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"anthill/sandbox"
	"anthill/sandbox/process"
)

const event = `{"resource":"/predict","path":"/predict","httpMethod":"POST","body":"{\"sepal_length\":5.1,\"sepal_width\":3.5,\"petal_length\":1.4,\"petal_width\":0.2}","isBase64Encoded":false}`

const proxyHandler = `
import json
def handler(event, context):
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps({"n": len(event["body"])})}
`

// echoMain answers every read with a write, with blocking calls and nothing else: what a socket round trip costs.
func echoMain() int {
	buf := make([]byte, 64<<10)
	for {
		n, err := syscall.Read(3, buf)
		if n <= 0 || err != nil {
			return 0
		}
		if _, err := syscall.Write(3, buf[:n]); err != nil {
			return 0
		}
	}
}

// echo starts an echo child and gives one round trip of it.
func echo(b *testing.B) func() {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	inner, outer := os.NewFile(uintptr(fds[0]), "inner"), os.NewFile(uintptr(fds[1]), "outer")
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self, "echo")
	cmd.ExtraFiles = []*os.File{inner}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	inner.Close()
	conn, err := net.FileConn(outer)
	if err != nil {
		b.Fatal(err)
	}
	outer.Close()
	b.Cleanup(func() {
		conn.Close()
		_ = cmd.Wait()
	})
	buf := make([]byte, 64<<10)
	return func() {
		if _, err := conn.Write([]byte(event)); err != nil {
			b.Fatal(err)
		}
		if _, err := conn.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}

// onCPU is the time that a process has run, all its threads together (proc(5), schedstat).
func onCPU(b testing.TB, pid int) time.Duration {
	all, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(all) == 0 {
		b.Fatal(all, err)
	}
	var sum int64
	for _, name := range all {
		s, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		n, _, _ := strings.Cut(string(s), " ")
		ns, _ := strconv.ParseInt(n, 10, 64) // the kernel writes nothing else
		sum += ns
	}
	return time.Duration(sum)
}

// runtimeOf is the process that runs the function: the youngest in line of an environment's first.
func runtimeOf(pid int) int {
	for {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)) // none when it has ended
		child, _, _ := strings.Cut(string(b), " ")
		n, err := strconv.Atoi(child)
		if err != nil {
			return pid
		}
		pid = n
	}
}

// costed is timed with the processor time of each call, here and in the process pid: the median over blocks of calls, and the least.
func costed(b *testing.B, pause time.Duration, pid int, floor, subject func()) {
	var here, there []time.Duration
	calls := time.Duration(min(50, b.N))
	timedBlocks(b, pause, floor, subject, func() func() {
		h, t := onCPU(b, os.Getpid()), onCPU(b, pid)
		return func() {
			here, there = append(here, (onCPU(b, os.Getpid())-h)/calls), append(there, (onCPU(b, pid)-t)/calls)
		}
	})
	for name, all := range map[string][]time.Duration{"cpu-here": here, "cpu-there": there} {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Nanoseconds())/1000, name+"-µs")
		b.ReportMetric(float64(all[0].Nanoseconds())/1000, name+"-min-µs")
	}
}

// timed runs the two alternately, so that the machine's noise meets both, and prints medians and 99th percentiles.
func timed(b *testing.B, pause time.Duration, floor, subject func()) {
	timedBlocks(b, pause, floor, subject, func() func() { return func() {} })
}

// timedBlocks is timed, with a watch over each block of calls of the subject.
func timedBlocks(b *testing.B, pause time.Duration, floor, subject func(), watch func() (end func())) {
	var floors, subjects []time.Duration
	one := func(f func()) time.Duration {
		if pause > 0 {
			time.Sleep(pause)
		}
		begin := time.Now()
		f()
		return time.Since(begin)
	}
	block := min(50, b.N)
	for range max(b.N/block, 1) {
		for range block {
			floors = append(floors, one(floor))
		}
		end := watch()
		for range block {
			subjects = append(subjects, one(subject))
		}
		end()
	}
	at := func(all []time.Duration, q float64) float64 {
		slices.Sort(all)
		return float64(all[int(q*float64(len(all)-1))].Nanoseconds()) / 1000
	}
	b.ReportMetric(at(subjects, 0.5), "p50-µs")
	b.ReportMetric(at(subjects, 0), "min-µs")
	b.ReportMetric(at(subjects, 0.99), "p99-µs")
	b.ReportMetric(at(floors, 0.5), "floor-p50-µs")
	b.ReportMetric(at(floors, 0), "floor-min-µs")
	b.ReportMetric(at(floors, 0.99), "floor-p99-µs")
	b.ReportMetric(at(subjects, 0.5)/at(floors, 0.5), "ratio")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkWarm is a warm invocation of a Python handler inside the process, beside a Go echo child over the same kind of
// socket in the same run.
func BenchmarkWarm(b *testing.B) {
	for _, pause := range []time.Duration{0, time.Millisecond} {
		b.Run(fmt.Sprintf("pause=%v", pause), func(b *testing.B) {
			h := newHouse(b)
			s := h.python("proxy", proxyHandler)
			parts := make([][]time.Duration, 5)
			call := func() {
				began := time.Now().UnixNano()
				r, err := h.Invoke(context.Background(), s, sandbox.Invocation{RequestID: id(1), Payload: []byte(event), InvokedARN: s.ARN})
				if err != nil || r.FunctionError != "" {
					b.Fatal(r, err)
				}
				r.Release()
				p := r.Phases
				at := []int64{began, p.Sent, p.Entered, p.Returned, p.Received, time.Now().UnixNano()}
				for i := range parts {
					parts[i] = append(parts[i], time.Duration(at[i+1]-at[i]))
				}
			}
			call()
			h.log.off = true
			costed(b, pause, runtimeOf(h.Environments()[0].PID), echo(b), call)
			for i, name := range []string{"1-decide", "2-there", "3-handler", "4-back", "5-deliver"} {
				slices.Sort(parts[i])
				b.ReportMetric(float64(parts[i][len(parts[i])/2].Nanoseconds())/1000, name+"-µs")
			}
		})
	}
}

// BenchmarkPrompt is what it gives to wait promptly for answers that come soon: calls with it on and off, turn about in
// blocks, from as many goroutines as there are environments.
func BenchmarkPrompt(b *testing.B) {
	for _, c := range []struct {
		n     int
		pause time.Duration
	}{{1, 0}, {1, time.Millisecond}, {4, 0}} {
		b.Run(fmt.Sprintf("environments=%d/pause=%v", c.n, c.pause), func(b *testing.B) {
			h := newHouse(b)
			h.log.off = true
			s := h.python("noop", "def handler(event, context):\n    return event\n")
			call := func() *sandbox.Result {
				r, err := h.Invoke(context.Background(), s, sandbox.Invocation{RequestID: id(1), Payload: []byte(event), InvokedARN: s.ARN})
				if err != nil || r.FunctionError != "" {
					b.Fatal(r, err)
				}
				return r
			}
			var first []*sandbox.Result
			for range c.n {
				first = append(first, call())
			}
			for _, r := range first {
				r.Release()
			}
			there := func() (sum time.Duration) {
				for _, e := range h.Environments() {
					sum += onCPU(b, runtimeOf(e.PID))
				}
				return sum
			}
			block := 1000 // calls
			if c.pause > 0 {
				block = 200
			}
			type side struct {
				took                []time.Duration
				rates, mine, theirs []float64
			}
			sides := [2]side{}
			for range max(b.N/block, 2) {
				for i := range sides {
					process.Hurry(h.d, i == 1)
					began, mine, theirs := time.Now(), onCPU(b, os.Getpid()), there()
					var wg sync.WaitGroup
					each := make([][]time.Duration, c.n)
					for g := range c.n {
						wg.Go(func() {
							for range block / c.n {
								if c.pause > 0 {
									time.Sleep(c.pause)
								}
								at := time.Now()
								call().Release()
								each[g] = append(each[g], time.Since(at))
							}
						})
					}
					wg.Wait()
					x := &sides[i]
					x.rates = append(x.rates, float64(block)/time.Since(began).Seconds())
					x.mine = append(x.mine, float64((onCPU(b, os.Getpid())-mine).Nanoseconds())/1000/float64(block))
					x.theirs = append(x.theirs, float64((there()-theirs).Nanoseconds())/1000/float64(block))
					x.took = append(x.took, slices.Concat(each...)...)
				}
			}
			for i, name := range []string{"patient", "prompt"} {
				x := &sides[i]
				slices.Sort(x.took)
				for _, l := range [][]float64{x.rates, x.mine, x.theirs} {
					slices.Sort(l)
				}
				b.ReportMetric(float64(x.took[len(x.took)/2].Nanoseconds())/1000, name+"-p50-µs")
				b.ReportMetric(float64(x.took[len(x.took)/100].Nanoseconds())/1000, name+"-p1-µs")
				b.ReportMetric(x.rates[len(x.rates)/2], name+"-calls/s")
				b.ReportMetric(x.rates[len(x.rates)-1], name+"-calls/s-max")
				b.ReportMetric(x.mine[len(x.mine)/2], name+"-cpu-here-µs")
				b.ReportMetric(x.theirs[len(x.theirs)/2], name+"-cpu-there-µs")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkThroughput keeps four environments busy.
func BenchmarkThroughput(b *testing.B) {
	h := newHouse(b)
	s := h.python("proxy", proxyHandler)
	var first []*sandbox.Result
	for range 4 {
		r, err := h.Invoke(context.Background(), s, sandbox.Invocation{RequestID: id(1), Payload: []byte(event), InvokedARN: s.ARN})
		if err != nil {
			b.Fatal(err)
		}
		first = append(first, r)
	}
	for _, r := range first {
		r.Release()
	}
	b.ResetTimer()
	b.SetParallelism(2) // of two processors: four goroutines
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, err := h.Invoke(context.Background(), s, sandbox.Invocation{RequestID: id(1), Payload: []byte(event), InvokedARN: s.ARN})
			if err != nil || r.FunctionError != "" {
				b.Error(r, err)
				return
			}
			r.Release()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// BenchmarkLargePayload sends and receives 6 MB.
func BenchmarkLargePayload(b *testing.B) {
	h := newHouse(b)
	s := h.python("echo", "def handler(event, context):\n    return event\n")
	big := make([]byte, 6<<20-100)
	for i := range big {
		big[i] = 'x'
	}
	big[0], big[len(big)-1] = '"', '"'
	for b.Loop() {
		r, err := h.Invoke(context.Background(), s, sandbox.Invocation{RequestID: id(1), Payload: big, InvokedARN: s.ARN})
		if err != nil || r.FunctionError != "" || len(r.Payload) != len(big) {
			b.Fatal(r, err)
		}
		r.Release()
	}
}

// BenchmarkCold is a cold start to its first outcome, beside the spawn of /bin/true.
func BenchmarkCold(b *testing.B) {
	for _, method := range []string{"plain", "template", "spare"} {
		b.Run(method, func(b *testing.B) {
			h := newHouse(b)
			s := h.python("proxy", proxyHandler)
			if err := h.Prepare(context.Background(), s); err != nil {
				b.Fatal(err)
			}
			asked := method
			if method == "spare" {
				asked = "" // the quickest there is
			}
			others := 0
			timed(b, 40*time.Millisecond, func() {
				if err := exec.Command("/bin/true").Run(); err != nil {
					b.Fatal(err)
				}
			}, func() {
				r, err := h.Invoke(context.Background(), s, sandbox.Invocation{RequestID: id(1), Payload: []byte(event), InvokedARN: s.ARN, ForceCold: true, Method: asked})
				if err != nil || r.FunctionError != "" {
					b.Fatal(r, err)
				}
				if r.Method != method {
					others++
				}
				r.Release()
			})
			b.ReportMetric(float64(others), "other-methods")
		})
	}
}
