package runtimeapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"anthill/sandbox/confine"
)

// Job is what an adapter starts.
type Job struct {
	Argv   []string // of the runtime; the first that exists of Argv[0]'s alternatives, separated by NUL
	Env    []string
	Dir    string
	User   []int          // uid and gid of the runtime; nil leaves them
	Groups int            // control group files from descriptor 6 on
	Limits map[string]int // of its resources, by their C names; see setrlimit(2)
	Own    bool           // it is the first process of namespaces of its own; behind the control group files is a mount for /tmp
	// Confine is a program with its first arguments that runs what follows them, confined; empty runs it as it is.
	Confine []string
	Filter  []byte // of the runtime's system calls, as confine.Filter gives it; empty leaves them all
}

// Main is an adapter's program. Its descriptors are 1 and 2 (output), 3 (data), 4 (control), 5 (state page), 6… (control
// group files). argument is the Job in JSON. It gives the exit status.
func Main(argument string) int {
	begin := time.Now().UnixNano()
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
		message := fmt.Sprintf("Couldn't start the runtime: %s", err)
		object, _ := json.Marshal(map[string]string{"errorType": "Runtime.InvalidEntrypoint", "errorMessage": message}) // two strings always marshal
		l.say(encode(frameInitError, 0, stamps(begin, time.Now().UnixNano(), 0), object))
		return 1
	}
	l.end(status)
	if status.Exited() {
		return status.ExitStatus()
	}
	return 128 + int(status.Signal())
}

func run(l *link, job *Job, begin int64) (syscall.WaitStatus, error) {
	if job.Own {
		if err := settle(job); err != nil {
			return 0, err
		}
	}
	if !job.Own { // what the runtime starts and leaves comes to us
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // any kernel that Go runs on has it
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	a := &api{l: l, begin: begin, waits: make(chan *invocation, 1)}
	job.Env = append(job.Env, "AWS_LAMBDA_RUNTIME_API="+listener.Addr().String())
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	pid, err := start(job)
	if err != nil {
		return 0, err
	}
	a.memory = func() int64 { return residentPeak(pid) }
	// In namespaces of its own every process that is to be seen is of this environment.
	self := os.Getpid()
	mine := own{listener, func(pid int) bool { return job.Own || descends(pid, self) }}
	go func() { _ = http.Serve(mine, a) }() // these two end with the process
	go func() {
		_ = l.listen(a.invoke)
		os.Exit(1)
	}()
	for {
		for {
			var w syscall.WaitStatus
			got, err := syscall.Wait4(-1, &w, syscall.WNOHANG, nil)
			if got == pid {
				if !job.Own {
					endChildren()
				}
				return w, nil
			}
			if got <= 0 && err != syscall.EINTR {
				break
			}
		}
		<-ended
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
		if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
			return
		}
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

// start runs the runtime without powers, on a thread that gives its own up first.
func start(job *Job) (int, error) {
	path, err := firstOf(job.Argv[0])
	if err != nil {
		return 0, err
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
		attr := &syscall.ProcAttr{Dir: job.Dir, Env: job.Env, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{}}
		if job.Own {
			attr.Sys.Setsid = true
		}
		if len(job.User) == 2 {
			attr.Sys.Credential = &syscall.Credential{Uid: uint32(job.User[0]), Gid: uint32(job.User[1])}
		}
		argv := append([]string{path}, job.Argv[1:]...)
		if len(job.Confine) > 0 {
			argv = append(job.Confine[:len(job.Confine):len(job.Confine)], argv...)
		}
		pid, err := syscall.ForkExec(argv[0], argv, attr)
		done <- answer{pid, err}
		select {} // the thread is its child's parent: it lives as long as the process
	}()
	a := <-done
	if a.err != nil {
		return 0, fmt.Errorf("%s: %w", path, a.err)
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
	return "", fmt.Errorf("[%s]: no such file", strings.Join(all, " "))
}

// residentPeak is the most memory that a process has had, in KiB.
func residentPeak(pid int) int64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(b, []byte("VmHWM:"))
	f := bytes.Fields(rest)
	if len(f) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(string(f[0]), 10, 64) // 0 when it is no number
	return n
}
