package bench

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"anthill/latency"
)

const rateFor = 3 * time.Second

func executions(ctx context.Context, r *rig) (Reading, error) {
	floor, err := groupCommits(r.flush, clients, appendFor)
	if err != nil {
		return Reading{}, err
	}
	before := r.spent()
	n, rate, err := r.executionsPerSecond(ctx, "pass3", clients, rateFor)
	return Reading{Value: rate, Floor: floor, N: n, Note: r.since(before, n, "execution")}, err
}

// executionsPerSecond starts executions from n clients for d, waits until all have ended, and counts all of that time.
func (r *rig) executionsPerSecond(ctx context.Context, machine string, n int, d time.Duration) (count int, rate float64, err error) {
	var first atomic.Pointer[error]
	begin := time.Now()
	count, _ = together(n, d, func(int) func() error {
		return func() error {
			err := r.platform.states(ctx, "StartExecution", object{"stateMachineArn": machineARN + machine, "input": "{}"}, nil)
			if err != nil {
				first.CompareAndSwap(nil, &err)
			}
			return err
		}
	})
	if e := first.Load(); e != nil {
		return 0, 0, *e
	}
	if err := r.quiet(ctx, machine); err != nil {
		return 0, 0, err
	}
	return count, float64(count) / time.Since(begin).Seconds(), nil
}

// quiet waits until no execution of a machine runs.
func (r *rig) quiet(ctx context.Context, machine string) error {
	for {
		var l struct{ Executions []struct{} }
		in := object{"stateMachineArn": machineARN + machine, "statusFilter": "RUNNING", "maxResults": 1}
		if err := r.platform.states(ctx, "ListExecutions", in, &l); err != nil || len(l.Executions) == 0 {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// transitions keeps 128 executions in flight: a client starts its next one when its last has ended.
func transitions(machine string) func(context.Context, *rig) (Reading, error) {
	return func(ctx context.Context, r *rig) (Reading, error) {
		var floor float64
		var err error
		if machine == "tasks" {
			floor, err = r.sandboxRate(ctx)
		} else {
			floor, err = groupCommits(r.flush, clients, appendFor)
		}
		if err != nil {
			return Reading{}, err
		}
		if machine == "tasks" { // environments for all that will be in flight
			if _, _, err := r.inFlight(ctx, machine, 2*time.Second); err != nil {
				return Reading{}, err
			}
		}
		before := r.spent()
		n, took, err := r.inFlight(ctx, machine, rateFor)
		note := fmt.Sprintf("%d executions; %s", n, r.since(before, n*passChain, "transition"))
		return Reading{Value: float64(n*passChain) / took.Seconds(), Floor: floor, N: n, Note: note}, err
	}
}

func (r *rig) inFlight(ctx context.Context, machine string, d time.Duration) (n int, took time.Duration, err error) {
	var mu sync.Mutex
	n, took = together(clients, d, func(int) func() error {
		return func() error {
			_, e := r.platform.finish(ctx, machine, "{}")
			if e != nil {
				mu.Lock()
				err = e
				mu.Unlock()
			}
			return e
		}
	})
	return n, took, err
}

// warmHTTP invokes a function over the Lambda API from n clients, beside an echo server that n clients call.
func warmHTTP(n int) func(context.Context, *rig) (Reading, error) {
	return func(ctx context.Context, r *rig) (Reading, error) {
		echo := newClient(strings.TrimSuffix(r.httpEcho.URL, "/"))
		var ours, floor []time.Duration
		platform, bare := &meter{pids: []int{r.platform.cmd.Process.Pid}}, &meter{pids: []int{r.httpEcho.PID}}
		var envs *meter
		blocks := 6
		for i := range blocks + 1 {
			bare.start()
			f, err := concurrently(n, 300*time.Millisecond, func() error {
				_, err := echo.post(ctx, "POST", "/", "lambda", "", []byte(event))
				return err
			})
			if err != nil {
				return Reading{}, err
			}
			bare.stop()
			if envs != nil {
				envs.start()
			}
			platform.start()
			o, err := concurrently(n, 300*time.Millisecond, func() error {
				_, err := r.platform.invoke(ctx, "noop", []byte(event))
				return err
			})
			if err != nil {
				return Reading{}, err
			}
			platform.stop()
			if i == 0 { // it makes connections and environments
				platform.used, bare.used = 0, 0
				if envs, err = r.platform.environmentMeter(ctx, "noop"); err != nil {
					return Reading{}, err
				}
				continue
			}
			envs.stop()
			floor, ours = append(floor, f...), append(ours, o...)
		}
		trip, err := r.tripFloor(1000, 0)
		if err != nil {
			return Reading{}, err
		}
		base := latency.Of(floor).Median() + trip
		note := fmt.Sprintf("%.0f calls/s; the echo %.0f/s; processor time per call: platform %.0f µs, environments %.0f µs, the echo's server %.0f µs",
			float64(len(ours))/(0.3*float64(blocks)), float64(len(floor))/(0.3*float64(blocks)), platform.each(len(ours)), envs.each(len(ours)), bare.each(len(floor)))
		return reading(ours, base, time.Millisecond, note), nil
	}
}

// concurrently runs f from n goroutines for d and gives every duration.
func concurrently(n int, d time.Duration, f func() error) ([]time.Duration, error) {
	each := make([][]time.Duration, n)
	var failed atomic.Pointer[error]
	together(n, d, func(i int) func() error {
		return func() error {
			begin := time.Now()
			if err := f(); err != nil {
				failed.CompareAndSwap(nil, &err)
				return err
			}
			each[i] = append(each[i], time.Since(begin))
			return nil
		}
	})
	var all []time.Duration
	for _, ds := range each {
		all = append(all, ds...)
	}
	if e := failed.Load(); e != nil {
		return nil, *e
	}
	return all, nil
}
