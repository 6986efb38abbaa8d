package supervisor

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Variant is one way of starting a template.
type Variant struct {
	Argv  []string
	Env   []string
	Binds []Bind // shown read-only in its root; nil means no namespaces at all
}

// Bind shows a file or directory of the machine at another place.
type Bind struct{ From, To string }

// launchSpec is how a process is started in namespaces of its own.
type launchSpec struct {
	Variant
	Root   string // an empty directory to build the root on
	Image  string // directory to show as the root instead, with places for /proc, /dev, /tmp; "" for none
	Engine string // crun, which does all this for an image instead; "" for none
	IDs    ids    // for its user namespace
	Passed int    // descriptors that the process gets as 3, 4, …; the helper has them from 6 on
	Self   bool   // the program is this one, which the new root does not show

	group *cgroup // in which it begins; nil for ours, or where it goes by itself
}

// fork starts the program in namespaces of its own, whose root is that of the thread which calls it.
func (s *launchSpec) fork(self *os.File, files []uintptr) (int, error) {
	attr := &syscall.SysProcAttr{Setsid: true,
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS}
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: s.IDs.Base, Size: s.IDs.Size}}
	attr.GidMappings = attr.UidMappings
	if s.IDs.Size > 1 {
		attr.GidMappingsEnableSetgroups, attr.Credential = true, &syscall.Credential{}
	}
	s.group.begin(attr)
	path := s.Argv[0]
	if s.Self {
		path = fmt.Sprintf("/proc/self/fd/%d", self.Fd())
	}
	return syscall.ForkExec(path, s.Argv, &syscall.ProcAttr{Dir: "/", Env: s.Env, Files: files, Sys: attr})
}

// launchMain is the launch helper, which runs in a mount namespace of its own and starts one process. It is for what a thread
// of the supervisor cannot do: another program's starts (crun), and a trial by somebody who is no supervisor. Descriptors: 4 is
// the spec, 5 takes the process id or the error, those from 6 on are passed.
func launchMain() int {
	answer := os.NewFile(5, "answer")
	syscall.CloseOnExec(4)
	syscall.CloseOnExec(5)
	pid, err := launch(os.NewFile(4, "spec"))
	if err != nil {
		fmt.Fprint(answer, "error: ", err)
		return 1
	}
	fmt.Fprint(answer, pid)
	return 0
}

func launch(in *os.File) (int, error) {
	var spec launchSpec
	if err := json.NewDecoder(in).Decode(&spec); err != nil {
		return 0, err
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return 0, err
	}
	if err := privateMounts(); err != nil {
		return 0, err
	}
	if spec.Engine != "" {
		var passed []*os.File
		for i := range spec.Passed {
			passed = append(passed, os.NewFile(uintptr(6+i), "passed"))
		}
		return container(&spec, fmt.Sprintf("/proc/self/fd/%d", 3+len(passed)), append(passed, self))
	}
	files := []uintptr{0, 1, 2}
	for i := range spec.Passed {
		syscall.CloseOnExec(6 + i)
		files = append(files, uintptr(6+i))
	}
	if err := buildRoot(&spec); err != nil {
		return 0, err
	}
	return spec.fork(self, files)
}

// privateMounts keeps what is mounted here from all others, and what others mount from here.
func privateMounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	return nil
}

// startLauncher starts spec's program, which has passed from descriptor 3 on. registered, if not nil, is called before its end can be
// seen.
func (k *keeper) startLauncher(spec *launchSpec, stderr *os.File, registered func(pid int), passed ...*os.File) (int, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	spec.Root, spec.Passed = k.roots.dir, len(passed)
	if err := os.MkdirAll(spec.Root, 0o711); err != nil {
		return 0, err
	}
	if spec.Engine != "" {
		return k.startHelper(spec, stderr, null, registered, passed)
	}
	files := append([]uintptr{null.Fd(), stderr.Fd(), stderr.Fd()}, descriptors(passed)...)
	var self *os.File
	if spec.Self {
		if self, err = openSelf(int(slices.Max(files))); err != nil {
			return 0, err
		}
		defer self.Close()
	}
	var pid int
	onThread(func() {
		if err = k.roots.enter(spec); err != nil {
			return
		}
		k.mu.Lock()
		defer k.mu.Unlock() // the reaper must not see its end before it is registered
		if k.mu.ended {
			err = fmt.Errorf("the supervisor is ending")
			return
		}
		if pid, err = spec.fork(self, files); err == nil && registered != nil {
			registered(pid)
		}
	})
	return pid, err
}

// openSelf opens this program, under a number that is clear of those up to above: a child has what it is given at numbers from 0
// on before it reads its program, and moves what it needs meanwhile to the next ones above.
func openSelf(above int) (*os.File, error) {
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 2*above+8)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), "self"), nil
}

// onThread calls f on a thread that ends with it, and so may become what no other thread should.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() { // what the main thread is, the process seems to be
			onThread(f)
			runtime.UnlockOSThread()
			return
		}
		f()
	}()
	<-done
}

// startHelper runs the launch helper and gives the process that it started.
func (k *keeper) startHelper(spec *launchSpec, stderr, null *os.File, registered func(pid int), passed []*os.File) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	specOut, specIn, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer specOut.Close()
	answerOut, answerIn, err := os.Pipe()
	if err != nil {
		specIn.Close()
		return 0, err
	}
	defer answerOut.Close()
	sys := ownMounts()
	sys.Setsid = true
	spec.group.begin(sys) // with the helper, which ends soon
	_, err = k.spawn(self, []string{self, "supervisor", "--launch"}, &syscall.ProcAttr{Dir: "/", Env: os.Environ(), Sys: sys,
		Files: append([]uintptr{null.Fd(), stderr.Fd(), stderr.Fd(), null.Fd(), specOut.Fd(), answerIn.Fd()}, descriptors(passed)...)}, nil)
	answerIn.Close()
	if err != nil {
		specIn.Close()
		return 0, err
	}
	err = json.NewEncoder(specIn).Encode(spec)
	specIn.Close()
	if err != nil {
		return 0, err
	}
	b := make([]byte, 4096)
	n, _ := answerOut.Read(b) // nothing came: the text below says so
	var pid int
	if _, err := fmt.Sscan(string(b[:n]), &pid); err != nil {
		return 0, fmt.Errorf("starting a container: %s", b[:n])
	}
	if registered != nil {
		k.mu.Lock()
		registered(pid)
		k.mu.Unlock()
		k.missed(pid)
	}
	return pid, nil
}

// missed notes the end of a process that was reaped before it was registered.
func (k *keeper) missed(pid int) {
	if syscall.Kill(pid, 0) != syscall.ESRCH {
		return
	}
	k.mu.Lock()
	e := k.mu.pids[pid]
	delete(k.mu.pids, pid)
	k.mu.Unlock()
	if e != nil {
		k.ended(e, Exit{PID: pid, Status: "exit status 1"})
	}
}

func descriptors(files []*os.File) []uintptr {
	var fds []uintptr
	for _, f := range files {
		fds = append(fds, f.Fd())
	}
	return fds
}
