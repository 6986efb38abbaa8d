package process

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"anthill/fault"
	"anthill/sandbox/supervisor"
)

// slowWakeup is a wake-up that costs more than what is done when awake.
const slowWakeup = 15 * time.Microsecond

// haltPoll is for how long an idle virtual processor looks for work before it halts, in nanoseconds
// (Documentation/virt/guest-halt-polling.rst of the kernel).
const haltPoll = "/sys/module/haltpoll/parameters/guest_halt_poll_ns"

// wakeups says what it costs to wake a processor that sleeps: every invocation does it twice.
func wakeups() (supervisor.Finding, error) {
	f := supervisor.Finding{Name: "quick wake-ups", OK: true, Detail: "one processor: nobody wakes another"}
	p := newPrompts()
	if !p.several {
		return f, nil
	}
	var two []int
	for cpu := 0; len(two) < 2; cpu++ {
		if p.all.IsSet(cpu) {
			two = append(two, cpu)
		}
	}
	alone, err := pingPong(p, two[0], two[0])
	if err != nil {
		return f, err
	}
	across, err := pingPong(p, two[0], two[1])
	if err != nil {
		return f, err
	}
	f.Detail = fmt.Sprintf("%v until a thread of another processor runs, %v on the same", across.Round(time.Microsecond), alone.Round(time.Microsecond))
	if across-alone < slowWakeup {
		return f, nil
	}
	f.OK = false
	f.Detail += ": invocations and steps of workflows take some of these longer than they need"
	if b, err := os.ReadFile(haltPoll); err == nil && strings.TrimSpace(string(b)) == "0" {
		f.Detail += ". Idle processors of this virtual machine halt at once; echo 200000 > " + haltPoll + " has them look for work for 0.2 ms before (root; until the next boot)"
	}
	return f, nil
}

// pingPong is half of the time in which a byte goes from one processor to another and back: what three of four take at least,
// since others use the machine too.
func pingPong(p *prompts, from, to int) (time.Duration, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fault.In("process.Doctor", err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer syscall.Close(fds[0])
	wg.Go(func() {
		defer syscall.Close(fds[1])
		keep(to, p)
		defer leave(p)
		var b [1]byte
		for exchange(unix.SYS_READ, fds[1], &b) && exchange(unix.SYS_WRITE, fds[1], &b) {
		}
	})
	keep(from, p)
	defer leave(p)
	var b [1]byte
	var took []time.Duration
	for range 300 {
		began := time.Now()
		if !exchange(unix.SYS_WRITE, fds[0], &b) || !exchange(unix.SYS_READ, fds[0], &b) {
			return 0, fault.In("process.Doctor", syscall.EPIPE)
		}
		took = append(took, time.Since(began)/2)
	}
	slices.Sort(took)
	return took[len(took)/4], nil
}

// exchange reads or writes a byte, in a way that Go's scheduler takes for a system call that may take its time.
func exchange(call uintptr, fd int, b *[1]byte) bool {
	for {
		n, _, errno := syscall.Syscall(call, uintptr(fd), uintptr(unsafe.Pointer(b)), 1)
		if errno != syscall.EINTR {
			return errno == 0 && n == 1
		}
	}
}
