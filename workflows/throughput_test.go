package workflows_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"anthill/history"
	"anthill/internal/disk"
	"anthill/sandbox/sandboxtest"
	"anthill/workflows"
)

// passes is a machine of n Pass states in a row.
func passes(n int) string {
	var b strings.Builder
	b.WriteString(`{"StartAt":"P0","States":{`)
	for i := range n {
		next := `"End":true`
		if i+1 < n {
			next = fmt.Sprintf(`"Next":"P%d"`, i+1)
		}
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `"P%d":{"Type":"Pass",%s}`, i, next)
	}
	return b.String() + "}}"
}

// many does do n times from 128 goroutines and gives how many a second that were.
func many(n int, do func(i int)) float64 {
	began := time.Now()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 128 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(began).Seconds()
}

// BenchmarkPassChains prints how many executions of Pass states 128 clients start and finish, durably, and beside it the
// floor: the bytes of its events committed by as many writers, a commit an execution.
//
//	go test ./workflows -run '^$' -bench PassChains -benchtime 20000x
func BenchmarkPassChains(b *testing.B) {
	for _, states := range []int{3, 20} {
		b.Run(fmt.Sprint(states), func(b *testing.B) {
			h := newBenchHouse(b, 0)
			defer h.close()
			m := h.machine("chain", passes(states))
			input := `{"n":1}`
			b.ResetTimer()
			before := processorTime()
			rate := many(b.N, func(i int) {
				if _, err := h.Start(b.Context(), workflows.StartInput{Target: m.ARN, Name: fmt.Sprint("e", i), Input: &input}); err != nil {
					b.Error(err)
				}
			})
			b.StopTimer()
			b.ReportMetric(float64((processorTime()-before).Microseconds())/float64(b.N), "CPU-µs/execution")
			size := 0
			for rec, err := range h.log.Read(history.Stream("execution/"+strings.Replace(m.ARN, ":stateMachine:", ":execution:", 1)+":e0"), 1) {
				h.check(err)
				size += len(rec.Data)
			}
			floor := many(b.N, func(i int) {
				if err := h.db.Commit(disk.Write{Key: fmt.Appendf(nil, "z%d", i), Value: make([]byte, size)}); err != nil {
					b.Error(err)
				}
			})
			b.ReportMetric(rate, "executions/s")
			b.ReportMetric(rate*float64(states), "transitions/s")
			b.ReportMetric(floor, "commits/s(floor)")
			b.ReportMetric(float64(size), "B/execution")
		})
	}
}

// processorTime is what this process has used of the processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// tasks is a machine of n tasks in a row.
func tasks(n int) string {
	return strings.ReplaceAll(passes(n), `"Type":"Pass"`, `"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:noop"`)
}

// BenchmarkTaskChains runs chains of 20 tasks whose functions are Go functions in this process, one chain at a time and 128
// at once, and prints what the engine costs a task: processor time is what a busy machine disturbs least.
//
//	go test ./workflows -run '^$' -bench TaskChains -benchtime 1000x
func BenchmarkTaskChains(b *testing.B) {
	const chain = 20
	for _, c := range []struct {
		name    string
		kind    workflows.Type
		clients int
	}{{"Standard/1", workflows.Standard, 1}, {"Standard/128", workflows.Standard, 128}, {"Express/1", workflows.Express, 1}} {
		b.Run(c.name, func(b *testing.B) {
			h := newBenchHouse(b, 0)
			defer h.close()
			m, _, err := h.CreateMachine(home, workflows.MachineInput{Name: "chain", Definition: tasks(chain), RoleARN: labRole, Type: c.kind})
			h.check(err)
			one := func(context.Context) error {
				if c.kind == workflows.Express {
					_, err := h.StartSync(b.Context(), workflows.StartInput{Target: m.ARN})
					return err
				}
				e, err := h.Start(b.Context(), workflows.StartInput{Target: m.ARN})
				if err == nil {
					_, err = h.Wait(b.Context(), e.ARN)
				}
				return err
			}
			h.check(one(b.Context()))
			b.ResetTimer()
			before, began := processorTime(), time.Now()
			var next atomic.Int64
			var wg sync.WaitGroup
			for range c.clients {
				wg.Go(func() {
					for next.Add(1) <= int64(b.N) {
						if err := one(b.Context()); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			n := float64(b.N) * chain
			b.ReportMetric(float64((processorTime()-before).Microseconds())/n, "CPU-µs/task")
			b.ReportMetric(n/time.Since(began).Seconds(), "tasks/s")
			b.ReportMetric(float64(h.driver.Len()), "environments")
		})
	}
}

// BenchmarkColdTasks runs an Express execution of 500 tasks whose function leaves nothing of the platform in the processor's
// own caches, as a function in another process does, and prints what a task costs the platform beside that function.
//
//	go test ./workflows -run '^$' -bench ColdTasks -benchtime 20x
func BenchmarkColdTasks(b *testing.B) {
	const chain = 500
	var spent atomic.Int64
	junk := make([]byte, 2<<20)
	h := newBenchHouseOf(b, 0, map[string]sandboxtest.Func{"noop": func(context.Context, []byte) ([]byte, error) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		before := threadTime()
		var sum byte
		for i := 0; i < len(junk); i += 64 {
			sum += junk[i]
		}
		junk[0] = sum
		spent.Add(int64(threadTime() - before))
		return []byte("{}"), nil
	}})
	defer h.close()
	m, _, err := h.CreateMachine(home, workflows.MachineInput{Name: "chain", Definition: tasks(chain), RoleARN: labRole, Type: workflows.Express})
	h.check(err)
	one := func() {
		_, err := h.StartSync(b.Context(), workflows.StartInput{Target: m.ARN})
		h.check(err)
	}
	one()
	spent.Store(0)
	b.ResetTimer()
	before := processorTime()
	for range b.N {
		one()
	}
	b.StopTimer()
	n := float64(b.N) * chain
	b.ReportMetric((float64(processorTime()-before)-float64(spent.Load()))/1000/n, "CPU-µs/task")
	b.ReportMetric(float64(spent.Load())/1000/n, "function-µs/task")
}

// threadTime is what this thread has used of the processors.
func threadTime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}

// BenchmarkLongHistory runs one execution that goes round a loop until its history has more than 10,000 events, and prints
// what an event takes at the end of the history beside its beginning: the floor of what it should.
//
//	go test ./workflows -run '^$' -bench LongHistory -benchtime 3x
func BenchmarkLongHistory(b *testing.B) {
	const rounds = 1200 // of 9 events
	h := newBenchHouse(b, 0)
	defer h.close()
	m, _, err := h.CreateMachine(home, workflows.MachineInput{Name: "loop", RoleARN: labRole, Type: workflows.Standard, Definition: fmt.Sprintf(`{"StartAt":"Add","States":{
		"Add":{"Type":"Pass","Parameters":{"n.$":"States.MathAdd($.n, 1)"},"Next":"Work"},
		"Work":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:noop","ResultPath":null,"Next":"Again"},
		"Again":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericLessThan":%d,"Next":"Add"}],"Default":"Done"},
		"Done":{"Type":"Succeed"}}}`, rounds)})
	h.check(err)
	input := `{"n":0}`
	var first, last, events float64
	for b.Loop() {
		e, err := h.Start(b.Context(), workflows.StartInput{Target: m.ARN, Input: &input})
		h.check(err)
		_, err = h.Wait(b.Context(), e.ARN)
		h.check(err)
		t, err := h.Trace(e.ARN)
		h.check(err)
		n := len(t.Events)
		tenth := n / 10
		first += float64(t.Events[tenth].Instant - t.Events[0].Instant)
		last += float64(t.Events[n-1].Instant - t.Events[n-1-tenth].Instant)
		events = float64(n)
	}
	tenths := float64(b.N) * events / 10
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(events, "events")
	b.ReportMetric(first/tenths, "ns/event(first-tenth)")
	b.ReportMetric(last/tenths, "ns/event(last-tenth)")
	b.ReportMetric(last/first, "last/first")
}
