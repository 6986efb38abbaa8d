package process_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"anthill/sandbox"
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

// timed runs the two alternately, so that the machine's noise meets both, and prints medians and 99th percentiles.
func timed(b *testing.B, pause time.Duration, floor, subject func()) {
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
		for range block {
			subjects = append(subjects, one(subject))
		}
	}
	at := func(all []time.Duration, q float64) float64 {
		slices.Sort(all)
		return float64(all[int(q*float64(len(all)-1))].Nanoseconds()) / 1000
	}
	b.ReportMetric(at(subjects, 0.5), "p50-µs")
	b.ReportMetric(at(subjects, 0), "min-µs")
	b.ReportMetric(at(subjects, 0.99), "p99-µs")
	b.ReportMetric(at(floors, 0.5), "floor-p50-µs")
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
			call := func() {
				r, err := h.Invoke(context.Background(), s, sandbox.Invocation{RequestID: id(1), Payload: []byte(event), InvokedARN: s.ARN})
				if err != nil || r.FunctionError != "" {
					b.Fatal(r, err)
				}
				r.Release()
			}
			call()
			h.log.all = nil
			timed(b, pause, echo(b), call)
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
