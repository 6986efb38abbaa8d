package history_test

import (
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// The floors that the benchmarks of Append stand beside: what the disk gives to a program that keeps nothing but a file.

const (
	floorRecord = 600      // bytes, as four events of 150
	floorFile   = 64 << 20 // bytes after which a floor begins its file again
)

// rawFile is a file that is written to and flushed. Prepared, its bytes exist beforehand, so that a flush changes no
// size.
func rawFile(b testing.TB, prepared bool) *os.File {
	f, err := os.OpenFile(filepath.Join(b.TempDir(), "raw"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	if prepared {
		if _, err := f.Write(make([]byte, floorFile)); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		b.Fatal(err)
	}
	return f
}

// flushed writes p and flushes it.
func flushed(f *os.File, p []byte) error {
	if _, err := f.Write(p); err != nil {
		return err
	}
	return syscall.Fdatasync(int(f.Fd()))
}

// groupCommit is the least that shares flushes among writers: whoever finds nobody flushing writes out what has
// gathered meanwhile, and the others wait.
type groupCommit struct {
	f  *os.File
	mu struct {
		sync.Mutex
		gathered []byte
		group    *group // who waits for gathered
		flushing bool
	}
}

type group struct {
	done chan struct{}
	err  error
}

func newGroupCommit(f *os.File) *groupCommit {
	g := &groupCommit{f: f}
	g.mu.group = &group{done: make(chan struct{})}
	return g
}

func (g *groupCommit) append(p []byte) error {
	g.mu.Lock()
	g.mu.gathered = append(g.mu.gathered, p...)
	mine := g.mu.group
	if g.mu.flushing {
		g.mu.Unlock()
		<-mine.done
		return mine.err
	}
	g.mu.flushing = true
	for len(g.mu.gathered) > 0 {
		now, out := g.mu.group, g.mu.gathered
		g.mu.group, g.mu.gathered = &group{done: make(chan struct{})}, nil
		g.mu.Unlock()
		now.err = flushed(g.f, out)
		close(now.done)
		g.mu.Lock()
	}
	g.mu.flushing = false
	g.mu.Unlock()
	return mine.err
}
