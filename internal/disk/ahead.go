package disk

import (
	"path"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Sizes of the room that the write-ahead log has before it.
const (
	aheadRoom   = 1 << 20   // bytes that exist ahead of what is written
	aheadMemory = 32 << 10  // the same in memory, where tests alone want it and every flush copies the file
	aheadStep   = 128 << 10 // bytes written with the file locked, at most
)

func roomOn(fs FS) int64 {
	for ; fs != nil; fs = fs.Unwrap() {
		switch on := fs.(type) {
		case *Memory:
			return aheadMemory
		case *Faulty:
			return roomOn(on.under)
		}
	}
	return aheadRoom
}

// logFS looks after the files of Pebble's write-ahead log: it keeps the list of them, and each longer than what was written
// to it. A flush of bytes that exist already changes neither the file's size nor its extents, so that the filesystem
// needs no transaction of its journal for it. Pebble's reader takes the zeros for the end of the log.
type logFS struct {
	FS
	f    *fence
	list *logList
	room int64
}

// withLogs gives what f guards with such logs. Where nothing is ever flushed there is nothing to gain, and no list.
func withLogs(f *fence) (FS, *logList) {
	guarded := f.guard()
	if m, ok := f.fs.(*Memory); ok && !m.crashable {
		return guarded, nil
	}
	l := &logList{fs: guarded, dir: f.dir}
	return logFS{guarded, f, l, roomOn(f.fs)}, l
}

// isLog reports whether name is one of the database's own logs; a backup writes logs elsewhere.
func (l logFS) isLog(name string) bool {
	return strings.HasSuffix(name, ".log") && l.PathDir(name) == path.Join(l.list.dir, "db")
}

func (l logFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if base := l.PathBase(name); strings.HasPrefix(base, "MANIFEST-") && l.PathDir(name) == path.Join(l.list.dir, "db") {
		f, err := l.FS.Create(name, c)
		if err != nil {
			return nil, err
		}
		return &manifestFile{File: f, name: base, list: l.list}, nil
	}
	if !l.isLog(name) {
		return l.FS.Create(name, c)
	}
	return l.log(name, func() (vfs.File, error) { return l.FS.Create(name, c) })
}

// ReuseForWrite takes a log of before, which is as long as it became.
func (l logFS) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if !l.isLog(newname) {
		return l.FS.ReuseForWrite(oldname, newname, c)
	}
	return l.log(newname, func() (vfs.File, error) {
		if err := l.list.note("-", oldname); err != nil {
			return nil, err
		}
		return l.FS.ReuseForWrite(oldname, newname, c)
	})
}

// log begins a log, or what stands for one when the disk fails: Pebble ends the process when it cannot have one.
func (l logFS) log(name string, open func() (vfs.File, error)) (vfs.File, error) {
	f, err := open()
	if err != nil {
		return nowhere{}, l.f.hide(name, err)
	}
	info, err := f.Stat()
	if err == nil {
		err = l.list.added(name)
	}
	if err != nil || l.f.failed.Load() {
		f.Close()
		return nowhere{}, l.f.hide(name, err)
	}
	return newAheadFile(f, info.Size(), l.room), nil
}

func (l logFS) Remove(name string) error {
	if l.isLog(name) {
		if err := l.list.note("-", name); err != nil {
			return err
		}
	}
	return l.FS.Remove(name)
}

// aheadFile is one log. Pebble writes to it from one goroutine; another goroutine makes room before it.
type aheadFile struct {
	vfs.File
	room int64
	low  chan struct{} // holds one: there is little room
	done chan struct{}
	wg   sync.WaitGroup

	mu struct {
		sync.Mutex
		written int64 // bytes of the log
		exist   int64 // bytes of the file, at least written
	}
}

func newAheadFile(f vfs.File, size, room int64) *aheadFile {
	a := &aheadFile{File: f, room: room, low: make(chan struct{}, 1), done: make(chan struct{})}
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
	little := a.mu.exist-a.mu.written < a.room/2
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

func (a *aheadFile) Sync() error { return a.SyncData() }

// Preallocate has nothing to do: room that was only set aside would still have to be entered in the journal.
func (a *aheadFile) Preallocate(_, _ int64) error { return nil }

func (a *aheadFile) Close() error {
	close(a.done)
	a.wg.Wait()
	return a.File.Close()
}

// run makes room. A failure, of which Pebble does not hear, ends it at the next flush.
func (a *aheadFile) run() {
	zeros := make([]byte, min(aheadStep, a.room))
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
	if a.mu.exist-a.mu.written >= a.room {
		return true, nil
	}
	n, err := a.File.WriteAt(zeros, a.mu.exist)
	a.mu.exist += int64(n)
	return false, err
}
