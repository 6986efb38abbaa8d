package disk

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

var errFenced = errors.New("the database was closed after a failure of the disk")

// fence keeps a Pebble that was left behind after a failure from touching the directory, which another one may have
// opened since: its background work goes on for as long as the process does.
type fence struct {
	fs  FS
	out atomic.Bool

	mu struct {
		sync.Mutex
		locks []io.Closer // of the directory, held by Pebble
	}
}

func newFence(fs FS) *fence { return &fence{fs: fs} }

// guard gives fs as long as the fence is down.
func (f *fence) guard(fs FS) FS {
	return &lockedFS{errorfs.Wrap(fs, errorfs.InjectorFunc(f.refuse)), f}
}

func (f *fence) refuse(op errorfs.Op) error {
	if f.out.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
		return errFenced
	}
	return nil
}

// close shuts the one inside out and frees the directory.
func (f *fence) close() error {
	f.out.Store(true)
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, l := range f.mu.locks {
		errs = append(errs, l.Close())
	}
	f.mu.locks = nil
	return errors.Join(errs...)
}

// lockedFS keeps the lock of the directory where close finds it.
type lockedFS struct {
	vfs.FS
	f *fence
}

func (l *lockedFS) Lock(name string) (io.Closer, error) {
	c, err := l.FS.Lock(name)
	if err != nil {
		return nil, err
	}
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	l.f.mu.locks = append(l.f.mu.locks, c)
	return io.NopCloser(nil), nil
}
