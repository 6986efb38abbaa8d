package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"anthill/history"
	"anthill/internal/disk"
	"anthill/latency"
)

// measures are all figures, in the order in which a round runs them.
func measures() []measure {
	f := func(key, name, unit, floor, aim string, run func(context.Context, *rig) (Reading, error)) measure {
		return measure{Figure: Figure{Key: key, Name: name, Unit: unit, Floor: floor, Aim: aim}, run: run}
	}
	more := func(m measure) measure { m.Inverse = true; return m }
	once := func(m measure) measure { m.once = true; return m }
	return []measure{
		f("append-1", "durable append, one writer", "µs", "write + fdatasync into a file written before", "≤ 1.7 × floor", appendOne),
		more(f("append-64", "durable appends, 64 writers", "per s", "a group commit of sixty lines", "≥ 0.5 × floor", appendMany)),
		f("hop-standard", "hop, Standard: handler returned → next entered", "ms", "one flush + one socket round trip", "≤ 1.7 × floor, ≤ 0.4 ms", hopStandard),
		f("hop-express", "hop, Express", "ms", "one socket round trip", "≤ 2 × floor", hopExpress),
		f("fan-5", "fan-out, Parallel of 5: entered → last handler entered", "ms", "one flush + 5 socket round trips", "≤ 1 ms", fanOut("fan", "{}", 5, 30)),
		f("fan-map-100", "fan-out, Map of 100", "ms", "one flush + 100 socket round trips", "shown", fanOut("map", items(mapsItems1), mapsItems1, 5)),
		f("fan-map-1000", "fan-out, Map of 1,000", "ms", "one flush + 1,000 socket round trips", "shown", fanOut("map", items(mapsItems2), mapsItems2, 2)),
		f("chain-500-standard", "500 no-op tasks, Standard", "ms", "500 × (flush + socket round trip)", "shown", longStandard),
		f("chain-500-express", "500 no-op tasks, Express", "ms", "500 × socket round trip", "≤ 30 ms", longExpress),
		more(f("executions", "Standard executions of 3 Pass states, started and finished, 128 clients", "per s", "group commit, 128 writers", "≥ 5,000/s", executions)),
		more(f("transitions-pass", "durable transitions, 128 executions in flight, 20 Pass states each", "per s", "group commit, 128 writers", "≥ 50,000/s", transitions("pass20"))),
		more(f("transitions-tasks", "durable transitions, 128 executions in flight, 20 no-op Python tasks each", "per s", "calls per second of the sandbox alone, 4 environments", "≥ 8,000/s", transitions("tasks"))),
		f("warm-http-1", "warm invoke over HTTP, 1 client", "ms", "net/http echo + one socket round trip", "≤ 2 × floor", warmHTTP(1)),
		f("warm-http-64", "warm invoke over HTTP, 64 clients", "ms", "net/http echo + one socket round trip, 64 clients", "≤ 2 × floor", warmHTTP(64)),
		more(f("sandbox-calls", "warm invokes in the process, 4 environments", "per s", "socket round trips of one resident process, back to back", "≥ 50,000/s", sandboxCalls)),
		f("sandbox-warm", "warm invoke in the process, back to back", "µs", "one socket round trip, back to back", "≤ 60 µs", sandboxWarm(0)),
		f("sandbox-warm-spaced", "warm invoke in the process, spaced 1 ms", "µs", "one socket round trip, spaced 1 ms", "≤ 150 µs", sandboxWarm(time.Millisecond)),
		f("sandbox-runtime-api", "warm invoke in the process over the Runtime API (a Go program on provided.al2023), back to back", "µs", "one socket round trip + two requests of net/http", "≤ 350 µs", runtimeAPI),
		f("wait-late", "how late a Wait until an instant goes on", "ms", "a timer of this process for the same instant", "≤ 10 ms", waitLate),
		f("idle-cpu", "idle CPU", "% of a core", "", "< 1 %", idleCPU),
		once(f("memory-environment", "memory of one more warm Python environment", "MB PSS", "", "shown", memoryEnvironment)),
		once(f("memory-execution", "memory of an open execution in Wait", "bytes of heap", "", "≤ 2,048", memoryExecution)),
		f("restart", "restart after kill -9 with 100,000 open executions, until all are answered for", "s", "reading the database's files", "seconds", restartOpen),
		f("cold-python-plain", "cold start, small Python function: plain", "ms", spawned, "shown", coldStarts("python", "plain", 17, 40*time.Millisecond)),
		f("cold-python-template", "cold start, small Python function: fork of a template", "ms", spawned, "shown", coldStarts("python", "template", 17, 40*time.Millisecond)),
		f("cold-python-spare", "cold start, small Python function: a spare", "ms", spawned, "≤ 5 ms", coldStarts("python", "spare", 17, 60*time.Millisecond)),
		f("cold-node", "cold start, small Node.js 22 function, started ahead", "ms", spawned, "≤ 5 ms", coldStarts("node", "spare", 17, 700*time.Millisecond)),
		f("cold-go", "cold start, a Go program on provided.al2023, started ahead", "ms", spawned, "≤ 20 ms", coldStarts("go", "spare", 17, 700*time.Millisecond)),
		f("cold-iris-plain", "cold start, Iris (scikit-learn): plain", "ms", spawned, "≤ 600 ms", coldStarts("iris", "plain", 17, 60*time.Millisecond)),
		f("cold-iris-template", "cold start, Iris: fork of a library template, its init run", "ms", spawned, "≤ 15 ms", coldStarts("iris", "template", 17, 60*time.Millisecond)),
		f("cold-iris-spare", "cold start, Iris: a spare of a library template, its init run", "ms", spawned, "≤ 3 ms", coldStarts("iris", "spare", 17, 60*time.Millisecond)),
		f("cold-iris-snapshot", "cold start, Iris with SnapStart: fork of the snapshot", "ms", spawned, "≤ 10 ms", coldStarts("iris-snapshot", "snapshot", 17, 60*time.Millisecond)),
		f("cold-iris-snapshot-spare", "cold start, Iris with SnapStart: a spare", "ms", spawned, "≤ 3 ms", coldStarts("iris-snapshot", "spare", 17, 60*time.Millisecond)),
		f("cold-iris-burst", "100 cold starts of Iris with SnapStart at once, until all are answered", "s", "100 × spawn of /bin/true", "≤ 0.7 s", coldBurst),
		once(f("cold-iris-memory", "memory of one more warm Iris environment of a snapshot", "MB PSS", "", "≤ 6 MB", coldMemory)),
	}
}

const spawned = "spawn of /bin/true"

const appendFor = time.Second

// appendEvents is one hop's worth: four events of 150 bytes.
func appendEvents() [][]byte {
	e := make([]byte, record/4)
	return [][]byte{e, e, e, e}
}

func openHistory(r *rig, name string) (*history.Log, func() error, error) {
	db, err := disk.Open(filepath.Join(r.dir, name), disk.Options{})
	if err != nil {
		return nil, nil, err
	}
	return history.Open(db), db.Close, nil
}

func appendOne(ctx context.Context, r *rig) (Reading, error) {
	log, closeLog, err := openHistory(r, "append")
	if err != nil {
		return Reading{}, err
	}
	defer closeLog()
	events := appendEvents()
	const block, blocks = 50, 12
	var ours, floor []time.Duration
	for range blocks { // in turn, so that a slow second of the disk meets both
		ds, err := times(block, 0, func() error { return r.flush.flush(1) })
		if err != nil {
			return Reading{}, err
		}
		floor = append(floor, ds...)
		ds, err = times(block, 0, func() error {
			_, err := log.Append(ctx, "execution/one", history.Flushed, events)
			return err
		})
		if err != nil {
			return Reading{}, err
		}
		ours = append(ours, ds...)
	}
	return reading(ours, latency.Of(floor).Median(), time.Microsecond, ""), nil
}

func appendMany(ctx context.Context, r *rig) (Reading, error) {
	const writers = 64
	floor, err := groupCommits(r.flush, writers, appendFor)
	if err != nil {
		return Reading{}, err
	}
	log, closeLog, err := openHistory(r, "append")
	if err != nil {
		return Reading{}, err
	}
	defer closeLog()
	events := appendEvents()
	var failed error
	total, took := together(writers, appendFor, func(i int) func() error {
		s := history.Stream(fmt.Sprint("execution/", i))
		return func() error {
			_, err := log.Append(ctx, s, history.Flushed, events)
			if err != nil {
				failed = err
			}
			return err
		}
	})
	return Reading{Value: float64(total) / took.Seconds(), Floor: floor, N: total}, failed
}

func hopStandard(ctx context.Context, r *rig) (Reading, error) {
	return r.hop(ctx, func() (execution, error) { return r.platform.run(ctx, "hops", "{}") }, true)
}

func hopExpress(ctx context.Context, r *rig) (Reading, error) {
	return r.hop(ctx, func() (execution, error) { return r.platform.runSync(ctx, "hops-express", "{}") }, false)
}

// hop runs the chain often enough for a 99th percentile. The floor's round trips are spaced by what a hop of that kind
// waits for, since a process that slept long wakes more slowly.
func (r *rig) hop(_ context.Context, run func() (execution, error), durable bool) (Reading, error) {
	const warmUp, runs = 2, 30
	var all []time.Duration
	var before cost
	for i := range warmUp + runs {
		if i == warmUp {
			before = r.spent()
		}
		e, err := run()
		if err != nil {
			return Reading{}, err
		}
		ds, err := gaps(e.Output)
		if err != nil {
			return Reading{}, err
		}
		if i >= warmUp {
			all = append(all, ds...)
		}
	}
	cpu := r.since(before, runs*hops, "task")
	pause := time.Duration(0)
	if durable {
		pause = 500 * time.Microsecond
	}
	floor, err := r.tripFloor(300, pause)
	if err != nil {
		return Reading{}, err
	}
	note := "handlers read their own clocks; one resident process, blocking calls; " + cpu
	if durable {
		f, err := r.flushFloor(200)
		if err != nil {
			return Reading{}, err
		}
		note = fmt.Sprintf("flush %.2f ms, round trip %.3f ms; %s", latency.Millis(f), latency.Millis(floor), cpu)
		floor += f
	}
	return reading(all, floor, time.Millisecond, note), nil
}

// fanOut measures from the platform's instant of the state's entry to the last handler's own instant of its entry. One
// machine's clock serves both.
func fanOut(machine, input string, n, runs int) func(context.Context, *rig) (Reading, error) {
	return func(ctx context.Context, r *rig) (Reading, error) {
		const warmUp = 2
		var all []time.Duration
		var before cost
		for i := range warmUp + runs {
			if i == warmUp {
				before = r.spent()
			}
			e, err := r.platform.run(ctx, machine, input)
			if err != nil {
				return Reading{}, err
			}
			last, err := lastEntered(e.Output)
			if err != nil {
				return Reading{}, err
			}
			events, err := r.platform.instants(ctx, e.ExecutionArn)
			if err != nil {
				return Reading{}, err
			}
			if i >= warmUp {
				all = append(all, time.Duration(last-entered(events)))
			}
		}
		note := r.since(before, runs*n, "task")
		flush, err := r.flushFloor(100)
		if err != nil {
			return Reading{}, err
		}
		ds, err := times(20, time.Millisecond, func() error {
			for range n {
				if err := r.echo.roundTrip(); err != nil {
					return err
				}
			}
			return nil
		})
		floor := flush + latency.Of(ds).Median()
		if machine == "map" {
			note += "; an inline Map runs at most 40 iterations at once, as on AWS"
		}
		return reading(all, floor, time.Millisecond, note), err
	}
}

func longStandard(ctx context.Context, r *rig) (Reading, error) {
	var all []time.Duration
	var before cost
	for i := range 4 {
		if i == 1 {
			before = r.spent()
		}
		e, err := r.platform.run(ctx, "long", "{}")
		if err != nil {
			return Reading{}, err
		}
		events, err := r.platform.instants(ctx, e.ExecutionArn)
		if err != nil {
			return Reading{}, err
		}
		if i > 0 && len(events) > 0 {
			all = append(all, time.Duration(events[len(events)-1].Instant-events[0].Instant))
		}
	}
	note := "first to last event; " + r.since(before, 3*longChain, "task")
	flush, err := r.flushFloor(200)
	if err != nil {
		return Reading{}, err
	}
	trip, err := r.tripFloor(300, 500*time.Microsecond)
	return Reading{Value: latency.Millis(latency.Of(all).Median()), Floor: longChain * latency.Millis(flush+trip), N: len(all), Note: note}, err
}

func longExpress(ctx context.Context, r *rig) (Reading, error) {
	before := r.spent()
	ds, err := times(6, 0, func() error {
		_, err := r.platform.runSync(ctx, "long-express", "{}")
		return err
	})
	if err != nil {
		return Reading{}, err
	}
	note := "StartSyncExecution to its answer, at the client; " + r.since(before, len(ds)*longChain, "task")
	trip, err := r.tripFloor(2000, 0)
	return Reading{Value: latency.Millis(latency.Of(ds[1:]).Median()), Floor: longChain * latency.Millis(trip), N: len(ds) - 1, Note: note}, err
}
