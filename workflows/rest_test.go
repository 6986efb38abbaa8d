package workflows_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"anthill/fault"
	"anthill/workflows"
)

// Executions that only wait are put down, and taken up by their deadline, by an answer, by a worker and by a stop.
func TestRestingExecutionsAreTakenUp(t *testing.T) {
	for _, restart := range []string{"", "kill", "power cut"} {
		t.Run(restart, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, nil)
				defer func() { h.close() }()
				a, err := h.CreateActivity(home, "work", nil, nil)
				h.check(err)
				activity := h.machine("activity", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"`+a.ARN+`","TimeoutSeconds":9000,"End":true}}}`)
				wait := h.start(h.machine("wait", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"Next":"P"},"P":{"Type":"Pass","End":true}}}`), "w", `1`)
				both := h.start(h.machine("both", `{"StartAt":"B","States":{"B":{"Type":"Parallel","End":true,"Branches":[
					{"StartAt":"W1","States":{"W1":{"Type":"Wait","Seconds":1000,"End":true}}},
					{"StartAt":"W2","States":{"W2":{"Type":"Wait","Seconds":2000,"End":true}}}]}}}`), "b", `1`)
				parent := h.start(h.machine("parent", `{"StartAt":"N","States":{"N":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync:2",
					"Parameters":{"StateMachineArn":"`+activity.ARN+`","Input":{"of":"parent"}},"ResultSelector":{"out.$":"$.Output"},"End":true}}}`), "p", `1`)
				stopped := h.start(activity, "stopped", `"stopped"`)
				fetched := h.start(activity, "fetched", `"fetched"`)
				began := time.Now()

				time.Sleep(time.Minute)
				if n := h.Driven(); n != 1 {
					t.Errorf("%d executions are in memory; only the parent of a running one should be", n)
				}
				if restart != "" {
					h.kill(restart == "power cut")
				}
				if _, err := h.Stop(t.Context(), stopped.ARN, "", ""); err != nil {
					t.Error(err)
				}
				h.wantEnd(stopped.ARN, "ABORTED", "")

				inputs := map[string]bool{}
				for range 2 { // of three tasks one was stopped
					task, err := h.Fetch(t.Context(), a.ARN, "worker")
					h.check(err)
					inputs[task.Input] = true
					time.Sleep(time.Minute) // it rests with its worker
					h.check(h.SendHeartbeat(t.Context(), task.Token))
					time.Sleep(time.Minute)
					h.check(h.SendSuccess(t.Context(), task.Token, task.Input))
					if err := h.SendSuccess(t.Context(), task.Token, `1`); !fault.Is(err, fault.Timeout) {
						t.Errorf("a second answer gave %v", err)
					}
				}
				if !inputs[`"fetched"`] || !inputs[`{"of":"parent"}`] {
					t.Errorf("fetched %v", inputs)
				}
				h.wantEnd(fetched.ARN, "SUCCEEDED", `"fetched"`)
				time.Sleep(time.Second)
				h.wantEnd(parent.ARN, "SUCCEEDED", `{"out":{"of":"parent"}}`)
				time.Sleep(2 * time.Hour)
				for e, took := range map[*workflows.Execution]time.Duration{wait: time.Hour, both: 2000 * time.Second} {
					r, err := h.Describe(e.ARN)
					h.check(err)
					if got := r.Stopped.Sub(began).Round(10 * time.Millisecond); r.Status != workflows.Succeeded || got != took {
						t.Errorf("%s: %s after %s, want %s", e.Name, r.Status, got, took)
					}
				}
				if n := h.Driven(); n != 0 {
					t.Errorf("%d executions are in memory at the end", n)
				}
			})
		})
	}
}

// Two workers never get the same task, whether its execution rests or not.
func TestAnActivityTaskIsFetchedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer func() { h.close() }()
		a, err := h.CreateActivity(home, "work", nil, nil)
		h.check(err)
		m := h.machine("activity", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"`+a.ARN+`","End":true}}}`)
		for i := range 20 {
			h.start(m, fmt.Sprint("e", i), fmt.Sprint(i))
			if i == 9 {
				time.Sleep(time.Minute)
			}
		}
		var mu sync.Mutex
		var got []string
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for {
					task, err := h.Fetch(t.Context(), a.ARN, "w")
					if err != nil || task == nil {
						return
					}
					mu.Lock()
					got = append(got, task.Input)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		slices.Sort(got)
		if len(got) != 20 || len(slices.Compact(got)) != 20 {
			t.Errorf("fetched %v", got)
		}
	})
}

// BenchmarkOpenExecutions prints what one execution that waits costs in memory, and what a restart with all of them takes.
//
//	go test ./workflows -run '^$' -bench OpenExecutions -benchtime 100000x
func BenchmarkOpenExecutions(b *testing.B) {
	h := newBenchHouse(b, time.Millisecond)
	defer h.close()
	m := h.machine("wait", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":100000,"End":true}}}`)
	before := heapInUse()
	began := time.Now()
	var wg sync.WaitGroup
	next := make(chan int)
	for range 64 {
		wg.Go(func() {
			for i := range next {
				h.start(m, fmt.Sprint("e", i), `{"n":1}`)
			}
		})
	}
	for i := range b.N {
		next <- i
	}
	close(next)
	wg.Wait()
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "starts/s")
	for h.Driven() > 0 {
		time.Sleep(10 * time.Millisecond)
	}
	b.ReportMetric(float64(heapInUse()-before)/float64(b.N), "B/open")
	began = time.Now()
	h.Service.Close()
	h.openService()
	b.ReportMetric(time.Since(began).Seconds(), "s/restart")
	b.ReportMetric(0, "ns/op")
}

func heapInUse() int64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
