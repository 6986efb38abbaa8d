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

	// Flushed hears of every flush that commits waited for: how long it took and how many shared it. It must be quick.
	// nil means nobody listens.
	Flushed func(took time.Duration, commits int)

	// Damaged hears of a table that cannot be read where somebody wanted to read it, who gets an error; everything else
	// goes on. It must be quick. nil means nobody listens.
	Damaged func(table string, err error)
}

// Sizes that keep an idle platform small. Pebble makes the first memtable 256 KiB and doubles up to memTableSize.
const (
	memTableSize  = 16 << 20
	blockCache    = 8 << 20
	spaceInterval = 200 * time.Millisecond // how often free space is looked at
	behind        = 100 * time.Millisecond // what CommitBehind wrote is flushed at most this much later
	endWithin     = 10 * time.Second       // what Close waits for who is still in the database
)

// DB is the open database. Any number of goroutines may use it.
type DB struct {
	pebble *pebble.DB
	cache  *pebble.Cache
	space  *space // nil when the disk is not watched

	fence *fence
	logs  *logList // nil in memory
	users users

	flushed func(took time.Duration, commits int) // Options.Flushed
	damaged func(table string, err error)         // Options.Damaged
	strict  *committer                            // makes commits durable before it answers, unless durability is relaxed
	lazy    *committer                            // does not

	failed atomic.Pointer[error] // the first failure of a write or flush
	dead   chan struct{}         // closed with the first failure
	dirty  atomic.Bool           // something was committed since the last flush
	wake   chan struct{}         // has room for one: something became dirty

	stop context.CancelFunc
	wg   sync.WaitGroup // the flusher, the committers and the space watcher

	closing sync.Once
	closed  error // what Close says
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
		return nil, fault.In(op, writeFailure(dir, err))
	}
	if err := checkFormat(fs, dir); err != nil {
		return nil, fault.In(op, err)
	}
	d := &DB{cache: pebble.NewCache(blockCache), wake: make(chan struct{}, 1), dead: make(chan struct{}), flushed: o.Flushed, damaged: o.Damaged}
	d.fence = newFence(fs, dir, d.fail)
	d.lazy = newCommitter(false)
	d.strict = d.lazy
	every := o.FlushEvery
	if every <= 0 {
		d.strict, every = newCommitter(true), behind
	}
	p, err := d.openPebble(dir)
	if err != nil {
		d.cache.Unref()
		d.fence.close()
		if d.failed.Load() != nil {
			err = writeFailure(dir, *d.failed.Load())
		}
		return nil, fault.In(op, openFailure(dir, err))
	}
	d.pebble = p
	if err := writeFormat(fs, dir); err != nil {
		d.leave(p, d.logs)
		d.cache.Unref()
		return nil, fault.In(op, writeFailure(dir, err))
	}
	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	if d.space = watch(fs, dir, o.Reserve); d.space != nil {
		d.wg.Go(func() { d.space.run(ctx, spaceInterval) })
	}
	d.wg.Go(func() { d.flushEvery(ctx, every) })
	d.wg.Go(func() { d.serve(ctx, d.lazy) })
	if d.strict != d.lazy {
		d.wg.Go(func() { d.serve(ctx, d.strict) })
	}
	return d, nil
}

// openPebble opens the database itself and begins the list of its logs.
func (d *DB) openPebble(dir string) (*pebble.DB, error) {
	fs, list := withLogs(d.fence)
	if err := list.refuse(); err != nil {
		return nil, err
	}
	p, err := pebble.Open(path.Join(dir, "db"), d.options(fs))
	if err != nil {
		return nil, errors.Join(err, list.close())
	}
	err = list.begin()
	if e := d.failed.Load(); e != nil { // Pebble did not hear of it
		err = *e
	}
	if err != nil {
		return nil, errors.Join(err, d.leave(p, list))
	}
	d.fence.opened.Store(true)
	d.logs = list
	return p, nil
}

// leave closes p, whose opening failed. The fence is closed first: Pebble may be writing tables, and waits for that.
func (d *DB) leave(p *pebble.DB, list *logList) error {
	err := errors.Join(d.fence.close(), p.Close(), list.close())
	d.fence.release()
	return err
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
	o.EventListener = &pebble.EventListener{BackgroundError: d.background, DataCorruption: d.corrupted}
	return o
}

// background hears of flushes of memtables and of compactions that failed. Pebble tries them again at once, and stalls
// commits meanwhile. A table that cannot be read stops nobody who does not read it.
func (d *DB) background(err error) {
	if pebble.IsCorruptionError(err) {
		return
	}
	d.fail(err)
}

// corrupted hears of a table that cannot be read. Without it Pebble calls that fatal.
func (d *DB) corrupted(i pebble.DataCorruptionInfo) {
	if d.damaged != nil {
		d.damaged(i.Path, i.Details)
	}
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

func (d *DB) fail(err error) {
	if d.failed.CompareAndSwap(nil, &err) {
		d.fence.freeze()
		close(d.dead)
	}
}

// Failed is closed when the database has failed for good: Err says why, and only opening the directory anew helps.
func (d *DB) Failed() <-chan struct{} { return d.dead }

// Err is the failure that stopped the database, or nil.
func (d *DB) Err() error {
	if e := d.failed.Load(); e != nil {
		return &fault.Error{Kind: kindOf(*e), Op: "disk.Commit", Noun: "disk",
			Detail: "a write failed; nothing is acknowledged until the data directory is opened anew", Err: *e}
	}
	return nil
}

// Commit makes all writes or none, and returns when they are durable. A full disk gives fault.Full and writes nothing.
// Commits that wait at the same time share a flush.
func (d *DB) Commit(writes ...Write) error { return d.commit(d.strict, &request{writes: writes}) }

// CommitBehind makes all writes or none and does not wait for a flush, which follows within a tenth of a second. Until
// then they are in this process only, since Pebble hands its log to the system with the flush: a kill loses them.
func (d *DB) CommitBehind(writes ...Write) error { return d.commit(d.lazy, &request{writes: writes}) }

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

// Get reads one value, which the caller owns.
func (d *DB) Get(key []byte) (v []byte, ok bool, err error) {
	if err := d.enter(); err != nil {
		return nil, false, fault.In("disk.Get", err)
	}
	defer d.users.leave()
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
func (d *DB) DeleteRange(spans ...[2][]byte) error { return d.commit(d.strict, &request{spans: spans}) }

// Backup writes a copy of the database as it is now into dir, which must not hold one, while writers go on.
func (d *DB) Backup(dir string) error {
	const op = "disk.Backup"
	fs := FS(vfs.Default)
	if err := MakeDir(fs, dir); err != nil {
		return &fault.Error{Kind: kindOf(err), Op: op, Noun: "directory", Name: dir, Err: err}
	}
	if err := d.ready(); err != nil {
		return fault.In(op, err)
	}
	if err := d.enter(); err != nil {
		return fault.In(op, err)
	}
	defer d.users.leave()
	if err := d.pebble.Checkpoint(path.Join(dir, "db"), pebble.WithFlushedWAL()); err != nil {
		return &fault.Error{Kind: kindOf(err), Op: op, Noun: "directory", Name: dir, Err: err}
	}
	list := &logList{fs: fs, dir: dir}
	return fault.In(op, errors.Join(list.begin(), list.close(), writeFormat(fs, dir)))
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
	// The failure, if any, is kept and answers every later Commit.
	_ = d.apply(nil, true)
}

// Close flushes and closes. Nothing may use d afterwards: who reads is waited for, and who begins to is refused. Closing
// again does nothing and says the same.
func (d *DB) Close() error {
	d.closing.Do(func() { d.closed = d.close() })
	return d.closed
}

func (d *DB) close() error {
	d.stop()
	if err := d.Err(); err != nil {
		// Whoever is inside Pebble comes out of it once the fence lets it end.
		return errors.Join(err, d.fence.close(), d.end())
	}
	d.wg.Wait()
	d.flush()
	err := errors.Join(d.Err(), d.end())
	return fault.In("disk.Close", errors.Join(err, d.fence.close()))
}

// end closes Pebble, which nobody is in any more. Somebody who stays in it, because the disk does not even fail, is left
// behind with it, shut out from the directory.
func (d *DB) end() error {
	ended := make(chan error, 1)
	go func() {
		d.wg.Wait()
		<-d.users.close()
		err := errors.Join(d.pebble.Close(), d.logs.close())
		d.fence.release()
		d.cache.Unref()
		ended <- err
	}()
	t := time.NewTimer(endWithin)
	defer t.Stop()
	select {
	case err := <-ended:
		return err
	case <-t.C:
		return &fault.Error{Kind: fault.Internal, Op: "disk.Close", Noun: "database", Detail: fmt.Sprintf("somebody is still in the database %v after it was to be closed", endWithin)}
	}
}
