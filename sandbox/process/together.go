package process

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"anthill/sandbox/supervisor"
)

// prompts is what the prompt readers of one driver have in common.
type prompts struct {
	stalled  atomic.Int64 // until when nobody waits promptly for an answer, nanoseconds since 1970
	underway atomic.Int32 // invocations that were sent promptly and are waited for
	all      unix.CPUSet  // the processors that we may use
	several  bool         // they are more than one
}

func newPrompts() *prompts {
	p := &prompts{}
	p.several = unix.SchedGetaffinity(0, &p.all) == nil && p.all.Count() > 1
	return p
}

// mate is the process that answers a prompt reader. The two take turns: while one works the other sleeps. On two processors
// each turn wakes one that sleeps, which on a virtual machine costs both of them tens of microseconds; on one it is a switch.
// The kernel, which sees a processor that is idle, chooses two. So while an invocation is the only one that is waited for
// promptly, its reader and its mate stay on the processor from which it was sent.
//
// It is for a process of one thread without children. When the reader becomes patient, or has waited for a tick of the kernel
// in vain, all processes of the environment may go anywhere again, those too that the function has started in between.
type mate struct {
	first int  // the environment's process that the supervisor knows
	pid   int  // the runtime; 0 when it is left where it is
	cpu   int  // where it is kept; -1 when it may go anywhere
	moved bool // it was kept somewhere since it was met
	sent  bool // an invocation of it counts as underway
}

// meet looks for the runtime of an environment, when its reader becomes prompt.
func (m *mate) meet(p *prompts) {
	m.pid, m.cpu = 0, -1
	if !p.several || m.first == 0 {
		return
	}
	pid := m.first
	if below := supervisor.Below(pid); len(below) == 1 {
		pid = below[0] // of the process that began the environment
	} else if len(below) > 1 {
		return
	}
	var its unix.CPUSet
	if unix.SchedGetaffinity(pid, &its) == nil && its == p.all && len(supervisor.Threads(pid)) == 1 {
		m.pid = pid
	}
}

// part lets everything go that was kept somewhere.
func (m *mate) part(p *prompts) {
	m.over(p)
	if m.moved {
		m.moved = false
		spread(m.first, p)
	}
	m.pid, m.cpu = 0, -1
}

// spread lets the processes of an environment use all processors.
func spread(first int, p *prompts) {
	if !p.several || first == 0 {
		return
	}
	for _, pid := range append(supervisor.Below(first), first) {
		for _, thread := range supervisor.Threads(pid) {
			_ = unix.SchedSetaffinity(thread, &p.all) // one that has ended meanwhile
		}
	}
}

// invite brings the mate to where an invocation is about to be sent from, or lets it go if others are underway.
func (m *mate) invite(p *prompts) {
	if m.pid == 0 {
		return
	}
	if !m.sent {
		m.sent = true
		p.underway.Add(1)
	}
	cpu := -1
	if p.underway.Load() == 1 {
		cpu = processor()
	}
	if cpu == m.cpu {
		return
	}
	m.moved = true
	if !place(m.pid, cpu, p) {
		m.pid = 0 // it is not ours to move
	}
	m.cpu = cpu
}

// stay keeps the calling goroutine's thread where the mate is kept, until leave. It reports whether it did.
func (m *mate) stay(p *prompts) bool {
	if m.pid == 0 || m.cpu < 0 || m.cpu != processor() { // who was moved meanwhile stays there: to be moved again costs more
		return false
	}
	keep(m.cpu, p)
	return true
}

// keep keeps the calling goroutine on its thread and that on a processor, until leave.
func keep(cpu int, p *prompts) {
	runtime.LockOSThread()
	place(0, cpu, p)
}

func leave(p *prompts) {
	place(0, -1, p)
	runtime.UnlockOSThread()
}

// over is called when the newest invocation is waited for no more.
func (m *mate) over(p *prompts) {
	if m.sent {
		m.sent = false
		p.underway.Add(-1)
	}
}

// place keeps a process or, with 0, the calling thread on a processor, or lets it use all of them if cpu is negative. The
// calls of this file that every invocation makes do not tell Go's scheduler, as those around them do not.
func place(pid, cpu int, p *prompts) bool {
	set := p.all
	if cpu >= 0 {
		set.Zero()
		set.Set(cpu)
	}
	_, _, errno := syscall.RawSyscall(unix.SYS_SCHED_SETAFFINITY, uintptr(pid), unsafe.Sizeof(set), uintptr(unsafe.Pointer(&set)))
	return errno == 0
}

// processor is where the calling thread runs; -1 when that cannot be known.
func processor() int {
	var cpu uint32
	if _, _, errno := syscall.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0); errno != 0 {
		return -1
	}
	return int(cpu)
}
