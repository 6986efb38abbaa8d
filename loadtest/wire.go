package loadtest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

// wire sends over connections of its own, one for each line, in HTTP/1.1: no goroutine stands between a user and the kernel. The request is
// written once and its bytes are sent again and again. See docs/decisions for what that saves.
type wire struct {
	method    string
	url       *url.URL
	header    http.Header
	body      []byte
	fresh     func(time.Time) http.Header // nil for none
	timeout   time.Duration               // of one request; 0 for none
	functions bool
	dialer    net.Dialer

	mu struct {
		sync.Mutex
		open   map[net.Conn]struct{}
		ended  bool
		second int64 // of which bytes hold the fresh headers
		bytes  []byte
	}
}

func newWire(method string, u *url.URL, header http.Header, body []byte, fresh func(time.Time) http.Header, timeout time.Duration, functions bool) *wire {
	w := &wire{method: method, url: u, header: header, body: body, fresh: fresh, timeout: timeout, functions: functions}
	w.mu.open = map[net.Conn]struct{}{}
	return w
}

// request is the request's bytes, with headers that are fresh to the second.
func (w *wire) request(now time.Time) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.bytes != nil && (w.fresh == nil || w.mu.second == now.Unix()) {
		return w.mu.bytes, nil
	}
	req, err := http.NewRequest(w.method, w.url.String(), bytes.NewReader(w.body))
	if err != nil {
		return nil, err
	}
	for k, vs := range w.header {
		req.Header[k] = vs
	}
	if u := w.url.User; u != nil && req.Header.Get("Authorization") == "" {
		password, _ := u.Password()
		req.SetBasicAuth(u.Username(), password)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "anthill-load")
	}
	if w.fresh != nil {
		for k, vs := range w.fresh(now) {
			req.Header[k] = vs
		}
	}
	var b bytes.Buffer
	if err := req.Write(&b); err != nil {
		return nil, err
	}
	w.mu.second, w.mu.bytes = now.Unix(), b.Bytes()
	return w.mu.bytes, nil
}

func (w *wire) line() line {
	l := &wireLine{w: w}
	l.answer.SkipBody = w.method == http.MethodHead
	return l
}

func (w *wire) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.ended = true
	for c := range w.mu.open {
		c.Close()
	}
	clear(w.mu.open)
}

// dial opens a connection that close will close.
func (w *wire) dial(ctx context.Context) (socket, conn net.Conn, err error) {
	if w.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.timeout)
		defer cancel()
	}
	port := w.url.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[w.url.Scheme]
	}
	if socket, err = w.dialer.DialContext(ctx, "tcp", net.JoinHostPort(w.url.Hostname(), port)); err != nil {
		return nil, nil, err
	}
	conn = socket
	if w.url.Scheme == "https" {
		t := tls.Client(socket, &tls.Config{ServerName: w.url.Hostname(), NextProtos: []string{"http/1.1"}})
		if err := t.HandshakeContext(ctx); err != nil {
			socket.Close()
			return nil, nil, err
		}
		conn = t
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.ended {
		conn.Close()
		return nil, nil, net.ErrClosed
	}
	w.mu.open[conn] = struct{}{}
	return socket, conn, nil
}

func (w *wire) hangUp(c net.Conn) {
	c.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.mu.open, c)
}

// wireLine is a connection and the buffers that it needs.
type wireLine struct {
	w      *wire
	socket net.Conn // below TLS
	conn   net.Conn // nil when there is none now
	used   time.Time
	in     *bufio.Reader
	answer fasthttp.Response
	text   string // of the last answer: most are equal
}

// idle is how long a connection may lie unused before it is looked at: servers close such ones.
const idle = time.Second

func (l *wireLine) exchange(ctx context.Context, q *Request) error {
	b, err := l.w.request(q.Sent)
	if err != nil {
		return err
	}
	if l.conn != nil && q.Sent.Sub(l.used) > idle && closedByPeer(l.socket) {
		l.hangUp()
	}
	if l.conn == nil {
		if l.socket, l.conn, err = l.w.dial(ctx); err != nil {
			l.conn = nil
			return err
		}
		if l.in == nil {
			l.in = bufio.NewReaderSize(l.conn, 8<<10)
		} else {
			l.in.Reset(l.conn)
		}
	}
	if err := l.talk(b, q.Sent); err != nil {
		l.hangUp()
		return err
	}
	l.read(q)
	if l.used = time.Now(); l.answer.ConnectionClose() {
		l.hangUp()
	}
	return nil
}

func (l *wireLine) talk(b []byte, now time.Time) error {
	if l.w.timeout > 0 {
		if err := l.conn.SetDeadline(now.Add(l.w.timeout)); err != nil {
			return err
		}
	}
	if _, err := l.conn.Write(b); err != nil {
		return err
	}
	err := l.answer.Read(l.in)
	switch nothing := (fasthttp.ErrNothingRead{}); {
	case errors.As(err, &nothing):
		return io.EOF
	case errors.Is(err, fasthttp.ErrTimeout):
		return os.ErrDeadlineExceeded
	}
	return err
}

// read keeps what q needs of the answer.
func (l *wireLine) read(q *Request) {
	body, h := l.answer.Body(), &l.answer.Header
	q.Status, q.Length = l.answer.StatusCode(), int64(len(body))
	if l.w.functions && len(h.Peek("X-Amz-Function-Error")) > 0 {
		q.Status = http.StatusInternalServerError
	}
	if body = body[:min(len(body), textLimit)]; l.text != string(body) {
		l.text = string(body)
	}
	q.Text, q.TraceID, q.RequestID = l.text, string(h.Peek("X-Amzn-Trace-Id")), string(h.Peek("X-Amzn-Requestid"))
}

func (l *wireLine) hangUp() {
	if l.conn != nil {
		l.w.hangUp(l.conn)
		l.conn = nil
	}
}

// closedByPeer says whether a connection on which nothing is awaited has something to read: its end, or what was not asked for.
func closedByPeer(c net.Conn) bool {
	s, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return true
	}
	gone := true
	err = raw.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		gone = !errors.Is(err, syscall.EAGAIN)
		return true
	})
	return gone || err != nil
}
