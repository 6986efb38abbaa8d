package sim_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"anthill/internal/disk"
)

// flushDisk is a memory disk that can be slow or full, and that loses its power at a flush. Like the journals of ext4, XFS
// and btrfs, and unlike the bare memory disk, it makes a new file's name durable with the file's first flush.
type flushDisk struct {
	vfs.FS
	mem *disk.Memory

	mu struct {
		sync.Mutex
		flushes int           // since the power came
		at      int           // the flush at which power fails; 0 for none
		after   bool          // it fails once that flush is done
		fail    func()        // tells that power has failed now
		slow    time.Duration // how long a flush of the log takes, once awake
		awake   chan struct{} // closed before the database is closed, nil until it is open; see flush
		full    bool
		trouble *trouble // that there is now, nil for none
	}
}

func newFlushDisk(mem *disk.Memory) *flushDisk { return &flushDisk{FS: mem, mem: mem} }

// Unwrap is the memory beneath.
func (d *flushDisk) Unwrap() vfs.FS { return d.mem }

// failAt lets the power fail at the n-th flush from now, before it or after it; 0 is never.
func (d *flushDisk) failAt(n int, after bool, fail func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.at, d.mu.after, d.mu.fail = 0, after, fail
	if n > 0 {
		d.mu.at = d.mu.flushes + n
	}
}

func (d *flushDisk) set(slow time.Duration, full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.slow, d.mu.full = slow, full
}

// trouble begins, or ends with nil.
func (d *flushDisk) trouble(t *trouble) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.trouble = t
}

// troubled reports whether something may fail.
func (d *flushDisk) troubled() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.trouble != nil
}

// wake says whether the database is open.
func (d *flushDisk) wake(open bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.awake != nil {
		close(d.mu.awake)
		d.mu.awake = nil
	}
	if open {
		d.mu.awake = make(chan struct{})
	}
}

// youth is how much a log holds at most while its flushes may be slow. Pebble begins another when 256 KiB of data are in
// memory.
const youth = 64 << 10

// flush does one flush, of a young log or of something else. Time passes meanwhile only where Pebble holds no lock that others wait for, since a wait for a lock stops simulated time: not while
// it opens or closes, and not when it may be about to begin another log.
func (d *flushDisk) flush(young bool, do func() error) error {
	d.mu.Lock()
	d.mu.flushes++
	mine := d.mu.flushes == d.mu.at
	after, fail, slow := d.mu.after, d.mu.fail, d.mu.slow
	if d.mu.trouble != nil {
		slow += d.mu.trouble.slow
	}
	if mine {
		slow = max(slow, time.Microsecond) // whoever does not wait for this flush goes on
	}
	awake := d.mu.awake
	d.mu.Unlock()
	if slow > 0 && awake != nil && young {
		select {
		case <-time.After(slow):
		case <-awake:
		}
	}
	if mine && !after {
		fail()
	}
	err := do()
	if mine && after {
		fail()
	}
	return err
}

// GetDiskUsage says that there is plenty, or nothing.
func (d *flushDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.full || d.mu.trouble != nil && d.mu.trouble.full {
		return vfs.DiskUsage{TotalBytes: 1 << 40}, nil
	}
	return vfs.DiskUsage{AvailBytes: 1 << 39, TotalBytes: 1 << 40}, nil
}

func (d *flushDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, c)
	return d.wrap(f, err, name, d.PathDir(name))
}

func (d *flushDisk) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := d.FS.OpenReadWrite(name, c, opts...)
	return d.wrap(f, err, name, "")
}

func (d *flushDisk) OpenDir(name string) (vfs.File, error) {
	f, err := d.FS.OpenDir(name)
	return d.wrap(f, err, name, "")
}

func (d *flushDisk) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.ReuseForWrite(old, name, c)
	return d.wrap(f, err, name, d.PathDir(name))
}

func (d *flushDisk) wrap(f vfs.File, err error, name, within string) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &flushFile{File: f, d: d, within: within, log: strings.HasSuffix(name, ".log")}, nil
}

type flushFile struct {
	vfs.File
	d       *flushDisk
	log     bool
	written atomic.Int64 // bytes
	mu      sync.Mutex
	within  string // the directory of a file whose name is not durable yet
}

func (f *flushFile) Write(p []byte) (int, error) {
	f.written.Add(int64(len(p)))
	return f.File.Write(p)
}

func (f *flushFile) Sync() error     { return f.flush(f.File.Sync) }
func (f *flushFile) SyncData() error { return f.flush(f.File.SyncData) }
func (f *flushFile) SyncTo(length int64) (full bool, err error) {
	err = f.flush(func() (err error) { full, err = f.File.SyncTo(length); return err })
	return full, err
}

func (f *flushFile) flush(do func() error) error {
	return f.d.flush(f.log && f.written.Load() < youth, func() error {
		f.mu.Lock()
		within := f.within
		f.within = ""
		f.mu.Unlock()
		if within != "" {
			if err := disk.SyncDir(f.d.mem, within); err != nil {
				return err
			}
		}
		return do()
	})
}
