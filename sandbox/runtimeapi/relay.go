package runtimeapi

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// relay hands frames on to a runtime that speaks them itself, as the Python one does, when something else is in its
// environment: a wrapper around it, or extensions. To the runtime it is a platform that never goes away.
type relay struct {
	conn   net.Conn
	passed []*os.File // what the runtime gets from descriptor 3 on: data, control, state page
	keep   *os.File   // our end of its control socket
	done   chan struct{}
}

func newRelay() (*relay, error) {
	data, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	control, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	page, err := unix.MemfdCreate("page", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	if err := unix.Ftruncate(page, 4096); err != nil {
		return nil, os.NewSyscallError("ftruncate", err)
	}
	ours := os.NewFile(uintptr(data[1]), "runtime")
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		return nil, err
	}
	return &relay{conn: conn, done: make(chan struct{}), keep: os.NewFile(uintptr(control[1]), "control"),
		passed: []*os.File{os.NewFile(uintptr(data[0]), "data"), os.NewFile(uintptr(control[0]), "control"), os.NewFile(uintptr(page), "page")}}, nil
}

// started is called when the runtime has its descriptors.
func (y *relay) started() {
	for _, f := range y.passed {
		f.Close()
	}
}

// finish returns when what the runtime said before it ended has been passed on.
func (y *relay) finish() {
	_ = y.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // a child of the runtime may hold its end
	<-y.done
}

// follow passes on what the runtime says, until it ends. An invocation that it has not read by then is given back.
func (y *relay) follow(a *api) {
	defer close(y.done)
	r := bufio.NewReaderSize(y.conn, 64<<10)
	for {
		kind, number, payload, err := readFrame(r)
		if err != nil {
			switch {
			case errors.Is(err, unix.ECONNRESET): // its socket was closed with an invocation in it
				a.giveBack()
			case err != io.EOF && !errors.Is(err, os.ErrDeadlineExceeded):
				fmt.Fprintln(os.Stderr, "anthill: the runtime:", err)
			}
			return
		}
		b := encode(kind, number, payload)
		switch kind {
		case frameInitDone:
			a.mu.Lock()
			a.mu.ready = true
			a.mu.Unlock()
			a.l.asking(true) // what speaks frames waits for the next as soon as it has answered
			a.ready(b)
		case frameResponse, frameFailure:
			a.mu.Lock()
			a.mu.current = nil
			a.mu.Unlock()
			a.l.keep(b)
		default:
			a.l.say(b)
		}
	}
}

// invoke gives the runtime an invocation.
func (y *relay) invoke(inv *invocation) error {
	_, err := y.conn.Write(encode(frameInvoke, inv.number, inv.frame))
	return err
}
