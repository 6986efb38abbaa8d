package bench

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"anthill/fault"
)

// crowd is a platform of its own with many open executions that do nothing but wait.
type crowd struct {
	*platform
	data, pprof string
	open        int
}

// some executions are opened before others are counted: they fill the caches of the database.
const some = 20_000

// openCrowd gives the rig's crowd, of at least n.
func (r *rig) openCrowd(ctx context.Context, n int) (*crowd, error) {
	if r.crowd == nil {
		c := &crowd{data: filepath.Join(r.dir, "crowd")}
		if err := c.start(ctx, r.Program); err != nil {
			return nil, err
		}
		r.crowd = c
		if err := c.createMachine(ctx, "wait", "STANDARD", object{"StartAt": "Wait", "States": object{"Wait": object{"Type": "Wait", "Seconds": 86400, "End": true}}}); err != nil {
			return nil, err
		}
	}
	err := r.crowd.more(ctx, n-r.crowd.open)
	return r.crowd, err
}

func (c *crowd) start(ctx context.Context, program string) error {
	ports, err := freePorts(1)
	if err != nil {
		return err
	}
	c.pprof = fmt.Sprintf("127.0.0.1:%d", ports[0])
	c.platform, err = startPlatform(ctx, program, c.data, "--pprof", c.pprof)
	return err
}

// more starts n executions that wait.
func (c *crowd) more(ctx context.Context, n int) error {
	work := make(chan struct{}, max(n, 0))
	for range n {
		work <- struct{}{}
	}
	close(work)
	errs := make(chan error, clients)
	for range clients {
		go func() {
			for range work {
				if err := c.states(ctx, "StartExecution", object{"stateMachineArn": machineARN + "wait", "input": `{"some":"input"}`}, nil); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	var failed error
	for range clients {
		if err := <-errs; err != nil {
			failed = err
		}
	}
	if failed == nil {
		c.open += max(n, 0)
	}
	return failed
}

// settled waits until everyone is open and at rest, not in memory.
func (c *crowd) settled(ctx context.Context) error {
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		open, err := c.figure(ctx, "anthill_open_executions")
		if err != nil {
			return err
		}
		rest, err := c.figure(ctx, "anthill_resting_executions")
		if err != nil || int(open) == c.open && int(rest) == c.open {
			return err
		}
		if time.Now().After(deadline) {
			return fault.Invalidf("bench.settled", "execution", "of %d executions %.0f are open and %.0f at rest", c.open, open, rest)
		}
	}
}

// figure reads one of the platform's metrics.
func (c *crowd) figure(ctx context.Context, name string) (float64, error) {
	res, err := c.http.Get(c.endpoint + "/metrics") // unsigned: what is signed asks for the bucket of that name
	if err != nil {
		return 0, fault.In("bench.figure", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, fault.In("bench.figure", err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(v), 64)
		}
	}
	return 0, fault.Invalidf("bench.figure", "metric", "there is no %s", name)
}

// heap is what the platform has in use after a collection, with its stacks, in bytes.
func (c *crowd) heap(ctx context.Context) (float64, error) {
	least := 0.0
	for range 3 { // something is always under way
		if _, err := newClient("http://"+c.pprof).post(ctx, "GET", "/debug/pprof/heap?gc=1", "", "", nil); err != nil {
			return 0, err
		}
		heap, err := c.figure(ctx, "go_memstats_heap_alloc_bytes")
		if err != nil {
			return 0, err
		}
		stacks, err := c.figure(ctx, "go_memstats_stack_inuse_bytes")
		if err != nil {
			return 0, err
		}
		if least == 0 || heap+stacks < least {
			least = heap + stacks
		}
	}
	return least, nil
}

// memoryExecution opens executions in a Wait of a day and divides what the platform's heap grew by. The heap is read after a
// collection: what the process has of the system is as large as the garbage was at its largest, and says little.
func memoryExecution(ctx context.Context, r *rig) (Reading, error) {
	type state struct{ heap, resident float64 }
	look := func(n int) (c *crowd, s state, err error) {
		if c, err = r.openCrowd(ctx, n); err == nil {
			err = c.settled(ctx)
		}
		if err == nil {
			s.heap, err = c.heap(ctx)
		}
		if err == nil {
			s.resident, err = fromProc(c.cmd.Process.Pid, "status", "RssAnon:")
		}
		return c, s, err
	}
	_, before, err := look(some)
	if err != nil {
		return Reading{}, err
	}
	began := time.Now()
	_, after, err := look(some + r.Open)
	if err != nil {
		return Reading{}, err
	}
	return Reading{Value: (after.heap - before.heap) / float64(r.Open), N: r.Open,
		Note: fmt.Sprintf("heap in use after a collection: %.1f MB with %d open, %.1f MB with %d; anonymous resident memory, garbage included, %.0f and %.0f MB; opened in %.1f s",
			before.heap/1e6, some, after.heap/1e6, some+r.Open, before.resident/1024, after.resident/1024, time.Since(began).Seconds())}, nil
}

// restartOpen kills the platform with kill -9 while all those executions are open, starts it again, and waits until it answers
// for everyone of them. The floor is reading the bytes of its database once.
func restartOpen(ctx context.Context, r *rig) (Reading, error) {
	c, err := r.openCrowd(ctx, some+r.Open)
	if err == nil {
		err = c.settled(ctx)
	}
	if err != nil {
		return Reading{}, err
	}
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
	floor, size, err := readAll(filepath.Join(c.data, "db"))
	if err != nil {
		return Reading{}, err
	}
	began := time.Now()
	if err := c.start(ctx, r.Program); err != nil {
		return Reading{}, err
	}
	ready := time.Since(began)
	if err := c.settled(ctx); err != nil {
		return Reading{}, err
	}
	took := time.Since(began)
	heap, err := c.heap(ctx)
	return Reading{Value: took.Seconds(), Floor: floor.Seconds(), N: 1,
		Note: fmt.Sprintf("%d executions, %.0f MB of database; it takes requests after %.2f s; heap in use then %.1f MB", c.open, float64(size)/1e6, ready.Seconds(), heap/1e6)}, err
}

// readAll reads every file under dir.
func readAll(dir string) (took time.Duration, size int64, err error) {
	began := time.Now()
	err = filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		size += int64(len(b))
		return err
	})
	return time.Since(began), size, err
}
