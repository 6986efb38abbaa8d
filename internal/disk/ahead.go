package disk

import (
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Sizes of the room that the write-ahead log has before it.
const (
	aheadRoom = 1 << 20   // bytes that exist ahead of what is written
	aheadStep = 128 << 10 // bytes written with the file locked
)

// aheadFS keeps the files of Pebble's write-ahead log longer than what was written to them: a flush of bytes that exist
// already changes neither the file's size nor its extents, so that the filesystem needs no transaction of its journal
// for it. Pebble's reader takes the zeros for the end of the log.
type aheadFS struct{ FS }

// writtenAhead gives fs with such logs. Where nothing is ever flushed there is nothing to gain.
func writtenAhead(fs FS) FS {
	if m, ok := fs.(*Memory); ok && !m.crashable {
		return fs
	}
	return aheadFS{fs}
}

func (a aheadFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := a.FS.Create(name, c)
	if err != nil || !strings.HasSuffix(name, ".log") {
		return f, err
	}
	return newAheadFile(f, 0), nil
}

// ReuseForWrite takes a log of before, which is as long as it became.
func (a aheadFS) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := a.FS.ReuseForWrite(oldname, newname, c)
	if err != nil || !strings.HasSuffix(newname, ".log") {
		return f, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return newAheadFile(f, info.Size()), nil
}

// aheadFile is one log. Pebble writes to it from one goroutine; another goroutine makes room before it.
type aheadFile struct {
	vfs.File
	low  chan struct{} // holds one: there is little room
	done chan struct{}
	wg   sync.WaitGroup

	mu struct {
		sync.Mutex
		written int64 // bytes of the log
		exist   int64 // bytes of the file, at least written
	}
}

func newAheadFile(f vfs.File, size int64) *aheadFile {
	a := &aheadFile{File: f, low: make(chan struct{}, 1), done: make(chan struct{})}
	a.mu.exist = size
	a.wg.Go(a.run)
	a.claim(0)
	return a
}

// claim says that the next n bytes are about to be written, and asks for room when little is left after them.
func (a *aheadFile) claim(n int) {
	a.mu.Lock()
	a.mu.written += int64(n)
	a.mu.exist = max(a.mu.exist, a.mu.written)
	little := a.mu.exist-a.mu.written < aheadRoom/2
	a.mu.Unlock()
	if little {
		select {
		case a.low <- struct{}{}:
		default:
		}
	}
}

func (a *aheadFile) Write(p []byte) (int, error) {
	a.claim(len(p))
	return a.File.Write(p)
}

// Preallocate has nothing to do: room that was only set aside would still have to be entered in the journal.
func (a *aheadFile) Preallocate(_, _ int64) error { return nil }

func (a *aheadFile) Close() error {
	close(a.done)
	a.wg.Wait()
	return a.File.Close()
}

// run makes room. A failure ends it: what it could not write Pebble will try to, and report.
func (a *aheadFile) run() {
	zeros := make([]byte, aheadStep)
	for {
		select {
		case <-a.done:
			return
		case <-a.low:
		}
		for enough := false; !enough; {
			var err error
			if enough, err = a.extend(zeros); err != nil {
				return
			}
		}
		if err := a.File.SyncData(); err != nil {
			return
		}
	}
}

// extend writes zeros behind the end of the file unless there is room enough. Nobody else writes there: what Pebble
// writes is claimed first.
func (a *aheadFile) extend(zeros []byte) (enough bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mu.exist-a.mu.written >= aheadRoom {
		return true, nil
	}
	n, err := a.File.WriteAt(zeros, a.mu.exist)
	a.mu.exist += int64(n)
	return false, err
}
