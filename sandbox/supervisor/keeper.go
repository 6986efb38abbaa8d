package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"anthill/sandbox/confine"
)

// keeper is the parent of every environment.
type keeper struct {
	dir    string
	groups groups
	roots  *roots
	filter []byte // of the system calls of functions; empty when there is none for this machine

	ownMounts bool // mounts of ours are seen by nobody else, and end with us
	mapped    bool // we are an ordinary user in a user namespace, who calls himself root there

	wg     sync.WaitGroup
	spawns chan spawn
	quit   chan struct{} // closed when nothing is left to look after

	mu struct {
		sync.Mutex
		environments map[string]*environment
		pids         map[int]*environment // running runtimes
		exited       func(id string, e Exit)
		ended        bool
		plain        string // why there are no namespaces; "" while they work
	}
	ahead struct { // environments of runtimes that cannot be forked
		sync.Mutex
		all    []*ahead // the one that waits longest first
		making map[string]bool
		n      int
	}
	templates struct {
		sync.Mutex
		all   map[string]*template
		users map[string]int // by directory of /tmp: which 65536 user ids are the function's
		n     int
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
	clone    *clone  // nil when it was started by itself
	group    *cgroup // of one that was started by itself
	scratch  *scratch
	memoryMB int  // MemorySize
	starved  bool // it was ended for its memory
	isolated bool // its first process takes all others with it
	polite   bool // its first process ends by itself when it is asked to
	stopping bool // its end is our doing: nobody is told
	late     bool
	frozen   []int // processes that were stopped until the next invocation
	ahead    bool  // it waits for its work: nobody knows it
}

type spawn struct {
	path   string
	argv   []string
	attr   *syscall.ProcAttr
	answer chan spawned
}

type spawned struct {
	pid int
	err error
}

func newKeeper(dir string) *keeper {
	filter, err := confine.Filter()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	k := &keeper{dir: dir, filter: filter, roots: newRoots(filepath.Join(dir, "root")), spawns: make(chan spawn), quit: make(chan struct{})}
	k.mu.environments = map[string]*environment{}
	k.mu.pids = map[int]*environment{}
	k.templates.all = map[string]*template{}
	k.templates.users = map[string]int{}
	k.ahead.making = map[string]bool{}
	if os.Getenv(NoNamespaces) != "" {
		k.mu.plain = "switched off by " + NoNamespaces
	}
	return k
}

func (k *keeper) onExit(f func(id string, e Exit)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.exited = f
}

func (k *keeper) len() (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.mu.environments {
		if !e.ahead {
			n++
		}
	}
	return n
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
			pid, err := syscall.ForkExec(s.path, s.argv, s.attr)
			s.answer <- spawned{pid, err}
		}
	}
}

// spawn starts a process on the spawner's thread. registered, if not nil, is called before its end can be seen.
func (k *keeper) spawn(path string, argv []string, attr *syscall.ProcAttr, registered func(pid int)) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock() // the reaper must not see its end before it is registered
	if k.mu.ended {
		return 0, fmt.Errorf("the supervisor is ending")
	}
	s := spawn{path: path, argv: argv, attr: attr, answer: make(chan spawned, 1)}
	k.spawns <- s // the spawner is there until ended is set
	a := <-s.answer
	if a.err != nil {
		return 0, fmt.Errorf("starting %s: %w", path, a.err)
	}
	if registered != nil {
		registered(a.pid)
	}
	return a.pid, nil
}

// started is an environment that has just been started.
type started struct {
	pid    int
	data   *os.File // the platform's end of its data socket
	method string   // plain, template, snapshot or spare
	tmp    string   // the name of its /tmp in its template

	restored bool   // it goes on from a snapshot
	taken    *Taken // when the snapshot that it needed could not be taken
}

// start runs c, after ending what ran in its environment before.
func (k *keeper) start(c *Command) (s started, err error) {
	if c == nil || (len(c.Argv) == 0 && c.Template == nil && c.Adapter == nil) {
		return s, fmt.Errorf("nothing to start")
	}
	if err := k.stop(c.ID); err != nil {
		return s, err
	}
	if c.Adapter != nil {
		defer func() {
			k.wg.Go(func() {
				select {
				case <-k.quit:
				case <-time.After(aheadAfter):
					_ = k.makeAhead(c) // starts do without
				}
			})
		}()
		if k.takeAhead(c, &s) {
			return s, nil
		}
	}
	log, inner, page, err := k.open(c, &s)
	defer func() {
		closeAll([]*os.File{log, inner, page})
		if err != nil && s.data != nil {
			s.data.Close()
		}
	}()
	if err != nil {
		return s, err
	}
	e := &environment{id: c.ID, log: c.Log, state: c.State, done: make(chan struct{})}
	switch {
	case c.Template != nil:
		e.memoryMB = c.Template.MemoryMB
		err = k.startClone(e, c, &s, log, inner, page)
	case c.Adapter != nil:
		e.memoryMB = c.Adapter.MemoryMB
		err = k.startAdapter(e, c, &s, log, inner, page)
	default:
		err = k.startPlain(e, c, &s, log, inner, page)
	}
	return s, err
}

// open opens what a runtime is given: its output, its end of the data socket, whose other end is s's, and its state page.
// They are nil from the first that cannot be had.
func (k *keeper) open(c *Command, s *started) (log, inner, page *os.File, err error) {
	if log, err = os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return nil, nil, nil, err
	}
	if page, err = freshPage(c.State); err != nil {
		return log, nil, nil, err
	}
	inner, s.data, err = pair()
	return log, inner, page, err
}

func freshPage(path string) (*os.File, error) {
	page, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := page.Truncate(PageSize); err != nil {
		page.Close()
		return nil, err
	}
	return page, nil
}

func (k *keeper) startPlain(e *environment, c *Command, s *started, log, inner, page *os.File) error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	innerControl, control, err := packetPair()
	if err != nil {
		return err
	}
	defer innerControl.Close()
	e.control = control
	s.method = "plain"
	attr := &syscall.ProcAttr{Dir: c.Dir, Env: c.Env, Sys: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd(), inner.Fd(), innerControl.Fd(), page.Fd()}}
	s.pid, err = k.spawn(c.Argv[0], c.Argv, attr, func(pid int) {
		e.pid = pid
		k.mu.environments[c.ID] = e
		k.mu.pids[pid] = e
	})
	if err != nil {
		control.Close()
	}
	return err
}

// startClone has the template make e, or gives it a spare.
func (k *keeper) startClone(e *environment, c *Command, s *started, log, inner, page *os.File) error {
	t, err := k.template(c.Template)
	if err != nil {
		if t != nil {
			s.taken = t.taken
		}
		return err
	}
	s.tmp, s.restored = c.Tmp, c.Template.Snapshot != nil
	own := func(cl *clone) {
		t.mu.Lock()
		defer t.mu.Unlock()
		cl.owner = e
	}
	give := func(cl *clone) error { return cl.give(c.Work, log, inner, page) }
	defer t.refill()
	for c.Tmp == "" && !c.Fresh {
		cl := t.spare()
		if cl == nil {
			break
		}
		k.known(e, c.ID, cl)
		own(cl)
		if give(cl) == nil {
			s.method, s.tmp, s.pid = "spare", cl.tmp, cl.pid
			cl.observe(e.state)
			return nil
		}
		t.mu.Lock() // a spare that died is no reason to fail
		cl.owner = nil
		t.mu.Unlock()
		k.unknown(c.ID)
		cl.kill()
	}
	s.method = "template"
	if s.restored {
		s.method = "snapshot"
	}
	cl, err := t.fork(c.Tmp, func(cl *clone) error {
		own(cl)
		return give(cl)
	})
	if err != nil {
		return err
	}
	k.known(e, c.ID, cl)
	s.tmp, s.pid = cl.tmp, cl.pid
	cl.observe(e.state)
	return nil
}

// known enters e, which is cl from now on, among the environments.
func (k *keeper) known(e *environment, id string, cl *clone) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e.pid, e.control, e.clone = cl.pid, cl.control, cl
	k.mu.environments[id] = e
}

func (k *keeper) unknown(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.mu.environments, id)
}

// ungrouped are the resource limits of a runtime in place of those that its control group, which may be nil, does not set.
func ungrouped(c *cgroup, memoryMB, processes int) map[string]int {
	limits := map[string]int{}
	if c == nil || !c.limitsMemory {
		limits["RLIMIT_DATA"] = (memoryMB + 128) << 20
	}
	if c == nil || !c.limitsProcesses {
		limits["RLIMIT_NPROC"] = processes + ownThreads()
	}
	return limits
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

func (k *keeper) list() []Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []Status
	for _, e := range k.mu.environments {
		if e.ahead {
			continue
		}
		all = append(all, Status{ID: e.id, PID: e.pid, Exit: e.exit})
	}
	return all
}

// forget drops the templates whose key begins so, or that nothing has used for ten minutes when prefix is "".
func (k *keeper) forget(prefix string, now time.Time) {
	k.forgetAhead(prefix, now)
	k.roots.forget(now)
	k.templates.Lock()
	defer k.templates.Unlock()
	for key, t := range k.templates.all {
		t.shrink()
		if (prefix != "" && strings.HasPrefix(key, prefix)) || t.idle(now, 10*time.Minute) {
			t.drop()
			if !t.alive() || t.idle(now, 0) {
				delete(k.templates.all, key)
			}
		}
	}
}

// trimLogs keeps output that nobody reads from filling the disk: that of environments between their invocations, of long
// inits, and of all while no platform is there.
func (k *keeper) trimLogs() {
	k.mu.Lock()
	var logs []string
	for _, e := range k.mu.environments {
		if e.exit == nil {
			logs = append(logs, e.log)
		}
	}
	k.mu.Unlock()
	for _, log := range logs {
		if info, err := os.Stat(log); err == nil && info.Sys().(*syscall.Stat_t).Blocks*512 > maxLog {
			_ = os.Truncate(log, 0) // gone already is fine
		}
	}
}

// noNamespaces says why environments run without namespaces, "" while they have them.
func (k *keeper) noNamespaces() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.mu.plain
}

// ending reports whether nothing is started any more.
func (k *keeper) ending() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.mu.ended
}

func (k *keeper) giveUpNamespaces(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.plain = err.Error()
	fmt.Fprintln(os.Stderr, "no namespaces:", err)
}
