package disk

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var errFenced = errors.New("the database stopped after a failure of the disk")

// fence stands between Pebble and the directory of a database. Pebble cannot cope with most failures of a disk: it calls
// them fatal, tries for ever, or keeps who is inside it. So from the first failure on nothing of it reaches the directory,
// which stays as it is for whoever opens it next, and Pebble is told that all goes well. Only its tables wait: until close,
// which lets it write out its memtables into memory, so that it can end and be forgotten.
//
// Failures to write tables are Pebble's to tell of. Everything else it does not hear of.
type fence struct {
	fs     FS
	dir    string      // that the database is in, with its list of logs
	fail   func(error) // called before Pebble goes on
	failed atomic.Bool
	opened atomic.Bool // Pebble is open, and does not wait for a table to be written

	closed chan struct{} // by close
	memory *vfs.MemFS    // tables that were written since

	mu struct {
		sync.Mutex
		locks []io.Closer // of the directory, held by Pebble
		files map[*fencedFile]bool
		out   bool
	}
}

func newFence(fs FS, dir string, fail func(error)) *fence {
	return &fence{fs: fs, dir: dir, fail: fail, closed: make(chan struct{}), memory: vfs.NewMem()}
}

// freeze keeps everything from the directory from now on.
func (f *fence) freeze() { f.failed.Store(true) }

// close freezes, lets Pebble end and frees the directory.
func (f *fence) close() error {
	f.freeze()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.mu.out {
		f.mu.out = true
		close(f.closed)
	}
	var errs []error
	for _, l := range f.mu.locks {
		errs = append(errs, l.Close())
	}
	f.mu.locks = nil
	return errors.Join(errs...)
}

// release closes what Pebble left open: it forgets tables that it could not finish.
func (f *fence) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for file := range f.mu.files {
		file.File.Close()
	}
	f.mu.files = nil
}

func (f *fence) keep(file vfs.File, name string) *fencedFile {
	kept := &fencedFile{file, f, name}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.files == nil {
		f.mu.files = map[*fencedFile]bool{}
	}
	f.mu.files[kept] = true
	return kept
}

// owns reports whether name is one of the database's own files and not, say, of a backup.
func (f *fence) owns(name string) bool {
	return name == f.dir || strings.HasPrefix(name, f.dir+"/")
}

func isTable(name string) bool {
	return strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".blob")
}

// hide keeps err from Pebble, and tells the database of it.
func (f *fence) hide(name string, err error) error {
	if err == nil || !f.owns(name) || isTable(name) {
		return err
	}
	f.fail(err)
	f.freeze()
	return nil
}

// frozen says what a change of name comes to: with done nothing is to be done, and Pebble hears err.
func (f *fence) frozen(name string) (done bool, err error) {
	if !f.failed.Load() {
		return false, nil
	}
	if !f.owns(name) || isTable(name) {
		return true, errFenced
	}
	return true, nil
}

// change does something to name.
func (f *fence) change(name string, do func() error) error {
	if done, err := f.frozen(name); done {
		return err
	}
	return f.hide(name, do())
}

// fencedFS is the disk as Pebble sees it.
type fencedFS struct {
	vfs.FS
	f *fence
}

func (f *fence) guard() FS { return &fencedFS{f.fs, f} }

func (s *fencedFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if s.f.failed.Load() && s.f.owns(name) && isTable(name) {
		if s.f.opened.Load() {
			<-s.f.closed
		}
		if c == "pebble-memtable-flush" {
			return s.f.memory.Create(s.PathBase(name), c)
		}
	}
	return s.make(name, func() (vfs.File, error) { return s.FS.Create(name, c) })
}

func (s *fencedFS) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return s.make(newname, func() (vfs.File, error) { return s.FS.ReuseForWrite(oldname, newname, c) })
}

func (s *fencedFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return s.make(name, func() (vfs.File, error) { return s.FS.OpenReadWrite(name, c, opts...) })
}

func (s *fencedFS) OpenDir(name string) (vfs.File, error) {
	d, err := s.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return s.f.keep(d, name), nil
}

// make opens a file to be written, or what stands for one.
func (s *fencedFS) make(name string, open func() (vfs.File, error)) (vfs.File, error) {
	var file vfs.File
	err := s.f.change(name, func() (err error) { file, err = open(); return err })
	switch {
	case err != nil:
		return nil, err
	case file == nil:
		return nowhere{}, nil
	}
	return s.f.keep(file, name), nil
}

func (s *fencedFS) Rename(oldname, newname string) error {
	return s.f.change(newname, func() error { return s.FS.Rename(oldname, newname) })
}

func (s *fencedFS) Link(oldname, newname string) error {
	return s.f.change(newname, func() error { return s.FS.Link(oldname, newname) })
}

func (s *fencedFS) MkdirAll(dir string, perm os.FileMode) error {
	return s.f.change(dir, func() error { return s.FS.MkdirAll(dir, perm) })
}

// Remove may fail: what is left is removed at the next start.
func (s *fencedFS) Remove(name string) error {
	if s.f.failed.Load() {
		return nil
	}
	return s.FS.Remove(name)
}

func (s *fencedFS) RemoveAll(name string) error {
	if s.f.failed.Load() {
		return nil
	}
	return s.FS.RemoveAll(name)
}

func (s *fencedFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	if s.f.failed.Load() && isTable(name) {
		if file, err := s.f.memory.Open(s.PathBase(name), opts...); err == nil {
			return file, nil
		}
	}
	return s.FS.Open(name, opts...)
}

func (s *fencedFS) Stat(name string) (vfs.FileInfo, error) {
	if s.f.failed.Load() && isTable(name) {
		if info, err := s.f.memory.Stat(s.PathBase(name)); err == nil {
			return info, nil
		}
	}
	return s.FS.Stat(name)
}

// Lock keeps the lock of the directory where close finds it.
func (s *fencedFS) Lock(name string) (io.Closer, error) {
	l, err := s.FS.Lock(name)
	if err != nil {
		return nil, err
	}
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.f.mu.locks = append(s.f.mu.locks, l)
	return io.NopCloser(nil), nil
}

func (s *fencedFS) Unwrap() vfs.FS { return s.FS }

// fencedFile is a file or a directory that Pebble changes.
type fencedFile struct {
	vfs.File
	f    *fence
	name string
}

func (a *fencedFile) Write(p []byte) (int, error) {
	return len(p), a.f.change(a.name, func() error { _, err := a.File.Write(p); return err })
}

func (a *fencedFile) WriteAt(p []byte, at int64) (int, error) {
	return len(p), a.f.change(a.name, func() error { _, err := a.File.WriteAt(p, at); return err })
}

func (a *fencedFile) Preallocate(at, n int64) error {
	return a.f.change(a.name, func() error { return a.File.Preallocate(at, n) })
}

func (a *fencedFile) Sync() error     { return a.f.change(a.name, a.File.Sync) }
func (a *fencedFile) SyncData() error { return a.f.change(a.name, a.File.SyncData) }

func (a *fencedFile) SyncTo(length int64) (full bool, err error) {
	err = a.f.change(a.name, func() (err error) { full, err = a.File.SyncTo(length); return err })
	return full, err
}

func (a *fencedFile) Close() error {
	a.f.mu.Lock()
	delete(a.f.mu.files, a)
	a.f.mu.Unlock()
	return a.f.hide(a.name, a.File.Close())
}

// nowhere is a file that keeps nothing.
type nowhere struct{ vfs.File }

func (nowhere) Write(p []byte) (int, error)            { return len(p), nil }
func (nowhere) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (nowhere) Preallocate(_, _ int64) error           { return nil }
func (nowhere) Sync() error                            { return nil }
func (nowhere) SyncData() error                        { return nil }
func (nowhere) SyncTo(int64) (bool, error)             { return true, nil }
func (nowhere) Prefetch(_, _ int64) error              { return nil }
func (nowhere) Stat() (vfs.FileInfo, error)            { return emptyInfo{}, nil }
func (nowhere) Fd() uintptr                            { return vfs.InvalidFd }
func (nowhere) Close() error                           { return nil }

// emptyInfo says of a file that keeps nothing that it holds nothing.
type emptyInfo struct{}

func (emptyInfo) Name() string           { return "" }
func (emptyInfo) Size() int64            { return 0 }
func (emptyInfo) Mode() os.FileMode      { return 0o600 }
func (emptyInfo) ModTime() time.Time     { return time.Time{} }
func (emptyInfo) IsDir() bool            { return false }
func (emptyInfo) Sys() any               { return nil }
func (emptyInfo) DeviceID() vfs.DeviceID { return vfs.DeviceID{} }
