package loadtest_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"anthill/loadtest"
)

func TestArrivals(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name string
		make func() (loadtest.Arrivals, error)
		n    int // -1: refused
		end  time.Duration
	}{
		{"constant", func() (loadtest.Arrivals, error) { return loadtest.Constant(4, 3*s) }, 12, 2750 * time.Millisecond},
		{"less than one a second", func() (loadtest.Arrivals, error) { return loadtest.Constant(0.5, 6*s) }, 3, 4 * s},
		{"steps", func() (loadtest.Arrivals, error) { return loadtest.Steps("10x1s, 0x5s,2x2s") }, 14, 7500 * time.Millisecond},
		{"no rate", func() (loadtest.Arrivals, error) { return loadtest.Constant(0, s) }, -1, 0},
		{"too many", func() (loadtest.Arrivals, error) { return loadtest.Constant(1e9, time.Hour) }, -1, 0},
		{"no step", func() (loadtest.Arrivals, error) { return loadtest.Steps("10 for a minute") }, -1, 0},
		{"negative step", func() (loadtest.Arrivals, error) { return loadtest.Steps("-1x1s") }, -1, 0},
		{"counts", func() (loadtest.Arrivals, error) { return loadtest.Replay(strings.NewReader("2\n0\n3\n"), "", 1, 1) }, 5, -1},
		{"Azure", func() (loadtest.Arrivals, error) {
			return loadtest.Replay(strings.NewReader("HashOwner,HashApp,HashFunction,Trigger,1,2,3\na,b,f,http,1,0,2\na,b,g,timer,4,4,4\n"), "f", 60, 1)
		}, 3, -1},
		{"Azure, all", func() (loadtest.Arrivals, error) {
			return loadtest.Replay(strings.NewReader("HashOwner,HashApp,HashFunction,Trigger,1,2,3\na,b,f,http,1,0,2\na,b,g,timer,4,4,4\n"), "", 60, 1)
		}, 15, -1},
		{"no such function", func() (loadtest.Arrivals, error) {
			return loadtest.Replay(strings.NewReader("HashFunction,1\nf,1\n"), "h", 1, 1)
		}, -1, 0},
		{"no trace", func() (loadtest.Arrivals, error) { return loadtest.Replay(strings.NewReader("a,b\n1,2\n"), "", 1, 1) }, -1, 0},
		{"no count", func() (loadtest.Arrivals, error) { return loadtest.Replay(strings.NewReader("many\n"), "", 1, 1) }, -1, 0},
		{"empty", func() (loadtest.Arrivals, error) { return loadtest.Replay(strings.NewReader(""), "", 1, 1) }, -1, 0},
	} {
		as, err := c.make()
		if c.n < 0 {
			if err == nil {
				t.Errorf("%s was not refused", c.name)
			}
			continue
		}
		if err != nil || len(as) != c.n || !slices.IsSorted(as) || c.end >= 0 && as[len(as)-1] != c.end {
			t.Errorf("%s: %v %v", c.name, as, err)
		}
	}
	as, err := loadtest.Poisson(100, time.Minute, 5)
	if err != nil || len(as) < 5700 || len(as) > 6300 || !slices.IsSorted(as) {
		t.Errorf("Poisson of 100 a second gave %d in a minute, %v", len(as), err)
	}
}

// A server that stalls for a second answers late, and the requests that were due meanwhile are sent at their time all
// the same: the wait is in the figures and is not omitted.
func TestOpenRunOmitsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stall := time.Now().Add(2 * time.Second)
		b := &bubbleTransport{n: make(chan int, 1), answer: func(int, *http.Request) (*http.Response, time.Duration) {
			d := 5 * time.Millisecond
			if now := time.Now(); !now.Before(stall) && now.Before(stall.Add(time.Second)) {
				d = stall.Add(time.Second).Sub(now) + 5*time.Millisecond
			}
			return respond(200, "ok"), d
		}}
		b.n <- 0
		as, err := loadtest.Constant(50, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		r, err := loadtest.Open{URL: "http://api.example/x", Arrivals: as, Client: &http.Client{Transport: b}}.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		slow := 0
		for _, q := range r.Requests {
			if q.Late() != 0 {
				t.Errorf("a request was sent %v late", q.Late())
			}
			if q.Latency > 100*time.Millisecond {
				slow++
			}
		}
		if len(r.Requests) != 250 || slow < 40 || slow > 50 {
			t.Errorf("%d requests, %d of them slow; a second's stall at 50 a second must show in nearly 50", len(r.Requests), slow)
		}
	})
}

func TestOpenRunOverHTTP(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amzn-Trace-Id", "Root=1-a")
		if r.URL.Query().Get("fail") != "" {
			w.WriteHeader(503)
		}
		w.Write([]byte("hello"))
	}))
	defer s.Close()
	as, err := loadtest.Constant(500, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	r, err := loadtest.Open{URL: s.URL + "/x", Arrivals: as, Log: &log}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	total, _ := r.Run.Total()
	if total.Requests != 100 || total.Failures != 0 || r.Requests[0].TraceID != "Root=1-a" || total.ContentSize != 5 {
		t.Errorf("%+v, first %+v", total, r.Requests[0])
	}
	if n := strings.Count(log.String(), "Response time: "); n != 100 {
		t.Errorf("%d response times in the log", n)
	}
	if r, err = (loadtest.Open{URL: s.URL + "/x?fail=1", Arrivals: as[:3]}).Run(t.Context()); err != nil || len(r.Run.Failures) != 1 || r.Run.Failures[0].Occurrences != 3 {
		t.Errorf("%+v %v", r.Run.Failures, err)
	}
	dir := t.TempDir()
	if err := loadtest.WriteHDR(dir, "test", r); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "test.hlog"))
	if err != nil {
		t.Fatal(err)
	}
	lr := hdrhistogram.NewHistogramLogReader(bytes.NewReader(b))
	h, err := lr.NextIntervalHistogram()
	if err != nil || h == nil || h.TotalCount() != 3 {
		t.Errorf("the HdrHistogram log cannot be read back: %v %v\n%s", h, err, b)
	}
}

// The end of the context ends the wait for a request that is due in an hour.
func TestOpenRunEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		b := &bubbleTransport{n: make(chan int, 1), answer: func(int, *http.Request) (*http.Response, time.Duration) { return respond(200, ""), 0 }}
		b.n <- 0
		r, err := loadtest.Open{URL: "http://api.example/x", Arrivals: loadtest.Arrivals{0, time.Hour}, Client: &http.Client{Transport: b}}.Run(ctx)
		if err != nil || len(r.Requests) != 1 || r.Took > 2*time.Second {
			t.Errorf("%+v %v", r, err)
		}
	})
}
