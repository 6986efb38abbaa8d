package confine_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"anthill/sandbox/confine"
)

// The tests run this program again, which confines itself and tries things.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "confined" {
		runtime.LockOSThread()
		os.Exit(confined(os.Args[2]))
	}
	os.Exit(m.Run())
}

type order struct {
	Calls bool
	Reach *confine.Reach
	Look  string // a file to read
	Touch string // a file to make
	Kill  int
}

func confined(text string) int {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return 2
	}
	if o.Reach != nil {
		var none [2]unix.CapUserData // root's own powers go further than Landlock
		if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
			fmt.Println(err)
			return 2
		}
		if err := confine.Landlock(*o.Reach); err != nil {
			fmt.Println(err)
			return 2
		}
	}
	if o.Calls {
		filter, err := confine.Filter()
		if err == nil {
			err = confine.Calls(filter)
		}
		if err != nil {
			fmt.Println(err)
			return 2
		}
		try()
	}
	if o.Look != "" {
		_, err := os.ReadFile(o.Look)
		fmt.Println("look:", err == nil)
		err = os.WriteFile(o.Touch, nil, 0o600)
		fmt.Println("touch:", err == nil)
		fmt.Println("kill:", syscall.Kill(o.Kill, 0) == nil)
		_, err = os.ReadFile(fmt.Sprintf("/proc/%d/environ", o.Kill))
		fmt.Println("environ:", err == nil)
	}
	return 0
}

// try prints the system calls that were not refused.
func try() {
	call := func(name string, n uintptr, want unix.Errno, args ...uintptr) {
		var a [3]uintptr
		copy(a[:], args)
		if _, _, err := unix.RawSyscall(n, a[0], a[1], a[2]); err != want {
			fmt.Printf("%s: %v\n", name, err)
		}
	}
	call("mount", unix.SYS_MOUNT, unix.EPERM)
	call("ptrace", unix.SYS_PTRACE, unix.EPERM)
	call("bpf", unix.SYS_BPF, unix.EPERM)
	call("keyctl", unix.SYS_KEYCTL, unix.EPERM)
	call("setns", unix.SYS_SETNS, unix.EPERM)
	call("io_uring_setup", unix.SYS_IO_URING_SETUP, unix.EPERM)
	call("userfaultfd", unix.SYS_USERFAULTFD, unix.EPERM)
	call("unshare", unix.SYS_UNSHARE, unix.EPERM, unix.CLONE_NEWUSER)
	call("unshare of the directory", unix.SYS_UNSHARE, 0, unix.CLONE_FS)
	call("clone", unix.SYS_CLONE, unix.EPERM, unix.CLONE_NEWUSER|uintptr(unix.SIGCHLD))
	call("clone3", unix.SYS_CLONE3, unix.ENOSYS)
	call("a packet socket", unix.SYS_SOCKET, unix.EAFNOSUPPORT, unix.AF_PACKET, unix.SOCK_RAW)
	call("a socket with a disguised family", unix.SYS_SOCKET, unix.EAFNOSUPPORT, 1<<32|unix.AF_ALG, unix.SOCK_SEQPACKET)
	call("a netlink socket for audit", unix.SYS_SOCKET, unix.EAFNOSUPPORT, unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT)
	for _, family := range []uintptr{unix.AF_INET, unix.AF_UNIX, unix.AF_NETLINK} {
		call(fmt.Sprintf("socket %d", family), unix.SYS_DUP, 0, func() uintptr {
			fd, err := unix.Socket(int(family), unix.SOCK_DGRAM, 0)
			if err != nil {
				return ^uintptr(0)
			}
			return uintptr(fd)
		}())
	}
	if out, err := exec.Command("/bin/echo", "-n").CombinedOutput(); err != nil { // fork and exec go on
		fmt.Println("exec:", err, string(out))
	}
	fmt.Println("tried")
}

func run(t *testing.T, o order) string {
	t.Helper()
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(self, "confined", string(b)).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out)
}

func TestCallsAreRefused(t *testing.T) {
	if got := run(t, order{Calls: true}); got != "tried\n" {
		t.Errorf("%s", got)
	}
}

func TestLandlock(t *testing.T) {
	if confine.LandlockVersion() < 6 {
		t.Skipf("the kernel's Landlock is version %d", confine.LandlockVersion())
	}
	dir := t.TempDir()
	mine, theirs := filepath.Join(dir, "mine"), filepath.Join(dir, "theirs")
	for _, d := range []string{mine, theirs} {
		if err := os.Mkdir(d, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d, "file"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	reach := &confine.Reach{Read: []string{"/usr", "/proc", "/absent"}, Write: []string{mine}}
	inside := run(t, order{Reach: reach, Look: filepath.Join(mine, "file"), Touch: filepath.Join(mine, "new"), Kill: os.Getpid()})
	if want := "look: true\ntouch: true\nkill: false\nenviron: false\n"; inside != want {
		t.Errorf("inside: %s, want %s", inside, want)
	}
	outside := run(t, order{Reach: reach, Look: filepath.Join(theirs, "file"), Touch: filepath.Join(theirs, "new"), Kill: os.Getpid()})
	if strings.Contains(outside, "true") {
		t.Errorf("outside: %s", outside)
	}
}

func BenchmarkFilter(b *testing.B) {
	for b.Loop() {
		if _, err := confine.Filter(); err != nil {
			b.Fatal(err)
		}
	}
}
