package loadtest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"anthill/loadtest"
)

func TestMain(m *testing.M) {
	if loadtest.EchoChild(os.Args) { // the benchmarks' floor runs in a process of its own
		return
	}
	goleak.VerifyTestMain(m)
}

// once sends one request.
func once(t *testing.T, o loadtest.Open) *loadtest.Result {
	t.Helper()
	o.Arrivals = loadtest.Arrivals{0}
	r, err := o.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The lean sender says what net/http's client says, and reads what it reads.
func TestWireAgreesWithNetHTTP(t *testing.T) {
	long := strings.Repeat("long ", 1000)
	var got atomic.Pointer[http.Request]
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.Store(r.Clone(context.Background()))
		switch r.URL.Path {
		case "/chunked":
			for range 3 {
				fmt.Fprint(w, "part ")
				w.(http.Flusher).Flush()
			}
		case "/long":
			fmt.Fprint(w, long)
		case "/close":
			w.Header().Set("Connection", "close")
			fmt.Fprint(w, "closed")
		case "/moved":
			http.Redirect(w, r, "/long", http.StatusFound)
		case "/empty":
			w.WriteHeader(http.StatusNoContent)
		case "/unwell":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/function":
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			fmt.Fprint(w, `{"errorMessage": "no"}`)
		default:
			b, _ := io.ReadAll(r.Body)
			w.Header().Set("X-Amzn-Trace-Id", "Root=1-a")
			w.Header().Set("x-amzn-RequestId", "id-1")
			w.Write(b)
		}
	}))
	defer s.Close()
	plain := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, path := range []string{"/echo?a=%2Fb", "/chunked", "/long", "/close", "/moved", "/empty", "/unwell", "/function"} {
		c := loadtest.Open{URL: s.URL + path, Body: []byte(`{"x": 1}`), Header: http.Header{"Content-Type": {"application/json"}, "X-Own": {"1"}}, FunctionErrors: true}
		lean := once(t, c)
		asked := got.Load()
		c.Client = plain
		other := once(t, c)
		if len(lean.Requests) != 1 || len(other.Requests) != 1 {
			t.Fatalf("%s: %d and %d requests", path, len(lean.Requests), len(other.Requests))
		}
		a, b := lean.Requests[0], other.Requests[0]
		if a.Status != b.Status || a.Length != b.Length || a.Failure != b.Failure || a.TraceID != b.TraceID || a.RequestID != b.RequestID {
			t.Errorf("%s: lean %+v, net/http %+v", path, a, b)
		}
		if asked.Method != "POST" || asked.Host != got.Load().Host || asked.RequestURI != path || asked.Header.Get("X-Own") != "1" || asked.ContentLength != 8 {
			t.Errorf("%s: the server saw %s %s of %s, %v", path, asked.Method, asked.RequestURI, asked.Host, asked.Header)
		}
	}
}

// Every user keeps a connection for itself; one that the server closed meanwhile is found closed before it is used.
func TestWireKeepsConnections(t *testing.T) {
	var connections atomic.Int32
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	s := httptest.NewUnstartedServer(ok)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	r, err := loadtest.Closed{URL: s.URL, Users: 3, SpawnRate: 100, NoWait: true, RunTime: 100 * time.Millisecond}.Run(t.Context())
	if err != nil || len(r.Requests) < 10 || len(r.Run.Failures) != 0 || connections.Load() != 3 {
		t.Errorf("%d requests over %d connections: %+v %v", len(r.Requests), connections.Load(), r.Run.Failures, err)
	}
	hasty := httptest.NewUnstartedServer(ok)
	hasty.Config.IdleTimeout = time.Millisecond // each answer's connection is closed soon after it
	hasty.Start()
	defer hasty.Close()
	wait := 1100 * time.Millisecond
	r, err = loadtest.Closed{URL: hasty.URL, Users: 1, WaitMin: wait, WaitMax: wait, RunTime: 2500 * time.Millisecond}.Run(t.Context())
	if err != nil || len(r.Requests) != 3 || len(r.Run.Failures) != 0 {
		t.Errorf("over connections that the server closes: %d requests, %+v %v", len(r.Requests), r.Run.Failures, err)
	}
}

// A request that is on its way when the test ends is cut off and dropped, also one that nobody would ever answer.
func TestWireEndsWithTheTest(t *testing.T) {
	block := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-block }))
	defer s.Close()
	defer close(block)
	r, err := loadtest.Closed{URL: s.URL, Users: 1, RunTime: 50 * time.Millisecond}.Run(t.Context())
	if err != nil || r.Dropped != 1 || len(r.Requests) != 0 {
		t.Errorf("%d dropped, %d requests", r.Dropped, len(r.Requests))
	}
	as := loadtest.Arrivals{0, time.Millisecond}
	o, err := loadtest.Open{URL: s.URL, Arrivals: as, Timeout: 50 * time.Millisecond}.Run(t.Context())
	if err != nil || len(o.Requests) != 2 || o.Requests[0].Failure != "Timeout('the request took too long')" {
		t.Errorf("open: %+v %v", o.Requests, err)
	}
}

func TestWireNamesItsTroublesAsLocustDoes(t *testing.T) {
	answer := func(text string) string { // serves one connection
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			_, _ = http.ReadRequest(bufio.NewReader(c))
			fmt.Fprint(c, text)
		}()
		return "http://" + l.Addr().String() + "/"
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + free.Addr().String() + "/"
	free.Close()
	for _, c := range []struct{ name, url, failure string }{
		{"nobody there", nobody, "ConnectionRefusedError(111, 'Connection refused')"},
		{"no answer", answer(""), "RemoteDisconnected('Remote end closed connection without response')"},
		{"half a body", answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), "RemoteDisconnected('Remote end closed connection without response')"},
		{"half a head", answer("HTTP/1.1 200 OK\r\nContent-"), "RemoteDisconnected('Remote end closed connection without response')"},
	} {
		r := once(t, loadtest.Open{URL: c.url})
		if len(r.Run.Failures) != 1 || r.Run.Failures[0].Error != c.failure {
			t.Errorf("%s: %+v", c.name, r.Run.Failures)
		}
	}
	if r := once(t, loadtest.Open{URL: answer("no HTTP at all\r\n\r\n")}); len(r.Run.Failures) != 1 || !strings.HasPrefix(r.Run.Failures[0].Error, "ConnectionError('") {
		t.Errorf("no HTTP: %+v", r.Run.Failures)
	}
}

// Fresh headers are asked for once a second and not for every request.
func TestFreshHeaders(t *testing.T) {
	seen := make(chan string, 10_000)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("X-Fresh")
	}))
	defer s.Close()
	asked := 0
	r, err := loadtest.Closed{URL: s.URL, Users: 2, SpawnRate: 100, WaitMin: 10 * time.Millisecond, WaitMax: 10 * time.Millisecond, RunTime: 1200 * time.Millisecond, Fresh: func(time.Time) http.Header {
		asked++
		return http.Header{"X-Fresh": {fmt.Sprint(asked)}}
	}}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	close(seen)
	last := ""
	for v := range seen {
		last = v
	}
	if asked < 2 || asked > 3 || last != fmt.Sprint(asked) || len(r.Run.Failures) != 0 {
		t.Errorf("asked %d times, the last request had %s: %+v", asked, last, r.Run.Failures)
	}
}

// BenchmarkGenerator prints what a request costs the generator in CPU time, with its recording and its log: over its own connections, and through
// net/http's client.
func BenchmarkGenerator(b *testing.B) {
	for _, c := range []struct {
		name   string
		client *http.Client
	}{{"lean", nil}, {"net-http", &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}} {
		b.Run(c.name, func(b *testing.B) {
			echo, err := loadtest.StartEcho(b.Context(), "")
			if err != nil {
				b.Fatal(err)
			}
			defer echo.Close()
			log, err := os.Create(b.TempDir() + "/log")
			if err != nil {
				b.Fatal(err)
			}
			defer log.Close()
			cpu := func() int64 {
				var u syscall.Rusage
				if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
					b.Fatal(err)
				}
				return u.Utime.Nano() + u.Stime.Nano()
			}
			n, before := 0, cpu()
			for b.Loop() {
				r, err := loadtest.Closed{URL: echo.URL, Body: []byte("{}"), Users: 16, SpawnRate: 1e6, RunTime: time.Second, NoWait: true, Client: c.client, Log: log}.Run(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				n += len(r.Requests)
			}
			b.ReportMetric(float64(cpu()-before)/1000/float64(n), "cpu-µs/request")
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}
