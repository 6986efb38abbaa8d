package disk

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"anthill/fault"
)

// defaultReserve leaves Pebble room to write out its memtables, which it cannot do without.
const defaultReserve = 32 << 20

// space knows whether the disk is about full. Pebble cannot go on after its log met a full disk, so we stop before.
type space struct {
	fs      FS
	dir     string
	reserve uint64
	full    atomic.Bool
	written atomic.Int64 // since look was last called for it
}

// watch gives nil when there is nothing to watch.
func watch(fs FS, dir string, reserve int64) *space {
	if reserve < 0 {
		return nil
	}
	if reserve == 0 {
		reserve = defaultReserve
	}
	if _, err := fs.GetDiskUsage(dir); err != nil {
		return nil
	}
	s := &space{fs: fs, dir: dir, reserve: uint64(reserve)}
	s.look()
	return s
}

func (s *space) look() {
	if u, err := s.fs.GetDiskUsage(s.dir); err == nil {
		s.full.Store(u.AvailBytes < s.reserve)
	}
}

// wrote hears of n bytes that were committed: a fast writer is past the reserve before the next tick.
func (s *space) wrote(n int) {
	if s.written.Add(int64(n)) > int64(s.reserve/8) {
		s.written.Store(0)
		s.look()
	}
}

func (s *space) run(ctx context.Context, every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.look()
		}
	}
}

// Probe reports whether the disk under dir takes writes: it has room to begin with, and a megabyte can be written and
// flushed.
func Probe(fs FS, dir string) error {
	const op = "disk.Probe"
	if u, err := fs.GetDiskUsage(dir); err == nil && u.AvailBytes < defaultReserve {
		return &fault.Error{Kind: fault.Full, Op: op, Noun: "disk", Name: dir, Detail: "no space left on the device of the data directory"}
	}
	name := fs.PathJoin(dir, "probe.new")
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fault.In(op, err)
	}
	_, err = f.Write(make([]byte, 1<<20))
	return fault.In(op, errors.Join(err, f.Sync(), f.Close(), fs.Remove(name)))
}
