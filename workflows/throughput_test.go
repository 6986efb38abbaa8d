package workflows_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"anthill/history"
	"anthill/internal/disk"
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
			rate := many(b.N, func(i int) {
				if _, err := h.Start(b.Context(), workflows.StartInput{Target: m.ARN, Name: fmt.Sprint("e", i), Input: &input}); err != nil {
					b.Error(err)
				}
			})
			b.StopTimer()
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
