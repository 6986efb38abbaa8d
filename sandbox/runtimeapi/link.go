package runtimeapi

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Frames and state page are described in package process and package supervisor.
const (
	frameHello     = 1
	frameInitDone  = 2
	frameInitError = 3
	frameInvoke    = 4
	frameResponse  = 5
	frameFailure   = 6
	frameAck       = 7
	framePiece     = 9
	frameStreamed  = 10
	frameUntaken   = 11

	stateIdle    = 1
	stateRunning = 2
	stateKept    = 3

	maxFrame = 16 << 20
)

// link is the connection with the platform, whichever platform that is.
type link struct {
	control *net.UnixConn
	page    []byte

	drained chan struct{} // closed when nothing more comes, after drain

	mu struct {
		sync.Mutex
		data   net.Conn
		number uint64
		id     string
		kept   []byte // the newest outcome's frame, until the next invocation
		alone  bool   // no platform is there
		ending bool   // drain was called
	}
}

func newLink(data, control, page *os.File) (*link, error) {
	l := &link{drained: make(chan struct{})}
	c, err := net.FileConn(control)
	if err != nil {
		return nil, err
	}
	control.Close()
	var ok bool
	if l.control, ok = c.(*net.UnixConn); !ok {
		return nil, errors.New("the control descriptor is no Unix socket")
	}
	if l.mu.data, err = net.FileConn(data); err != nil {
		return nil, err
	}
	data.Close()
	if l.page, err = unix.Mmap(int(page.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return l, page.Close()
}

func (l *link) state(s uint32) { binary.LittleEndian.PutUint32(l.page, s) }

func (l *link) running(number uint64, deadlineMS int64, id string) {
	id = id[:min(len(id), 128)]
	binary.LittleEndian.PutUint64(l.page[8:], number)
	binary.LittleEndian.PutUint64(l.page[16:], uint64(time.Now().UnixNano()))
	binary.LittleEndian.PutUint64(l.page[24:], uint64(deadlineMS))
	binary.LittleEndian.PutUint16(l.page[32:], uint16(len(id)))
	copy(l.page[34:], id)
	l.state(stateRunning)
}

func encode(kind byte, number uint64, parts ...[]byte) []byte {
	n := 9
	for _, p := range parts {
		n += len(p)
	}
	b := make([]byte, 0, 4+n)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	b = append(b, kind)
	b = binary.BigEndian.AppendUint64(b, number)
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func stamps(first, second int64, memoryKiB int64) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(first))
	b = binary.BigEndian.AppendUint64(b, uint64(second))
	return binary.BigEndian.AppendUint64(b, uint64(memoryKiB))
}

// say sends a frame that needs no keeping.
func (l *link) say(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.mu.data.Write(b) // a platform that is gone does not wait for it
}

// keep sends an outcome, and keeps it for the next platform.
func (l *link) keep(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.kept = b
	l.state(stateKept)
	_, _ = l.mu.data.Write(b) // kept
}

// drain lets the platform send nothing more, and returns when what it has sent already has been read.
func (l *link) drain() {
	l.mu.Lock()
	l.mu.ending = true
	data, alone := l.mu.data, l.mu.alone
	l.mu.Unlock()
	half, ok := data.(interface{ CloseRead() error })
	if alone || !ok || half.CloseRead() != nil { // what is in the socket stays readable
		return
	}
	<-l.drained
}

// listen reads frames until the supervisor is gone, or all has come that comes after drain.
func (l *link) listen(invoke func(number uint64, payload []byte, streamed bool)) error {
	for {
		l.mu.Lock()
		data := l.mu.data
		l.mu.Unlock()
		r := bufio.NewReaderSize(data, 64<<10)
		for {
			kind, number, payload, err := readFrame(r)
			if err != nil {
				break
			}
			switch kind {
			case frameInvoke, frameStreamed:
				l.mu.Lock()
				l.mu.kept, l.mu.number = nil, number
				l.mu.Unlock()
				invoke(number, payload, kind == frameStreamed)
			case frameAck:
				l.mu.Lock()
				l.mu.kept = nil
				l.state(stateIdle)
				l.mu.Unlock()
			}
		}
		l.mu.Lock()
		l.mu.alone = true
		ending := l.mu.ending
		l.mu.Unlock()
		if ending {
			close(l.drained)
			return nil
		}
		if err := l.nextPlatform(); err != nil {
			return err
		}
	}
}

func readFrame(r *bufio.Reader) (kind byte, number uint64, payload []byte, err error) {
	var head [13]byte
	if _, err = io.ReadFull(r, head[:]); err != nil {
		return 0, 0, nil, err
	}
	n := int(binary.BigEndian.Uint32(head[:])) - 9
	if n < 0 || n > maxFrame {
		return 0, 0, nil, errors.New("what came is no frame")
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(r, payload)
	return head[4], binary.BigEndian.Uint64(head[5:]), payload, err
}

// nextPlatform waits for the socket of the next platform, greets it and gives it what is kept.
func (l *link) nextPlatform() error {
	buf, oob := make([]byte, 4096), make([]byte, unix.CmsgSpace(4*4))
	for {
		n, oobn, _, _, err := l.control.ReadMsgUnix(buf, oob)
		if err != nil || n == 0 {
			return errors.New("the supervisor is gone")
		}
		conn := connOf(oob[:oobn])
		if conn == nil {
			continue
		}
		l.mu.Lock()
		_ = l.mu.data.Close()
		l.mu.data, l.mu.alone = conn, false
		var id []byte
		if l.mu.kept != nil {
			id = []byte(l.mu.id)
		}
		_, _ = conn.Write(encode(frameHello, l.mu.number, id)) // listen finds out when it is gone again
		_, _ = conn.Write(l.mu.kept)
		l.mu.Unlock()
		return nil
	}
}

func connOf(oob []byte) net.Conn {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil || len(fds) == 0 {
			continue
		}
		f := os.NewFile(uintptr(fds[0]), "data")
		conn, err := net.FileConn(f)
		f.Close()
		if err == nil {
			return conn
		}
	}
	return nil
}

// end notes how the runtime ended, for whoever reaps the adapter: a first process cannot end by a signal of its own.
func (l *link) end(w syscall.WaitStatus) {
	binary.LittleEndian.PutUint32(l.page[StatusAt+4:], uint32(w))
	binary.LittleEndian.PutUint32(l.page[StatusAt:], StatusMark)
}

// asking notes whether the runtime waits for its next invocation.
func (l *link) asking(yes bool) {
	var n uint32
	if yes {
		n = 1
	}
	binary.LittleEndian.PutUint32(l.page[AskingAt:], n)
}

// AskingAt is where the state page of an adapter says with 1 that its runtime waits for an invocation: what it does after an
// answer and before it asks again belongs to the invocation.
const AskingAt = 264

// StatusAt is where the state page holds the wait status of an adapter's runtime, after StatusMark.
const (
	StatusAt   = 256
	StatusMark = 0x53544154
)
