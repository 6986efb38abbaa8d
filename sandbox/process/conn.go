package process

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"anthill/sandbox"
)

// conn is a data socket with a buffer for what was read and not yet used.
//
// Its reader can wait in two ways. The patient one is Go's poller: as many as you like wait for as long as it takes, and each
// is woken through two schedulers. While answers come soon the reader is prompt: its own thread sleeps in the kernel and
// wakes with the answer, on the processor on which the function has just run. Meanwhile it keeps its place in Go's
// scheduler, which is what makes it cheap and why it must not last: a handler that takes longer than soon ends it for this
// socket, as does an answer that takes longer than late, which on a busy machine is the wait for a processor; and one that
// does not come within a tick of the kernel ends it for all sockets of the driver, for some time.
//
// Only the reader changes the way. Others may set a deadline, which a prompt reader does not need, and close.
type conn struct {
	in  []byte // filled part
	out []byte

	until time.Time // the read deadline that is set, as far as the reader knows
	sent  time.Time // when the newest invocation was
	quick int       // handlers in a row that did not take long

	prompts *prompts // of the driver
	mu      struct {
		sync.Mutex
		mate    mate
		patient *net.UnixConn // nil while the reader is prompt
		prompt  int           // the same socket's descriptor in blocking mode while it is
		closed  bool
	}
}

const (
	soon     = 250 * time.Microsecond // what a handler takes at the most whose answer is waited for promptly
	soonRow  = 3                      // how many must have taken no longer before
	late     = time.Millisecond       // what an answer takes at the most that is waited for promptly
	lateRow  = 30                     // how many handlers more must be quick after one that took longer
	yieldRow = 16                     // prompt readers let others have their turn now and then
	meetRow  = 1024                   // how often it is looked whether the mate is still alone
	respite  = 200 * time.Millisecond
)

// newConn makes the connection to the runtime of the environment whose process the supervisor knows as pid.
func newConn(c *net.UnixConn, pid int, p *prompts) *conn {
	n := &conn{in: make([]byte, 0, 4096), prompts: p}
	n.mu.patient = c
	n.mu.mate.first = pid
	return n
}

// within makes reads end at until at the latest. To move a deadline costs as much as a read: one that comes earlier is left,
// and whoever is woken by it asks again.
func (c *conn) within(until time.Time) error {
	p, err := c.patient()
	if err != nil {
		return err
	}
	if !c.until.IsZero() && !c.until.After(until) && time.Now().Before(c.until) {
		return nil
	}
	c.until = until
	return p.SetReadDeadline(until)
}

// SetReadDeadline wakes a patient reader at t. A prompt one is soon awake by itself.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.patient == nil {
		return nil
	}
	return c.mu.patient.SetReadDeadline(t)
}

// Close ends the connection, and any read of it.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.closed {
		return net.ErrClosed
	}
	c.mu.closed = true
	if c.mu.patient == nil {
		c.mu.mate.over(c.prompts)
		return unix.Close(c.mu.prompt)
	}
	return c.mu.patient.Close()
}

// patient gives the socket for Go's poller.
func (c *conn) patient() (*net.UnixConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.patient != nil {
		return c.mu.patient, nil
	}
	if c.mu.closed {
		return nil, net.ErrClosed
	}
	c.mu.mate.part(c.prompts)
	f := os.NewFile(uintptr(c.mu.prompt), "data")
	p, err := net.FileConn(f)
	f.Close()
	if err != nil {
		c.mu.closed = true
		return nil, err
	}
	c.mu.patient = p.(*net.UnixConn) // it was one
	c.until, c.quick = time.Time{}, min(c.quick, 0)
	return c.mu.patient, nil
}

// hurry makes the reader prompt, if it is not.
func (c *conn) hurry() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.closed || c.mu.patient == nil {
		return
	}
	raw, err := c.mu.patient.SyscallConn()
	if err != nil {
		return
	}
	fd := -1
	if raw.Control(func(old uintptr) { fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }) != nil || err != nil {
		return
	}
	c.mu.patient.Close() // out of the poller, which would be woken by every answer
	c.mu.patient, c.mu.prompt = nil, fd
	tick := unix.NsecToTimeval(int64(time.Millisecond)) // the kernel rounds it up to its ticks, and needs no timer of the machine for it
	_ = unix.SetNonblock(fd, false)
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tick)
	c.mu.mate.meet(c.prompts)
}

// pace is told of every answer to an invocation how long its handler took and when it came, and chooses how the next is
// waited for.
func (c *conn) pace(handler time.Duration, came time.Time) {
	c.quick++
	switch {
	case handler > soon:
		c.quick = 0
	case came.Sub(c.sent) > late && c.isPrompt():
		c.quick = -lateRow
	case c.quick >= soonRow && c.sent.UnixNano() >= c.prompts.stalled.Load():
		c.hurry()
	}
	if c.quick <= 0 {
		_, _ = c.patient() // what is wrong with it shows when it is used
	}
	if c.quick%yieldRow == 0 {
		runtime.Gosched()
	}
	if c.quick%meetRow == 0 {
		c.meetAgain()
	}
}

// meetAgain lets the mate go if it has threads or children by now.
func (c *conn) meetAgain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.patient == nil && !c.mu.closed {
		c.mu.mate.part(c.prompts)
		c.mu.mate.meet(c.prompts)
	}
}

func (c *conn) isPrompt() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.patient == nil
}

// soon gives the next frame if the reader is prompt and it comes soon. came is false when it is not, or it does not.
func (c *conn) soon() (f frame, err error, came bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.patient != nil || c.mu.closed || c.sent.UnixNano() < c.prompts.stalled.Load() {
		return frame{}, nil, false
	}
	defer c.mu.mate.over(c.prompts)
	if c.mu.mate.stay(c.prompts) {
		defer leave(c.prompts)
	}
	for {
		if f, ok, err := c.take(); ok || err != nil {
			return f, err, true
		}
		if len(c.in) == cap(c.in) {
			c.grow()
		}
		room := c.in[len(c.in):cap(c.in)]
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(c.mu.prompt), uintptr(unsafe.Pointer(&room[0])), uintptr(len(room)), 0, 0, 0)
		switch {
		case errno == syscall.EINTR: // Go wants the thread: calling anything lets it have it
			runtime.Gosched()
		case errno == syscall.EAGAIN:
			c.prompts.stalled.Store(time.Now().Add(respite).UnixNano())
			c.mu.mate.part(c.prompts)
			return frame{}, nil, false
		case errno != 0:
			return frame{}, errno, true
		case n == 0:
			return frame{}, io.ErrUnexpectedEOF, true
		default:
			c.in = c.in[:len(c.in)+int(n)]
		}
	}
}

// read gives the next frame. A deadline error leaves what has come so far for the next call.
func (c *conn) read() (frame, error) {
	p, err := c.patient()
	if err != nil {
		return frame{}, err
	}
	for {
		if f, ok, err := c.take(); ok || err != nil {
			return f, err
		}
		if len(c.in) == cap(c.in) {
			c.grow()
		}
		n, err := p.Read(c.in[len(c.in):cap(c.in)])
		c.in = c.in[:len(c.in)+n]
		if n == 0 && err != nil {
			return frame{}, err
		}
		if n == 0 {
			return frame{}, io.ErrUnexpectedEOF
		}
	}
}

// readNow gives a frame that is in the socket already.
func (c *conn) readNow() (frame, error) {
	c.until = time.Time{}
	if err := c.within(time.Now().Add(20 * time.Millisecond)); err != nil {
		return frame{}, err
	}
	return c.read()
}

// grow makes room for the frame that has begun, so that a large one is read in few calls.
func (c *conn) grow() {
	size := 2 * cap(c.in)
	if len(c.in) >= 4 {
		size = max(size, int(binary.BigEndian.Uint32(c.in))+4)
	}
	in := make([]byte, len(c.in), size)
	copy(in, c.in)
	c.in = in
}

// small is what an idle socket takes without waiting for its reader.
const small = 32 << 10

// invoke writes an invocation in one go.
func (c *conn) invoke(number uint64, inv *sandbox.Invocation, deadline time.Time, kind byte) error {
	b, err := appendInvoke(c.out[:0], kind, number, inv, deadline)
	if err != nil {
		return err
	}
	if c.out = b; cap(b) > 64<<10 {
		c.out = nil
	}
	c.sent = time.Now()
	n, err := c.writePromptly(b)
	if err != nil || n == len(b) {
		return err
	}
	p, err := c.patient()
	if err != nil {
		return err
	}
	if len(b) > small {
		if err := p.SetWriteDeadline(deadline); err != nil {
			return err
		}
		defer p.SetWriteDeadline(time.Time{})
	}
	_, err = p.Write(b[n:])
	return err
}

// writePromptly writes as much of b as the socket takes at once, when the reader is prompt.
func (c *conn) writePromptly(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.patient != nil || c.mu.closed || len(b) > small {
		return 0, nil
	}
	c.mu.mate.invite(c.prompts)
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(c.mu.prompt), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case syscall.EAGAIN, syscall.EINTR:
		return 0, nil
	}
	return 0, errno
}
