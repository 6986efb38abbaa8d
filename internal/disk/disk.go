package disk

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"anthill/fault"
)

// Write is one change to the database, made by a durable room and committed by one: a batch may mix both keyspaces.
type Write struct {
	Key    []byte // with its keyspace prefix
	Value  []byte
	Delete bool
}

// Options says how a database behaves. The zero value is a strict database on the machine's filesystem.
type Options struct {
	// FS is the filesystem. nil means the machine's.
	FS FS

	// FlushEvery relaxes durability: Commit returns before the flush, and a flush follows at most this much later.
	// 0 means that Commit waits for its own.
	FlushEvery time.Duration

	// Reserve is how many bytes must stay free on the disk: below it Commit refuses with fault.Full, and takes up again
	// once there is room. 0 means 32 MiB; a negative value never refuses. Filesystems that cannot tell are not asked.
	Reserve int64
}

// Sizes that keep an idle platform small. Pebble makes the first memtable 256 KiB and doubles up to memTableSize.
const (
	memTableSize  = 16 << 20
	blockCache    = 8 << 20
	spaceInterval = 200 * time.Millisecond // how often free space is looked at
	behind        = 100 * time.Millisecond // what CommitBehind wrote is flushed at most this much later
)

// DB is the open database. Any number of goroutines may use it.
type DB struct {
	pebble *pebble.DB
	cache  *pebble.Cache
	space  *space // nil when the disk is not watched
	strict bool

	failed atomic.Pointer[error] // the first failure of a write or flush
	dirty  atomic.Bool           // something was committed since the last flush
	wake   chan struct{}         // has room for one: something became dirty

	stop context.CancelFunc
	wg   sync.WaitGroup // the flusher and the space watcher
}

// Open opens the database in dir, and makes it when there is none. A directory of a newer format or one that is open
// already is refused with a fault of kind Conflict whose Detail says what to do.
func Open(dir string, o Options) (*DB, error) {
	const op = "disk.Open"
	fs := o.FS
	if fs == nil {
		fs = vfs.Default
	}
	if err := MakeDir(fs, dir); err != nil {
		return nil, &fault.Error{Kind: kindOf(err), Op: op, Noun: "data directory", Name: dir, Err: err}
	}
	if err := checkFormat(fs, dir); err != nil {
		return nil, fault.In(op, err)
	}
	d := &DB{strict: o.FlushEvery <= 0, cache: pebble.NewCache(blockCache), wake: make(chan struct{}, 1)}
	p, err := pebble.Open(path.Join(dir, "db"), d.options(fs))
	if err != nil {
		d.cache.Unref()
		return nil, fault.In(op, openFailure(dir, err))
	}
	d.pebble = p
	if err := writeFormat(fs, dir); err != nil {
		p.Close()
		d.cache.Unref()
		return nil, fault.In(op, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	if d.space = watch(fs, dir, o.Reserve); d.space != nil {
		d.wg.Go(func() { d.space.run(ctx, spaceInterval) })
	}
	every := o.FlushEvery
	if d.strict {
		every = behind
	}
	d.wg.Go(func() { d.flushEvery(ctx, every) })
	return d, nil
}

func (d *DB) options(fs FS) *pebble.Options {
	o := &pebble.Options{
		FS:                    fs,
		FormatMajorVersion:    pebble.FormatNewest,
		Cache:                 d.cache,
		MemTableSize:          memTableSize,
		MaxOpenFiles:          256,
		L0CompactionThreshold: 4,
		L0StopWritesThreshold: 32,
		Logger:                logger{d},
	}
	return o
}

// logger takes Pebble's messages. What Pebble calls fatal is the end of acknowledging, not of the process.
type logger struct{ d *DB }

func (logger) Infof(string, ...any)  {}
func (logger) Errorf(string, ...any) {}
func (l logger) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	for _, a := range args {
		if cause, ok := a.(error); ok {
			err = cause
		}
	}
	l.d.fail(err)
}

func (d *DB) fail(err error) { d.failed.CompareAndSwap(nil, &err) }

// Err is the failure that stopped the database, or nil.
func (d *DB) Err() error {
	if e := d.failed.Load(); e != nil {
		return &fault.Error{Kind: kindOf(*e), Op: "disk.Commit", Noun: "disk",
			Detail: "a write failed and nothing is acknowledged until the platform is started again", Err: *e}
	}
	return nil
}

// Commit makes all writes or none, and returns when they are durable. A full disk gives fault.Full and writes nothing.
func (d *DB) Commit(writes ...Write) error { return d.commit(d.strict, writes) }

// CommitBehind makes all writes or none and does not wait for a flush, which follows within a tenth of a second. Until
// then they are in this process only, since Pebble hands its log to the system with the flush: a kill loses them.
func (d *DB) CommitBehind(writes ...Write) error { return d.commit(false, writes) }

func (d *DB) commit(flush bool, writes []Write) (err error) {
	if err := d.ready(); err != nil {
		return err
	}
	b := d.pebble.NewBatch()
	for _, w := range writes {
		if w.Delete {
			err = b.Delete(w.Key, nil)
		} else {
			err = b.Set(w.Key, w.Value, nil)
		}
		if err != nil {
			b.Close()
			return fault.In("disk.Commit", err)
		}
	}
	return d.apply(b, flush)
}

// ready says why nothing may be written now, or nil.
func (d *DB) ready() error {
	if err := d.Err(); err != nil {
		return err
	}
	if d.space != nil && d.space.full.Load() {
		return &fault.Error{Kind: fault.Full, Op: "disk.Commit", Noun: "disk", Detail: "no space left on the device of the data directory"}
	}
	return nil
}

// apply commits b. Pebble panics when its log cannot be written to, and calls a failed flush fatal; both end here.
func (d *DB) apply(b *pebble.Batch, flush bool) (err error) {
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
	if !flush && !d.dirty.Swap(true) {
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
	return b.Close()
}

// Get reads one value, which the caller owns.
func (d *DB) Get(key []byte) (v []byte, ok bool, err error) {
	raw, closer, err := d.pebble.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fault.In("disk.Get", err)
	}
	v = append([]byte{}, raw...)
	return v, true, closer.Close()
}

// Scan ranges over the pairs with lo <= key < hi in key order, or in the opposite order. The slices are valid until the
// next turn. It sees the database as it was when the loop began. An error comes last, with a zero Pair.
func (d *DB) Scan(lo, hi []byte, backward bool) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		c, err := d.Cursor(lo, hi)
		if err != nil {
			yield(Pair{}, err)
			return
		}
		defer c.Close()
		ok, step := c.First(), c.Next
		if backward {
			ok, step = c.Last(), c.Prev
		}
		for ; ok; ok = step() {
			if !yield(c.Pair(), nil) {
				return
			}
		}
		if err := c.Err(); err != nil {
			yield(Pair{}, err)
		}
	}
}

// DeleteRange removes every pair with lo <= key < hi of each span, and flushes.
func (d *DB) DeleteRange(spans ...[2][]byte) error {
	if err := d.ready(); err != nil {
		return err
	}
	b := d.pebble.NewBatch()
	for _, s := range spans {
		if err := b.DeleteRange(s[0], s[1], nil); err != nil {
			b.Close()
			return fault.In("disk.DeleteRange", err)
		}
	}
	return d.apply(b, d.strict)
}

// Backup writes a copy of the database as it is now into dir, which must not exist, while writers go on.
func (d *DB) Backup(dir string) error {
	const op = "disk.Backup"
	if err := MakeDir(vfs.Default, dir); err != nil {
		return fault.In(op, err)
	}
	if err := d.pebble.Checkpoint(path.Join(dir, "db"), pebble.WithFlushedWAL()); err != nil {
		return fault.In(op, err)
	}
	return fault.In(op, writeFormat(vfs.Default, dir))
}

func (d *DB) flushEvery(ctx context.Context, every time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
			d.flush()
		}
	}
}

// flush makes durable what CommitBehind and relaxed Commits wrote.
func (d *DB) flush() {
	if d.failed.Load() != nil || !d.dirty.Swap(false) {
		return
	}
	b := d.pebble.NewBatch()
	if err := b.LogData(nil, nil); err != nil {
		d.fail(err)
		return
	}
	// The failure, if any, is kept and answers every later Commit.
	_ = d.apply(b, true)
}

// Close flushes and closes. Nothing may use d afterwards.
func (d *DB) Close() error {
	d.stop()
	d.wg.Wait()
	defer d.cache.Unref()
	d.flush()
	if err := d.Err(); err != nil {
		// Pebble's commit path may be stuck behind the failed write; the process holds what it holds until it ends.
		return err
	}
	return fault.In("disk.Close", d.pebble.Close())
}
