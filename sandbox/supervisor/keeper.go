package supervisor

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// keeper is the parent of every environment.
type keeper struct {
	wg     sync.WaitGroup
	spawns chan spawn
	quit   chan struct{} // closed when nothing is left to look after

	mu struct {
		sync.Mutex
		environments map[string]*environment
		pids         map[int]*environment // running runtimes
		exited       func(id string, e Exit)
		ended        bool
	}
}

// environment is one runtime and what it started. Its fields but the first four are guarded by keeper.mu.
type environment struct {
	id    string
	log   string
	state string
	done  chan struct{} // closed when the runtime has been reaped

	pid      int
	control  *os.File // our end of its control socket
	exit     *Exit
	stopping bool // its end is our doing: nobody is told
	late     bool
}

type spawn struct {
	c      *Command
	files  []uintptr
	answer chan spawned
}

type spawned struct {
	pid int
	err error
}

func newKeeper() *keeper {
	k := &keeper{spawns: make(chan spawn), quit: make(chan struct{})}
	k.mu.environments = map[string]*environment{}
	k.mu.pids = map[int]*environment{}
	return k
}

func (k *keeper) onExit(f func(id string, e Exit)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.exited = f
}

func (k *keeper) len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.mu.environments)
}

// spawner starts processes on one thread that lives as long as the supervisor: the kernel sends the death signal of a
// child when the thread that made it ends.
func (k *keeper) spawner() {
	runtime.LockOSThread()
	for {
		select {
		case <-k.quit:
			return
		case s := <-k.spawns:
			pid, err := syscall.ForkExec(s.c.Argv[0], s.c.Argv, &syscall.ProcAttr{Dir: s.c.Dir, Env: s.c.Env, Files: s.files,
				Sys: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}})
			s.answer <- spawned{pid, err}
		}
	}
}

// start runs c and gives its process and the platform's end of its data socket.
func (k *keeper) start(c *Command) (pid int, data *os.File, err error) {
	if c == nil || len(c.Argv) == 0 {
		return 0, nil, fmt.Errorf("nothing to start")
	}
	if err := k.stop(c.ID); err != nil {
		return 0, nil, err
	}
	var opened []*os.File
	defer func() {
		for _, f := range opened {
			f.Close()
		}
	}()
	open := func(path string, flags int) *os.File {
		f, oerr := os.OpenFile(path, flags, 0o600)
		if oerr != nil && err == nil {
			err = oerr
		}
		opened = append(opened, f)
		return f
	}
	null, log := open(os.DevNull, os.O_RDONLY), open(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY)
	page := open(c.State, os.O_CREATE|os.O_RDWR)
	if err != nil {
		return 0, nil, err
	}
	if err := page.Truncate(0); err != nil {
		return 0, nil, err
	}
	if err := page.Truncate(PageSize); err != nil {
		return 0, nil, err
	}
	inner, outer, err := pair()
	if err != nil {
		return 0, nil, err
	}
	opened = append(opened, inner)
	innerControl, control, err := pair()
	if err != nil {
		outer.Close()
		return 0, nil, err
	}
	opened = append(opened, innerControl)

	e := &environment{id: c.ID, log: c.Log, state: c.State, control: control, done: make(chan struct{})}
	s := spawn{c: c, answer: make(chan spawned, 1),
		files: []uintptr{null.Fd(), log.Fd(), log.Fd(), inner.Fd(), innerControl.Fd(), page.Fd()}}
	k.mu.Lock()
	defer k.mu.Unlock() // the reaper must not see its end before it is registered
	if k.mu.ended {
		err = fmt.Errorf("the supervisor is ending")
	} else {
		k.spawns <- s // it is there until ended is set
		a := <-s.answer
		pid, err = a.pid, a.err
	}
	if err != nil {
		outer.Close()
		control.Close()
		return 0, nil, fmt.Errorf("starting %s: %w", c.Argv[0], err)
	}
	e.pid = pid
	k.mu.environments[c.ID] = e
	k.mu.pids[pid] = e
	return pid, outer, nil
}

// attach passes a fresh data socket to the runtime and gives the other end.
func (k *keeper) attach(id string) (*os.File, error) {
	inner, outer, err := pair()
	if err != nil {
		return nil, err
	}
	defer inner.Close()
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.mu.environments[id]
	if e == nil || e.exit != nil || e.control == nil {
		outer.Close()
		return nil, fmt.Errorf("environment %s does not run", id)
	}
	err = unix.Sendmsg(int(e.control.Fd()), []byte("s"), unix.UnixRights(int(inner.Fd())), nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	if err != nil {
		outer.Close()
		return nil, os.NewSyscallError("sendmsg", err)
	}
	return outer, nil
}

// stop ends every process of an environment and returns when none is left. It forgets how the runtime ended.
func (k *keeper) stop(id string) error {
	k.mu.Lock()
	e := k.mu.environments[id]
	if e == nil {
		k.mu.Unlock()
		return nil
	}
	e.stopping = true
	delete(k.mu.environments, id)
	pid, over := e.pid, e.exit != nil
	k.mu.Unlock()
	if !over {
		killTree(pid, id, e.done)
	}
	k.mu.Lock()
	if e.control != nil {
		e.control.Close()
		e.control = nil
	}
	k.mu.Unlock()
	return nil
}

func (k *keeper) remove(id string) { _ = k.stop(id) }

func (k *keeper) list() []Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []Status
	for _, e := range k.mu.environments {
		all = append(all, Status{ID: e.id, PID: e.pid, Exit: e.exit})
	}
	return all
}

// endAll stops every environment and lets none start any more.
func (k *keeper) endAll() {
	k.mu.Lock()
	k.mu.ended = true
	var ids []string
	for id := range k.mu.environments {
		ids = append(ids, id)
	}
	k.mu.Unlock()
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() { _ = k.stop(id) })
	}
	wg.Wait()
}

// close ends everything and waits for the keeper's goroutines.
func (k *keeper) close() {
	k.endAll()
	close(k.quit)
	k.wg.Wait()
}

// endLate ends what runs past its deadline, and keeps logs from filling the disk, while no platform does.
func (k *keeper) endLate(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.mu.environments {
		if e.exit != nil {
			continue
		}
		if p, err := ReadPage(e.state); err == nil && p.State == Running && !p.Deadline.IsZero() && now.After(p.Deadline) {
			e.late = true
			_ = syscall.Kill(-e.pid, syscall.SIGKILL) // gone already is fine
		}
		if info, err := os.Stat(e.log); err == nil && info.Sys().(*syscall.Stat_t).Blocks*512 > maxLog {
			_ = os.Truncate(e.log, 0)
		}
	}
}

// maxLog is how much output is kept for a platform that is away.
const maxLog = 64 << 20

// reapChildren collects every child that ends: runtimes, and orphans that came to us.
func (k *keeper) reapChildren() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	defer signal.Stop(ended)
	for {
		for k.reapOne() {
		}
		select {
		case <-k.quit:
			return
		case <-ended:
		}
	}
}

func (k *keeper) reapOne() bool {
	var w syscall.WaitStatus
	pid, err := syscall.Wait4(-1, &w, syscall.WNOHANG, nil)
	if err != nil || pid <= 0 {
		return err == syscall.EINTR
	}
	k.mu.Lock()
	e := k.mu.pids[pid]
	if e == nil {
		k.mu.Unlock()
		return true
	}
	delete(k.mu.pids, pid)
	e.exit = &Exit{PID: pid, Status: statusText(w), Late: e.late}
	told := k.mu.exited
	stopping, exit := e.stopping, *e.exit
	k.mu.Unlock()
	close(e.done)
	if !stopping {
		killRest(pid, e.id)
		if told != nil {
			told(e.id, exit)
		}
	}
	return true
}
