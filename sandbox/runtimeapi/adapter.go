package runtimeapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"anthill/sandbox/confine"
)

// Job is what an adapter starts.
type Job struct {
	Argv    []string // of the runtime; the first that exists of Argv[0]'s alternatives, separated by NUL
	Env     []string
	Image   *Launch // instead of Argv, for container images
	Dir     string
	User    []int          // uid and gid of the runtime; nil leaves them
	Groups  int            // control group files from descriptor 6 on
	Limits  map[string]int // of its resources, by their C names; see setrlimit(2)
	Own     bool           // it is the first process of namespaces of its own; behind the control group files is a mount for /tmp
	Account string         // that the function belongs to
	Frames  bool           // the runtime speaks frames, as the Python one does, and gets a data socket, a control socket and a state page
	Wrapped bool           // Argv begins with the user's wrapper
	Waits   bool           // it is started ahead, and gets a Word when it is needed
	Early   bool           // while it waits its runtime is started already, which asks before it reads the function's code
	// Confine is a program with its first arguments that runs what follows them, confined; empty runs it as it is.
	Confine []string
	Filter  []byte // of the runtime's system calls, as confine.Filter gives it; empty leaves them all
}

// Main is an adapter's program. Its descriptors are 1 and 2 (output), 3 (data), 4 (control), 5 (state page), 6… (control
// group files). argument is the Job in JSON. It gives the exit status.
func Main(argument string) int {
	begin := time.Now().UnixNano()
	runtime.GOMAXPROCS(1) // what it does it does in turn: a second thread would be woken to look for work and find none
	var job Job
	if err := json.Unmarshal([]byte(argument), &job); err != nil {
		fmt.Fprintln(os.Stderr, "anthill:", err)
		return 1
	}
	for fd := 3; fd < 7+job.Groups; fd++ {
		syscall.CloseOnExec(fd) // one that is not open is no trouble
	}
	l, err := newLink(os.NewFile(3, "data"), os.NewFile(4, "control"), os.NewFile(5, "page"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "anthill:", err)
		return 1
	}
	status, err := run(l, &job, begin)
	if err != nil {
		kind, message := "Runtime.InvalidEntrypoint", fmt.Sprintf("Couldn't start the runtime: %s", err)
		if job.Image != nil {
			kind, message = job.Image.failure(err)
			fmt.Fprint(os.Stdout, job.Image.line(message, job.Dir))
		}
		object, _ := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message}) // two strings always marshal
		l.say(encode(frameInitError, 0, stamps(begin, time.Now().UnixNano(), 0), object))
		return 1
	}
	l.end(status)
	if status.Exited() {
		return status.ExitStatus()
	}
	return 128 + int(status.Signal())
}

// ended is a child's end.
type ended struct {
	pid    int
	status syscall.WaitStatus
}

// shutdownLimit is how long extensions may take to end (developer guide, "Shutdown phase").
const shutdownLimit = 2 * time.Second

func run(l *link, job *Job, begin int64) (syscall.WaitStatus, error) {
	if job.Own {
		if err := settle(job); err != nil {
			return 0, err
		}
	} else { // what the runtime starts and leaves comes to us
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // any kernel that Go runs on has it
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	a := &api{l: l, job: job, word: make(chan []byte, 1), waits: make(chan *invocation, 1), x: newExtensions(nil)}
	a.begin.Store(begin)
	used := &peak{} // of a runtime that may ask for its work before we know of it
	a.memory = used.kib
	env := job.Env
	switch {
	case job.Waits && job.Early:
		env = append(env[:len(env):len(env)], waitsVariable+"=1")
	case job.Waits:
		w, err := l.word()
		if err != nil {
			return 0, err
		}
		env = w.Env
		a.begin.Store(time.Now().UnixNano())
	}
	env = append(env[:len(env):len(env)], "AWS_LAMBDA_RUNTIME_API="+listener.Addr().String())
	if !job.Waits {
		job.Env = env // extensions see it, too
	}
	if job.Frames {
		if a.relay, err = newRelay(); err != nil {
			return 0, err
		}
	}
	// In namespaces of its own every process that is to be seen is of this environment.
	self := os.Getpid()
	mine := own{listener, func(pid int) bool { return job.Own || descends(pid, self) }}
	signals, children := make(chan os.Signal, 1), make(chan ended)
	signal.Notify(signals, syscall.SIGCHLD)
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP)
	go reap(signals, children) // these end with the process
	go a.serve(mine)
	c := &crew{job: job, a: a, children: children, asked: asked, extensions: map[int]string{}}
	if status, over, err := c.board(); over || err != nil {
		return status, err
	}
	if c.runtime, err = start(job, program{argv: job.Argv, image: job.Image, dir: job.Dir, env: env, relay: a.relay}); err != nil {
		if job.Wrapped && errors.Is(err, os.ErrNotExist) { // as AWS's bootstrap, which is a shell's
			fmt.Fprintf(os.Stderr, "/var/runtime/bootstrap: line 50: %s: No such file or directory\n", job.Argv[0])
			return syscall.WaitStatus(127 << 8), nil
		}
		return 0, err
	}
	used.of(c.runtime)
	if a.relay != nil {
		a.relay.started()
		go a.relay.follow(a)
	}
	go func() {
		if job.Waits && job.Early {
			w, err := l.word()
			if err != nil {
				os.Exit(1)
			}
			a.goOn(w)
		}
		if err := l.listen(a.invoke); err != nil {
			os.Exit(1)
		}
	}()
	return c.sail(), nil
}

// crew is what runs in an environment: the runtime and the extensions.
type crew struct {
	job        *Job
	a          *api
	children   <-chan ended
	asked      <-chan os.Signal
	runtime    int
	extensions map[int]string // names by process
}

// board starts the external extensions and waits for them to register. over says that one of them ended instead.
func (c *crew) board() (status syscall.WaitStatus, over bool, err error) {
	names := External("/opt/extensions")
	if !c.job.Own || len(names) == 0 {
		return 0, false, nil
	}
	c.a.x = newExtensions(names)
	for _, name := range names {
		pid, err := start(c.job, program{argv: []string{filepath.Join("/opt/extensions", name)}, dir: "/", env: extensionEnv(c.job.Env)})
		if err != nil {
			c.a.fail("Extension.LaunchError", fmt.Sprintf("%s: %v", name, err))
			return 0, true, nil
		}
		c.extensions[pid] = name
	}
	done := make(chan struct{})
	go func() {
		c.a.x.wait(0, c.a.x.registeredLocked)
		close(done)
	}()
	for {
		select {
		case <-done:
			return 0, false, nil
		case e := <-c.children:
			if name, ours := c.extensions[e.pid]; ours {
				c.crashed(name, e.status)
				return e.status, true, nil
			}
		}
	}
}

func (c *crew) crashed(name string, status syscall.WaitStatus) {
	kind := c.a.x.failure()
	if kind == "" {
		kind = "Extension.Crash"
	}
	c.a.fail(kind, fmt.Sprintf("extension %s ended: exit status %d", name, status.ExitStatus()))
}

// sail waits for the end: of the runtime, of an extension, which takes all with it, or the supervisor's word.
func (c *crew) sail() syscall.WaitStatus {
	for {
		select {
		case e := <-c.children:
			name, extension := c.extensions[e.pid]
			switch {
			case e.pid == c.runtime:
				if c.a.relay != nil {
					c.a.relay.finish()
				}
				c.a.end()
				c.a.l.drain() // an invocation that is on its way is given back, too
				c.land("failure")
				return e.status
			case extension:
				delete(c.extensions, e.pid)
				c.crashed(name, e.status)
				_ = syscall.Kill(c.runtime, syscall.SIGKILL) // gone already is fine
				return e.status
			}
		case <-c.asked:
			reason := "spindown"
			if c.a.busy() {
				reason = "timeout"
			}
			_ = syscall.Kill(c.runtime, syscall.SIGKILL)
			c.land(reason)
			return syscall.WaitStatus(syscall.SIGKILL)
		}
	}
}

// land ends the extensions.
func (c *crew) land(reason string) {
	if !c.job.Own {
		defer endChildren()
	}
	if len(c.extensions) == 0 {
		return
	}
	c.a.x.shutdown(reason, shutdownLimit)
	limit := time.NewTimer(shutdownLimit)
	defer limit.Stop()
	for len(c.extensions) > 0 {
		select {
		case e := <-c.children:
			delete(c.extensions, e.pid)
		case <-limit.C:
			return
		}
	}
}

// reap tells of every child that ends.
func reap(signals <-chan os.Signal, children chan<- ended) {
	for {
		for {
			var w syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &w, syscall.WNOHANG, nil)
			if pid > 0 {
				children <- ended{pid, w}
				continue
			}
			if err != syscall.EINTR {
				break
			}
		}
		<-signals
	}
}

// endChildren ends what the runtime left behind, as the end of a process namespace would.
func endChildren() {
	for {
		var b []byte
		all, _ := filepath.Glob("/proc/self/task/*/children") // the pattern is well-formed
		for _, name := range all {
			more, _ := os.ReadFile(name) // of a thread that has ended
			b = append(b, more...)
		}
		for _, f := range bytes.Fields(b) {
			if pid, err := strconv.Atoi(string(f)); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		if len(bytes.Fields(b)) == 0 {
			return
		}
		time.Sleep(time.Millisecond) // the reaper takes them
	}
}

// settle makes the namespaces of the first process habitable: its own /tmp and /proc.
func settle(job *Job) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	tmp := 6 + job.Groups
	if err := unix.MoveMount(tmp, "", unix.AT_FDCWD, "/tmp", unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("/tmp: %w", err)
	}
	_ = unix.Close(tmp)
	_ = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "") // refused where /proc is masked: the old one stays
	return nil
}

// program is what start runs.
type program struct {
	argv, env []string
	image     *Launch // instead of argv
	dir       string
	relay     *relay // whose descriptors it gets
}

// start runs a program without powers, on a thread that gives its own up first.
func start(job *Job, p program) (int, error) {
	path, err := p.find()
	if err != nil {
		return 0, err
	}
	files := []uintptr{0, 1, 2}
	if p.relay != nil {
		for _, f := range p.relay.passed {
			files = append(files, f.Fd())
		}
	}
	type answer struct {
		pid int
		err error
	}
	done := make(chan answer)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its goroutine
		for fd := 6; fd < 6+job.Groups; fd++ {
			_, _ = syscall.Write(fd, []byte("0")) // this thread alone; its child inherits the group
		}
		for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
			_ = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0) // refused without namespaces, where there is nothing to drop
		}
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			done <- answer{0, err}
			return
		}
		if len(job.Filter) > 0 {
			if err := confine.Calls(job.Filter); err != nil {
				done <- answer{0, err}
				return
			}
		}
		attr := &syscall.ProcAttr{Dir: p.dir, Env: p.env, Files: files, Sys: &syscall.SysProcAttr{}}
		if job.Own {
			attr.Sys.Setsid = true
		}
		if len(job.User) == 2 {
			attr.Sys.Credential = &syscall.Credential{Uid: uint32(job.User[0]), Gid: uint32(job.User[1])}
		}
		argv := p.argv
		if len(job.Confine) > 0 {
			path, argv = job.Confine[0], append(append(job.Confine[:len(job.Confine):len(job.Confine)], path), argv[1:]...)
		}
		pid, err := syscall.ForkExec(path, argv, attr)
		done <- answer{pid, err}
		select {} // the thread is its child's parent: it lives as long as the process
	}()
	a := <-done
	if a.err != nil {
		return 0, &os.PathError{Op: "fork/exec", Path: path, Err: a.err}
	}
	for name, n := range job.Limits {
		limit := &unix.Rlimit{Cur: uint64(n), Max: uint64(n)}
		_ = unix.Prlimit(a.pid, map[string]int{"RLIMIT_DATA": unix.RLIMIT_DATA, "RLIMIT_NPROC": unix.RLIMIT_NPROC}[name], limit, nil) // ended already is fine
	}
	return a.pid, nil
}

// firstOf gives the first of NUL-separated paths that exists.
func firstOf(paths string) (string, error) {
	all := strings.Split(paths, "\x00")
	for _, p := range all {
		if info, err := os.Stat(p); err == nil && !info.IsDir() {
			return p, nil
		}
	}
	return "", fmt.Errorf("[%s]: %w", strings.Join(all, " "), os.ErrNotExist)
}

// peak reads the most memory that a process has had. The zero value has none yet.
type peak struct {
	mu struct {
		sync.Mutex
		status *os.File // of the process
		buf    [4096]byte
	}
}

// of names the process.
func (p *peak) of(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.status, _ = os.Open("/proc/" + strconv.Itoa(pid) + "/status") // one that has ended has none
}

// kib gives it in KiB.
func (p *peak) kib() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, _ := p.mu.status.ReadAt(p.mu.buf[:], 0) // of a process that has ended
	_, rest, _ := bytes.Cut(p.mu.buf[:n], []byte("VmHWM:"))
	f := bytes.Fields(rest[:min(len(rest), 64)])
	if len(f) == 0 {
		return 0
	}
	kib, _ := strconv.ParseInt(string(f[0]), 10, 64) // 0 when it is no number
	return kib
}
