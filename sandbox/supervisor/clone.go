package supervisor

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// clone is an environment's process tree as its template made it.
type clone struct {
	t       *template
	id      string // the template's name for it
	tmp     string // the name of its /tmp
	scratch *scratch
	pidfd   *os.File // of the process whose end is everybody's
	pid     int      // of the runtime
	control *os.File
	group   *cgroup
	ended   chan struct{}
	status  syscall.WaitStatus
	owner   *environment // guarded by template.mu; nil for a spare
}

// end is told that the clone's tree is gone.
func (c *clone) end(status syscall.WaitStatus) {
	c.status = status
	oom := c.group.outOfMemory()
	close(c.ended)
	c.t.mu.Lock()
	owner := c.owner
	for i, s := range c.t.mu.spares {
		if s == c {
			c.t.mu.spares = append(c.t.mu.spares[:i:i], c.t.mu.spares[i+1:]...)
			break
		}
	}
	c.t.mu.Unlock()
	if owner != nil {
		c.t.k.ended(owner, Exit{PID: c.pid, Status: statusText(status), OutOfMemory: oom && status.Signaled()})
	}
	c.t.k.wg.Go(func() {
		if !c.t.isolated && !c.group.end() {
			killRest(c.pid, "")
		}
		if owner == nil {
			c.scratch.remove() // a spare's; the others belong to the platform
		}
		c.group.remove()
		c.control.Close()
		if c.pidfd != nil {
			c.pidfd.Close()
		}
	})
}

// first is the process whose end is everybody's; 0 when there is none.
func (c *clone) first() int {
	if c == nil {
		return 0
	}
	return pidOf(c.pidfd)
}

func (c *clone) kill() {
	if c.t.isolated {
		if c.pidfd != nil {
			_ = unix.PidfdSendSignal(int(c.pidfd.Fd()), syscall.SIGKILL, nil, 0) // gone already is fine
		}
		return
	}
	for range 50 {
		begun := time.Now()
		if killBelow(c.first()) == 0 {
			return
		}
		time.Sleep(max(time.Since(begun), time.Millisecond)) // those that die want the processors, too
	}
}

// fork makes a clone, with tmp as the name of its /tmp; "" makes a new one. give, unless it is nil, is called before the
// clone is there, to tell it what to do.
func (t *template) fork(tmp string, give func(c *clone) error) (*clone, error) {
	t.mu.Lock()
	if t.mu.err != nil {
		defer t.mu.Unlock()
		return nil, t.mu.err
	}
	t.forks.Add(1)
	defer t.forks.Done()
	t.mu.n++
	c := &clone{t: t, id: strconv.Itoa(t.mu.n), tmp: tmp, ended: make(chan struct{})}
	if c.tmp == "" {
		c.tmp = t.name + "-" + c.id
	}
	w := make(chan error, 1)
	t.mu.forking[c.id] = w
	t.mu.clones[c.id] = c
	t.mu.used = time.Now()
	t.mu.Unlock()
	fail := func(err error) (*clone, error) {
		t.mu.Lock()
		delete(t.mu.forking, c.id)
		delete(t.mu.clones, c.id)
		t.mu.Unlock()
		c.group.remove()
		if tmp == "" && c.scratch != nil {
			c.scratch.remove()
		}
		return nil, err
	}
	var err error
	if c.scratch, err = t.makeTmp(c.tmp, tmp == ""); err != nil {
		return fail(err)
	}
	inner, control, err := packetPair()
	if err != nil {
		return fail(err)
	}
	defer inner.Close()
	c.control = control
	c.group = t.limit()
	t.k.groups.watch(c.group, t.spec.MemoryMB, t.spec.TmpMB, c.scratch, c.kill)
	if give != nil {
		if err := give(c); err != nil {
			control.Close()
			return fail(err)
		}
	}
	fds := []int{int(inner.Fd())}
	if t.isolated {
		mount, err := c.scratch.mount()
		if err != nil {
			control.Close()
			return fail(err)
		}
		defer mount.Close()
		fds = append(fds, int(mount.Fd()))
	}
	fds = append(fds, c.group.passed()...)
	b, err := json.Marshal(templateMessage{Op: "fork", ID: c.id, Tmp: c.tmp})
	if err == nil {
		_, _, err = t.conn.WriteMsgUnix(b, unix.UnixRights(fds...), nil)
	}
	if err != nil {
		control.Close()
		return fail(err)
	}
	err = <-w
	c.group.joined()
	if err != nil {
		control.Close()
		return fail(err)
	}
	return c, nil
}

// order is what a clone is told.
type order struct {
	Env    map[string]string `json:"env"` // what differs from its template's
	Gone   []string          `json:"gone"`
	Limits map[string]int    `json:"limits"` // resource limits by their Python names
	Learn  bool              `json:"learn"`
}

// order tells c to do w.
func (c *clone) order(w *Work) *order {
	o := &order{Env: map[string]string{}, Gone: []string{}, Learn: w.Learn}
	o.Limits = ungrouped(c.group, c.t.spec.MemoryMB, c.t.spec.Processes)
	if c.t.spec.Snapshot != nil {
		return o
	}
	for name, value := range w.Env {
		if had, ok := c.t.env[name]; !ok || had != value {
			o.Env[name] = value
		}
	}
	for name := range c.t.env {
		if _, ok := w.Env[name]; !ok {
			o.Gone = append(o.Gone, name)
		}
	}
	return o
}

// give tells a clone what to do. files are its output, data socket and state page.
func (c *clone) give(w *Work, files ...*os.File) error {
	b, err := json.Marshal(c.order(w))
	if err != nil {
		return err
	}
	return os.NewSyscallError("sendmsg", unix.Sendmsg(int(c.control.Fd()), b, unix.UnixRights(descriptorsOf(files)...), nil, unix.MSG_NOSIGNAL))
}

func descriptorsOf(files []*os.File) []int {
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	return fds
}

// packetPair makes a connected pair of sockets that keep messages apart.
func packetPair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "inner"), os.NewFile(uintptr(fds[1]), "outer"), nil
}

// pidOf is the process behind a pidfd, in our own process namespace; 0 when it cannot be known.
func pidOf(f *os.File) int {
	if f == nil {
		return 0
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", f.Fd()))
	if err != nil {
		return 0
	}
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "Pid:"); ok {
			pid, _ := strconv.Atoi(strings.TrimSpace(v))
			return max(pid, 0)
		}
	}
	return 0
}
