package runtimeapi

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A runtime makes two calls for every invocation. They are served by hand: the goroutine that reads the platform's frames
// writes an invocation to the connection whose runtime asks for it, and the one that reads the connection writes the
// answer's frame, so that nothing is handed from one to the other. A connection on which anything else is asked goes to
// net/http with what has been read of it, and stays there.

// small is what fits into a connection's buffers without anybody waiting.
const small = 32 << 10

// serve serves the Runtime API to whoever connects, until l is closed.
func (a *api) serve(l net.Listener) {
	rest := &handover{addr: l.Addr(), conns: make(chan net.Conn), closed: make(chan struct{})}
	go func() { _ = http.Serve(rest, a) }() // it ends with the listener
	defer rest.Close()
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go (&talk{a: a, conn: c}).run(rest) // it ends with the connection
	}
}

// handover is the listener of net/http: connections come to it that are not served by hand.
type handover struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
}

func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *handover) Close() error {
	select {
	case <-h.closed:
	default:
		close(h.closed)
	}
	return nil
}

func (h *handover) Addr() net.Addr { return h.addr }

// begun is a connection of which some has been read.
type begun struct {
	net.Conn
	rest io.Reader
}

func (b begun) Read(p []byte) (int, error) { return b.rest.Read(p) }

// talk is a connection that is served by hand.
type talk struct {
	a    *api
	conn net.Conn
	in   []byte // what was read and not yet used
	out  []byte

	given chan struct{} // closed when an invocation is given to it, if it has to know; under api.mu
}

// oneLine keeps a header's value to its line, as net/http does.
var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

// run serves requests until the connection ends, or until there is one that it does not know.
func (t *talk) run(rest *handover) {
	for {
		r, n, v := readHead(t.in)
		switch {
		case v == unread:
			if !t.read() {
				t.conn.Close()
				return
			}
		case v == ours && (r.call <= callResponse || t.a.job.Waits):
			t.in = t.in[:copy(t.in, t.in[n:])]
			if !t.do(r) {
				t.conn.Close()
				return
			}
		default:
			c := begun{t.conn, io.MultiReader(bytes.NewReader(t.in), t.conn)}
			select {
			case rest.conns <- c:
			case <-rest.closed:
				t.conn.Close()
			}
			return
		}
	}
}

// read adds what comes next. false is the end.
func (t *talk) read() bool {
	if cap(t.in) == 0 {
		t.in = make([]byte, 0, maxHead)
	}
	n, err := t.conn.Read(t.in[len(t.in):cap(t.in)])
	t.in = t.in[:len(t.in)+n]
	return n > 0 || err == nil
}

// do serves a request. false means that nothing can follow.
func (t *talk) do(r request) bool {
	switch r.call {
	case callNext:
		return t.next()
	case callResponse:
		return t.response(r)
	case callExercise: // it comes back as an invocation
		body := make([]byte, r.length)
		return t.body(body) && t.give(&invocation{id: "00000000-0000-0000-0000-000000000000", deadline: "0", arn: "arn:", event: body})
	}
	return t.say("200 OK", <-t.a.word) // callWord
}

// next gives the runtime its next invocation, at once or when it comes. The first call ends the init phase.
func (t *talk) next() bool {
	a := t.a
	a.mu.Lock()
	a.beginLocked()
	inv := a.mu.current // a runtime that asks again without an answer gets the same one
	if inv == nil {
		select {
		case inv = <-a.waits:
		default:
		}
	}
	if inv != nil {
		a.mu.current, inv.entered = inv, time.Now().UnixNano()
		a.mu.Unlock()
		return t.give(inv)
	}
	a.mu.askers = append(a.mu.askers, t)
	a.l.asking(true)
	a.mu.Unlock()
	if len(t.in) == 0 && !t.read() { // that is its end, or what comes after it has been given something
		a.leave(t)
		return false
	}
	a.mu.Lock()
	var given chan struct{}
	if slices.Contains(a.mu.askers, t) { // it asks for more before it has an answer
		given = make(chan struct{})
		t.given = given
	}
	a.mu.Unlock()
	if given != nil {
		<-given
	}
	return true
}

// leave forgets that t asked.
func (a *api) leave(t *talk) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.askers = slices.DeleteFunc(a.mu.askers, func(o *talk) bool { return o == t })
	a.l.asking(len(a.mu.askers) > 0)
}

// askerLocked takes the connection that has asked first, nil when none has, and hands it inv, which has to be given to it.
func (a *api) askerLocked(inv *invocation) *talk {
	for len(a.mu.askers) > 0 {
		t := a.mu.askers[0]
		a.mu.askers = slices.Delete(a.mu.askers, 0, 1)
		a.l.asking(len(a.mu.askers) > 0)
		if !t.gone() {
			a.mu.current, inv.entered = inv, time.Now().UnixNano()
			return t
		}
	}
	return nil
}

// gone reports whether the other end has closed the connection, which whoever reads it may not have seen yet. An invocation
// that goes there is lost, where another runtime could have it.
func (t *talk) gone() bool {
	s, ok := t.conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return true
	}
	var b [1]byte
	n := -1
	if raw.Control(func(fd uintptr) { n, _, err = unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT) }) != nil {
		return true
	}
	return n == 0 && err == nil || err != nil && err != unix.EAGAIN && err != unix.EINTR
}

// give writes an invocation. A runtime that went away ends the environment.
func (t *talk) give(inv *invocation) bool {
	b := make([]byte, 0, 512+len(inv.arn)+len(inv.trace)+len(inv.client)+len(inv.identity)+len(inv.event))
	b = append(b, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"...)
	for _, f := range [...]struct{ name, value string }{
		{"Lambda-Runtime-Aws-Request-Id: ", inv.id},
		{"Lambda-Runtime-Deadline-Ms: ", inv.deadline},
		{"Lambda-Runtime-Invoked-Function-Arn: ", inv.arn},
		{"Lambda-Runtime-Trace-Id: ", inv.trace},
		{"Lambda-Runtime-Client-Context: ", inv.client},
		{"Lambda-Runtime-Cognito-Identity: ", inv.identity},
	} {
		if f.value != "" {
			b = append(b, f.name...)
			b = append(b, oneLine.Replace(f.value)...)
			b = append(b, "\r\n"...)
		}
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(inv.event)), 10)
	b = append(b, "\r\n\r\n"...)
	b = append(b, inv.event...)
	_, err := t.conn.Write(b)
	return err == nil
}

// response takes an answer in one piece.
func (t *talk) response(r request) bool {
	returned := time.Now().UnixNano()
	const frame, stamp = 4 + 1 + 8, 3 * 8
	b := make([]byte, frame+stamp+r.length)
	whole := t.body(b[frame+stamp:])
	inv := t.a.answered(r.id)
	switch {
	case inv == nil:
		return whole && t.say("400 Bad Request", refusal("InvalidRequestID", "Invalid request ID"))
	case !whole:
		t.a.answer(inv, returned, "Runtime.TruncatedResponse", truncated)
		return false
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	b[4] = frameResponse
	binary.BigEndian.PutUint64(b[5:], inv.number)
	copy(b[frame:], stamps(inv.entered, returned, t.a.used(returned-inv.entered)))
	t.a.l.keep(b)
	return t.say("202 Accepted", accepted)
}

// body fills b with what comes after the head.
func (t *talk) body(b []byte) bool {
	n := copy(b, t.in)
	t.in = t.in[:copy(t.in, t.in[n:])]
	_, err := io.ReadFull(t.conn, b[n:])
	return err == nil
}

// say answers in JSON.
func (t *talk) say(status string, body []byte) bool {
	b := append(t.out[:0], "HTTP/1.1 "...)
	b = append(b, status...)
	b = append(b, "\r\nContent-Type: application/json\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, "\r\n\r\n"...)
	b = append(b, body...)
	t.out = b
	_, err := t.conn.Write(b)
	return err == nil
}
