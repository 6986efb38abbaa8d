package disk

import (
	"io"
	"path"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// Fault is what goes wrong with a Faulty filesystem's writes and flushes. The zero value is nothing.
type Fault struct {
	// Err is what they answer.
	Err error

	// After is how many still go well.
	After int

	// Names limits the trouble to files with such names, as path.Match has it: "*.log". "" means every file.
	Names string

	// Flushes lets flushes alone fail: writes go well.
	Flushes bool

	// Short lets a write that fails leave the first half of its bytes.
	Short bool

	// Slow is how much longer a flush takes, failing or not.
	Slow time.Duration
}

// Faulty is a filesystem that fails on purpose.
type Faulty struct {
	FS    // with the faults
	under FS

	mu struct {
		sync.Mutex
		Fault
	}
}

// NewFaulty wraps fs, at first without faults.
func NewFaulty(fs FS) *Faulty {
	f := &Faulty{under: fs}
	f.FS = &shortFS{errorfs.Wrap(fs, errorfs.InjectorFunc(f.inject)), f}
	return f
}

// Fail makes every write and flush from now on answer err; nil heals.
func (f *Faulty) Fail(err error) { f.Inject(Fault{Err: err}) }

// Inject replaces the faults.
func (f *Faulty) Inject(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.Fault = fault
}

func (f *Faulty) inject(op errorfs.Op) error {
	flush := false
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		flush = true
	case errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpCreate, errorfs.OpReuseForWrite:
	default:
		return nil
	}
	slow, err := f.draw(op.Path, flush)
	if flush && slow > 0 {
		time.Sleep(slow)
	}
	return err
}

// draw says what happens to one write or flush of a file.
func (f *Faulty) draw(name string, flush bool) (slow time.Duration, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.Names != "" {
		if meant, _ := path.Match(f.mu.Names, f.under.PathBase(name)); !meant {
			return 0, nil
		}
	}
	switch {
	case f.mu.Err == nil || f.mu.Flushes && !flush:
		return f.mu.Slow, nil
	case f.mu.After > 0:
		f.mu.After--
		return f.mu.Slow, nil
	}
	return f.mu.Slow, f.mu.Err
}

// shortFS lets failing writes leave half of their bytes. It stands outside errorfs, which fails before it writes.
type shortFS struct {
	*errorfs.FS
	f *Faulty
}

func (s *shortFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := s.FS.Create(name, c)
	if err != nil {
		return nil, err
	}
	raw, err := s.FS.Unwrap().OpenReadWrite(name, c)
	if err != nil {
		file.Close()
		return nil, err
	}
	return &shortFile{File: file, raw: raw, f: s.f}, nil
}

type shortFile struct {
	vfs.File
	raw vfs.File // the same file without faults
	at  int64    // where Write is
	f   *Faulty
}

func (s *shortFile) Write(p []byte) (int, error) {
	n, err := s.File.Write(p)
	if err != nil && s.f.short() {
		n, _ = s.raw.WriteAt(p[:len(p)/2], s.at)
		if n == 0 {
			err = io.ErrShortWrite
		}
	}
	s.at += int64(n)
	return n, err
}

func (s *shortFile) Close() error {
	s.raw.Close()
	return s.File.Close()
}

func (f *Faulty) short() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.Short
}
