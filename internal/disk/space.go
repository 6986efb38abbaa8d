package disk

import (
	"context"
	"sync/atomic"
	"time"
)

// defaultReserve leaves Pebble room to write out its memtables, which it cannot do without.
const defaultReserve = 32 << 20

// space knows whether the disk is about full. Pebble cannot go on after its log met a full disk, so we stop before.
type space struct {
	fs      FS
	dir     string
	reserve uint64
	full    atomic.Bool
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
