package supervisor

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// On AWS what lies in /tmp is no memory of the function's; here /tmp is a filesystem in memory, whose pages are charged to
// whoever writes them. So the kernel's limit is MemorySize and the size of /tmp together, and a watch ends what has more
// than MemorySize without its /tmp. It sleeps until the kernel tells it that MemorySize is passed: by an event on the
// usage with control groups of version 1, by memory.high with version 2.

// watched is a control group whose memory is watched.
type watched struct {
	g       *cgroup
	dir     string
	v2      bool
	limit   int64    // bytes, MemorySize
	tmp     *scratch // nil when nothing of /tmp is charged
	end     func()   // ends every process of it
	over    atomic.Bool
	busy    atomic.Bool // it is being looked at
	stop    chan struct{}
	stopped sync.Once
}

// fastest is how quickly a function is taken to fill memory, in bytes a second: it says when to look again.
const fastest = 4 << 30

// watch lets the group's processes have tmp beside their memory, and calls end when they have too much memory.
func (g *groups) watch(c *cgroup, memoryMB, tmpMB int, tmp *scratch, end func()) {
	if c == nil || c.memoryDir == "" || memoryMB <= 0 || tmp == nil || !tmp.limited {
		return // the kernel's own limit does it all
	}
	if tmpMB <= 0 {
		tmpMB = defaultTmpMB
	}
	w := &watched{g: c, dir: c.memoryDir, v2: c.v2, limit: int64(memoryMB) << 20, tmp: tmp, end: end, stop: make(chan struct{})}
	c.watch = w
	ceiling := w.limit + int64(tmpMB)<<20
	if w.v2 {
		g.high(w)
		w.set("memory.high", w.limit)
		w.set("memory.max", ceiling)
		return
	}
	// The kernel takes some milliseconds to register an event: not on the way of a start. Until then the limit is MemorySize.
	begin := func() {
		event, err := w.event()
		if err != nil {
			return
		}
		w.set("memory.memsw.limit_in_bytes", ceiling) // fails where swap is not counted
		w.set("memory.limit_in_bytes", ceiling)
		g.wg.Go(func() { w.follow(event) })
		g.wg.Go(func() {
			<-w.stop
			event.Close()
		})
	}
	select {
	case g.register <- begin:
	case <-g.quit:
	}
}

// event gives a descriptor on which the kernel tells that the limit was passed, up or down.
func (w *watched) event() (*os.File, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	event := os.NewFile(uintptr(fd), "memory event")
	usage, err := os.Open(filepath.Join(w.dir, "memory.usage_in_bytes"))
	if err != nil {
		event.Close()
		return nil, err
	}
	defer usage.Close()
	line := fmt.Sprintf("%d %d %d", fd, usage.Fd(), w.limit)
	if err := os.WriteFile(filepath.Join(w.dir, "cgroup.event_control"), []byte(line), 0); err != nil {
		event.Close()
		return nil, err
	}
	return event, nil
}

func (w *watched) follow(event *os.File) {
	var b [8]byte
	for {
		if w.look() {
			return
		}
		if _, err := event.Read(b[:]); err != nil {
			return // closed
		}
	}
}

// look looks as long as the usage is above the limit, the more often the nearer the limit is. It reports whether that was
// the end.
func (w *watched) look() (ended bool) {
	for {
		usage, own, ok := w.measure()
		if !ok || usage < w.limit {
			return !ok
		}
		left := w.limit - own
		if left <= 0 {
			w.over.Store(true)
			w.end()
			return true
		}
		if w.v2 {
			w.set("memory.high", usage+left)
		}
		pause := min(max(time.Duration(left)*time.Second/fastest, 2*time.Millisecond), 250*time.Millisecond)
		t := time.NewTimer(pause)
		select {
		case <-w.stop:
			t.Stop()
			return true
		case <-t.C:
		}
	}
}

// measure gives the bytes charged to the group, and those of them that count as the function's memory: neither its /tmp
// nor pages of files, which the kernel takes back when it needs them.
func (w *watched) measure() (usage, own int64, ok bool) {
	name := "memory.usage_in_bytes"
	if w.v2 {
		name = "memory.current"
	}
	b, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		return 0, 0, false // it is gone
	}
	usage, err = strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
	if err != nil || usage < w.limit {
		return usage, 0, err == nil
	}
	stat, err := os.ReadFile(filepath.Join(w.dir, "memory.stat"))
	if err != nil {
		return usage, 0, false
	}
	var files int64
	for line := range bytes.Lines(stat) {
		f := bytes.Fields(line)
		if len(f) == 2 && (string(f[0]) == "inactive_file" || string(f[0]) == "active_file") {
			n, _ := strconv.ParseInt(string(f[1]), 10, 64) // the kernel writes numbers
			files += n
		}
	}
	return usage, max(usage-w.tmp.used()-files, 0), true
}

func (w *watched) set(name string, bytes int64) {
	_ = os.WriteFile(filepath.Join(w.dir, name), strconv.AppendInt(nil, bytes, 10), 0) // what cannot be raised stays strict
}

func (w *watched) close() {
	if w != nil {
		w.stopped.Do(func() { close(w.stop) })
	}
}

// high has w looked at whenever the kernel counts that it passed memory.high.
func (g *groups) high(w *watched) {
	g.events.Lock()
	defer g.events.Unlock()
	if g.events.notify == nil {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
		if err != nil {
			return // memory.high slows it down, and memory.max ends it
		}
		g.events.notify = os.NewFile(uintptr(fd), "inotify")
		g.events.of = map[int]*watched{}
		notify := g.events.notify
		g.wg.Go(func() { g.dispatch(notify) })
	}
	id, err := unix.InotifyAddWatch(int(g.events.notify.Fd()), filepath.Join(w.dir, "memory.events"), unix.IN_MODIFY)
	if err != nil {
		return
	}
	g.events.of[id] = w
	g.wg.Go(func() {
		<-w.stop
		g.events.Lock()
		defer g.events.Unlock()
		delete(g.events.of, id) // the kernel drops the watch with the file
	})
}

func (g *groups) dispatch(notify *os.File) {
	buf := make([]byte, 64*(unix.SizeofInotifyEvent+16))
	for {
		n, err := notify.Read(buf)
		if err != nil {
			return // closed
		}
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			id := int(int32(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24))
			name := int(uint32(b[12]) | uint32(b[13])<<8 | uint32(b[14])<<16 | uint32(b[15])<<24)
			b = b[min(unix.SizeofInotifyEvent+name, len(b)):]
			g.events.Lock()
			w := g.events.of[id]
			g.events.Unlock()
			if w != nil && w.busy.CompareAndSwap(false, true) {
				g.wg.Go(func() {
					w.look()
					w.busy.Store(false)
				})
			}
		}
	}
}
