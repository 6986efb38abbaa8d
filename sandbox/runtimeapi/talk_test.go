package runtimeapi

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// What is served by hand, and what is left to net/http.
func TestReadHead(t *testing.T) {
	const root = " /2018-06-01/runtime/"
	next := "GET" + root + "invocation/next HTTP/1.1\r\nHost: 127.0.0.1:80\r\n"
	response := "POST" + root + "invocation/id-1/response HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n"
	for _, c := range []struct {
		name, head string
		want       verdict
		r          request
	}{
		{"next", next + "\r\n", ours, request{call: callNext}},
		{"next, kept alive", next + "connection: Keep-Alive\r\nUser-Agent: Go-http-client/1.1\r\n\r\n", ours, request{call: callNext}},
		{"response", response + "Content-Type: application/json\r\n\r\n", ours, request{callResponse, "id-1", 12}},
		{"word", "GET" + root + "wait HTTP/1.1\r\nHost: x\r\n\r\n", ours, request{call: callWord}},
		{"exercise", "POST" + root + "wait HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", ours, request{call: callExercise}},
		{"nothing", "", unread, request{}},
		{"a part", response, unread, request{}},
		{"a part of a method", "GE", unread, request{}},
		{"another method", "PUT" + root, other, request{}},
		{"another path", "GET /2020-01-01/extension/event/next HTTP/1.1\r\n", other, request{}},
		{"an error", "POST" + root + "invocation/id-1/error HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n", other, request{}},
		{"a path too short", "POST" + root + "0/response HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", other, request{}},
		{"an old protocol", strings.Replace(next, "1.1", "1.0", 1) + "\r\n", other, request{}},
		{"a query", strings.Replace(next, "next", "next?a", 1) + "\r\n", other, request{}},
		{"an escaped id", strings.Replace(response, "id-1", "id%2d1", 1) + "\r\n", other, request{}},
		{"no host", "GET" + root + "invocation/next HTTP/1.1\r\n\r\n", other, request{}},
		{"two hosts", next + "Host: x\r\n\r\n", other, request{}},
		{"no length", strings.Replace(response, "Content-Length: 12\r\n", "", 1) + "\r\n", other, request{}},
		{"two lengths", response + "Content-Length: 12\r\n\r\n", other, request{}},
		{"a signed length", strings.Replace(response, "12", "+12", 1) + "\r\n", other, request{}},
		{"a great length", strings.Replace(response, "12", "7000000", 1) + "\r\n", other, request{}},
		{"a body to next", next + "Content-Length: 1\r\n\r\n", other, request{}},
		{"chunks", response + "Transfer-Encoding: chunked\r\n\r\n", other, request{}},
		{"a stream", response + "Lambda-Runtime-Function-Response-Mode: streaming\r\n\r\n", other, request{}},
		{"an expectation", response + "Expect: 100-continue\r\n\r\n", other, request{}},
		{"its last", next + "Connection: close\r\n\r\n", other, request{}},
		{"a folded line", next + "A: b\r\n c\r\n\r\n", other, request{}},
		{"a bare end of line", next + "A: b\nC: d\r\n\r\n", other, request{}},
		{"a space in a name", next + "A : b\r\n\r\n", other, request{}},
		{"no colon", next + "A\r\n\r\n", other, request{}},
		{"without end", next + "A: " + strings.Repeat("x", maxHead), other, request{}},
	} {
		r, n, v := readHead([]byte(c.head))
		if v != c.want || r != c.r || v == ours && n != len(c.head) {
			t.Errorf("%s: %+v, %d, verdict %d; want %+v, verdict %d", c.name, r, n, v, c.r, c.want)
		}
	}
}

// Whatever is served by hand net/http would have understood in the same way, however it comes in pieces.
func FuzzReadHead(f *testing.F) {
	f.Add([]byte("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1:80\r\nA:\tb\r\n\r\n"))
	f.Add([]byte("POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\nhost: x\r\nContent-Length: 2\r\n\r\n{}GET"))
	f.Add([]byte("POST /2018-06-01/runtime/wait HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nContent-Length: 007\r\n\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, n, v := readHead(in)
		for part := range min(len(in), 200) {
			if _, _, early := readHead(in[:part]); v == ours && early == other || v == unread && early != unread {
				t.Fatalf("%q is verdict %d, the whole is %d", in[:part], early, v)
			}
		}
		if v != ours {
			return
		}
		h, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(in[:n]), strings.NewReader(strings.Repeat("x", r.length)))))
		if err != nil {
			t.Fatalf("%q: net/http says %v", in[:n], err)
		}
		path := map[call]string{callNext: "invocation/next", callResponse: "invocation/" + r.id + "/response", callExercise: "wait", callWord: "wait"}[r.call]
		if h.URL.Path != "/2018-06-01/runtime/"+path || h.ContentLength != int64(r.length) || h.Close || len(h.TransferEncoding) > 0 || h.Host == "" || len(h.Header["Expect"]) > 0 {
			t.Errorf("%q: %+v, net/http reads %+v", in[:n], r, h)
		}
	})
}

// A connection may be asked for anything after anything: what is served by hand, what is not, an answer in pieces of a byte,
// and a runtime that goes away while it waits loses nothing.
func TestOneConnection(t *testing.T) {
	url, a, platform := serve(t)
	go func() { _, _ = io.Copy(io.Discard, platform) }()
	host := strings.Split(url, "/")[2]
	dial := func() (net.Conn, *bufio.Reader) {
		t.Helper()
		c, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c, bufio.NewReader(c)
	}
	const next = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"
	post := func(path, body string) string {
		return fmt.Sprintf("POST /2018-06-01/runtime/%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	}
	answer := func(r *bufio.Reader, status int, body string) {
		t.Helper()
		h, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(h.Body)
		if err != nil || h.StatusCode != status || string(b) != body {
			t.Fatalf("%d %q, %v; want %d %q", h.StatusCode, b, err, status, body)
		}
	}
	give := func(n uint64, id, event string) {
		a.invoke(n, append(head(id, "1", "a\r\nX: y", "", "", ""), event...), false)
	}
	waiting := func(n int) { // until so many connections have asked
		for {
			a.mu.Lock()
			all := len(a.mu.askers)
			a.mu.Unlock()
			if runtime.Gosched(); all == n {
				return
			}
		}
	}

	first, r := dial()
	fmt.Fprint(first, next)
	waiting(1)
	first.Close() // nobody has it
	waiting(0)
	second, r := dial()
	fmt.Fprint(second, next)
	waiting(1)
	give(1, "one", `"first"`)
	answer(r, 200, `"first"`)
	for _, c := range []byte(post("invocation/one/response", "1")) {
		if _, err := second.Write([]byte{c}); err != nil {
			t.Fatal(err)
		}
	}
	answer(r, 202, string(accepted))
	fmt.Fprint(second, next+next) // it asks twice in one breath
	give(2, "two", strings.Repeat("x", 2*small))
	answer(r, 200, strings.Repeat("x", 2*small))
	answer(r, 200, strings.Repeat("x", 2*small)) // the same, as it has no answer yet
	fmt.Fprint(second, post("invocation/two/response", strings.Repeat("y", 3*maxHead)))
	answer(r, 202, string(accepted))
	fmt.Fprint(second, post("invocation/two/response", "late")+post("init/error", "{}")) // the other is net/http's
	answer(r, 400, `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`)
	answer(r, 403, `{"errorMessage":"Transition from Ready to InitError is not allowed for Runtime","errorType":"InvalidStateTransition"}`)
	give(3, "three", "3")
	fmt.Fprint(second, next) // and stays there
	answer(r, 200, "3")
	third, r := dial()
	fmt.Fprint(third, next)
	answer(r, 200, "3")
	outcome := func() []byte {
		a.l.mu.Lock()
		defer a.l.mu.Unlock()
		return bytes.Clone(a.l.mu.kept)
	}
	before := outcome()
	fmt.Fprint(third, post("invocation/three/response", "1234")[:len(post("invocation/three/response", "1234"))-2])
	third.Close() // in the middle of it
	for kept := before; bytes.Equal(kept, before); kept = outcome() {
		runtime.Gosched() // until the end of the connection is read
	}
	if kept := outcome(); !bytes.Contains(kept, []byte("Runtime.TruncatedResponse")) {
		t.Errorf("kept: %.300q", kept)
	}
}

// A runtime that has closed its connection gets no invocation, even when nobody has noticed yet.
func TestGone(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	there, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	here, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	k := &talk{conn: here}
	if k.gone() {
		t.Error("it is there")
	}
	there.Close()
	a := &api{l: &link{page: make([]byte, 4096)}}
	a.mu.askers = []*talk{k}
	inv := &invocation{id: "x"}
	if !k.gone() || a.askerLocked(inv) != nil || a.mu.current != nil {
		t.Error("it has gone, and gets an invocation")
	}
}
