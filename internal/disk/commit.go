package disk

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"anthill/fault"
)

// groupSize bounds the bytes of one group: Pebble turns batches of half a memtable into tables of their own.
const groupSize = 1 << 20

// request is one commit that waits to be made.
type request struct {
	writes []Write
	spans  [][2][]byte // ranges to delete
	err    error       // readable once done is closed
	done   chan struct{}
}

func (r *request) size() (n int) {
	for _, w := range r.writes {
		n += len(w.Key) + len(w.Value)
	}
	return n
}

// committer makes commits, all that wait at a time as one. It is one goroutine, so that callers never stand in Pebble
// themselves: when the disk fails, Pebble may hold on to whoever is inside, for good.
type committer struct {
	flush bool
	wake  chan struct{} // holds one

	mu struct {
		sync.Mutex
		waiting []*request
	}
}

func newCommitter(flush bool) *committer {
	return &committer{flush: flush, wake: make(chan struct{}, 1)}
}

// commit hands r to c and waits until it is made or the disk has failed. A commit that had begun when the disk failed
// may come to light at the next start: its error says that it was not acknowledged, not that it never was.
func (d *DB) commit(c *committer, r *request) error {
	if err := d.ready(); err != nil {
		return err
	}
	r.done = make(chan struct{})
	c.mu.Lock()
	c.mu.waiting = append(c.mu.waiting, r)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
	select {
	case <-r.done:
		return r.err
	case <-d.dead:
		return d.Err()
	}
}

// take gives the requests that wait, up to groupSize; at least one when there is any.
func (c *committer) take() []*request {
	c.mu.Lock()
	defer c.mu.Unlock()
	size, n := 0, 0
	for n < len(c.mu.waiting) && (n == 0 || size < groupSize) {
		size += c.mu.waiting[n].size()
		n++
	}
	group := c.mu.waiting[:n:n]
	c.mu.waiting = c.mu.waiting[n:]
	if len(c.mu.waiting) == 0 {
		c.mu.waiting = nil
	}
	return group
}

// serve makes c's commits until ctx ends, and those that wait then.
func (d *DB) serve(ctx context.Context, c *committer) {
	for open := true; open; {
		select {
		case <-ctx.Done():
			open = false
		case <-c.wake:
		}
		for group := c.take(); len(group) > 0; group = c.take() {
			d.make(c, group)
		}
	}
}

// make commits a group as one batch.
func (d *DB) make(c *committer, group []*request) {
	began := time.Now()
	err := d.apply(group, c.flush)
	if err == nil && c.flush && d.flushed != nil {
		d.flushed(time.Since(began), len(group))
	}
	size := 0
	for _, r := range group {
		size += r.size()
		r.err = err
		close(r.done)
	}
	if d.space != nil {
		d.space.wrote(size)
	}
	if err == nil && !c.flush && !d.dirty.Swap(true) {
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
}

// apply gives a group to Pebble, which panics when its log cannot be written to and calls a failed flush fatal; both end
// here.
func (d *DB) apply(group []*request, flush bool) (err error) {
	const op = "disk.Commit"
	if err := d.Err(); err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			cause, ok := r.(error)
			if !ok {
				cause = fmt.Errorf("%v", r)
			}
			d.fail(cause)
			err = d.Err()
		}
	}()
	b := d.pebble.NewBatch()
	if err := fill(b, group); err != nil {
		b.Close()
		return fault.In(op, err)
	}
	opts := pebble.NoSync
	if flush {
		opts = pebble.Sync
	}
	if err := d.pebble.Apply(b, opts); err != nil {
		d.fail(err)
	}
	if err := d.Err(); err != nil {
		return err
	}
	return fault.In(op, b.Close())
}

func fill(b *pebble.Batch, group []*request) error {
	for _, r := range group {
		for _, w := range r.writes {
			var err error
			if w.Delete {
				err = b.Delete(w.Key, nil)
			} else {
				err = b.Set(w.Key, w.Value, nil)
			}
			if err != nil {
				return err
			}
		}
		for _, s := range r.spans {
			if err := b.DeleteRange(s[0], s[1], nil); err != nil {
				return err
			}
		}
	}
	if b.Empty() {
		return b.LogData(nil, nil) // a flush of what was written before
	}
	return nil
}
