package supervisor

import (
	"encoding/json"
	"fmt"
	"os"
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

// launchSpec is what the launch helper is told, on descriptor 4.
type launchSpec struct {
	Variant
	Root   string // an empty directory to build the root on
	Image  string // directory to show as the root instead, with places for /proc, /dev, /tmp; "" for none
	Engine string // crun, which does all this for an image instead; "" for none
	IDs    ids    // for its user namespace
	Passed int    // descriptors from 6 on that the process gets as 3, 4, …
	Self   bool   // the program is this one, which the new root does not show
}

// launchMain is the launch helper: it runs in a mount namespace of its own, builds the root that the process sees, and
// starts it there as the first process of a process namespace. Descriptors: 4 is the spec, 5 takes the process id or the
// error, those from 6 on are passed.
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
	path := spec.Argv[0]
	var self *os.File
	if spec.Self {
		var err error
		if self, err = os.Open("/proc/self/exe"); err != nil {
			return 0, err
		}
		path = fmt.Sprintf("/proc/self/fd/%d", self.Fd())
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return 0, fmt.Errorf("making mounts private: %w", err)
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
	attr := &syscall.SysProcAttr{Setsid: true,
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS}
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: spec.IDs.Base, Size: spec.IDs.Size}}
	attr.GidMappings = attr.UidMappings
	if spec.IDs.Size > 1 {
		attr.GidMappingsEnableSetgroups, attr.Credential = true, &syscall.Credential{}
	}
	return syscall.ForkExec(path, spec.Argv, &syscall.ProcAttr{Dir: "/", Env: spec.Env, Files: files, Sys: attr})
}

// startLauncher runs the helper and gives the process that it started, which has passed from descriptor 3 on.
func (k *keeper) startLauncher(spec *launchSpec, stderr *os.File, passed ...*os.File) (int, error) {
	spec.Passed = len(passed)
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
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	sys := ownMounts()
	sys.Setsid = true
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
		return 0, fmt.Errorf("building the root: %s", b[:n])
	}
	return pid, nil
}

func descriptors(files []*os.File) []uintptr {
	var fds []uintptr
	for _, f := range files {
		fds = append(fds, f.Fd())
	}
	return fds
}
