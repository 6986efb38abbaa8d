package loadtest_test

import (
	"bytes"
	"context"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"anthill/latency"
	"anthill/loadtest"
)

// A history made of the exact requests agrees with theirs, second by second.
func TestExactHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := closed(t, loadtest.Closed{Users: 1, SpawnRate: 1, RunTime: 25 * time.Second, WaitMin: time.Second, WaitMax: time.Second}, func(n int, _ *http.Request) (*http.Response, time.Duration) {
			return respond(200, "ok"), time.Duration(n+1) * 100 * time.Microsecond
		})
		rows := r.Run.ExactHistory()
		if n := len(rows); n < 23 || rows[n-1].Requests != len(r.Requests) {
			t.Fatalf("%d rows for %d requests", n, len(r.Requests))
		}
		for i, row := range rows {
			tenths := func(column string) int { return int(math.Round(row.Percentiles[column] * 10)) } // request n took n tenths of a millisecond
			if tenths("100%") != row.Requests || i > 12 && tenths("50%") != row.Requests-5 {
				t.Errorf("row %d: %+v", i, row)
			}
		}
		if (&loadtest.Run{Responses: r.Run.Responses}).ExactHistory() != nil {
			t.Error("a log's rounded times give an exact history")
		}
	})
}

// answering is a transport that answers after a time that only the bubble's clock knows.
type answering func(n int, r *http.Request) (*http.Response, time.Duration)

type bubbleTransport struct {
	answer answering
	n      chan int
}

func (b *bubbleTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	n := <-b.n
	b.n <- n + 1
	resp, d := b.answer(n, r)
	select {
	case <-time.After(d):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if resp == nil {
		return nil, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
	}
	return resp, nil
}

func respond(status int, body string) *http.Response {
	rec := &http.Response{StatusCode: status, Header: http.Header{"X-Amzn-Trace-Id": {"Root=1-x"}}}
	rec.Body = readCloser{bytes.NewBufferString(body)}
	return rec
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }

func closed(t *testing.T, c loadtest.Closed, answer answering) *loadtest.Result {
	t.Helper()
	b := &bubbleTransport{answer: answer, n: make(chan int, 1)}
	b.n <- 0
	c.Client = &http.Client{Transport: b}
	c.URL = "http://api.example/default/predict"
	r, err := c.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// One user for not quite a minute: the files, in Locust's formats, of a run whose every time is known. (With several, what happens
// in one instant of the bubble may happen in any order.)
func TestClosedRunWritesLocustsFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var looks []loadtest.Progress
		r := closed(t, loadtest.Closed{Log: &log, Zone: time.UTC, Users: 1, RunTime: 59500 * time.Millisecond, WaitMin: 100 * time.Millisecond, WaitMax: 300 * time.Millisecond, Seed: 1, Version: "test", Progress: func(p loadtest.Progress) { looks = append(looks, p) }},
			func(n int, _ *http.Request) (*http.Response, time.Duration) {
				if n < 3 {
					return respond(200, `{"predictions": [2]}`), time.Duration(2000377+137000*n) * time.Microsecond
				}
				if n == 40 {
					return respond(502, `{"message": "Internal server error"}`), 30 * time.Millisecond
				}
				return respond(200, `{"predictions": [2]}`), time.Duration(250000+1713*(n%29)) * time.Microsecond
			})
		if len(looks) < 58 || !looks[len(looks)-1].Done || looks[0].Users != 1 {
			t.Errorf("%d looks, the first %+v, the last %+v", len(looks), looks[0], looks[len(looks)-1])
		}
		for _, q := range r.Requests {
			if q.Late() != 0 || q.Sent.Add(q.Latency) != q.At {
				t.Errorf("request %+v: late by %v", q, q.Late())
			}
		}
		dir := t.TempDir()
		if err := r.Run.WriteFiles(dir, "test"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "test_locust_logs.txt"), log.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := loadtest.WriteRequests(dir, "test", r.Requests); err != nil {
			t.Fatal(err)
		}
		golden(t, dir, "testdata/closed")

		back, err := loadtest.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(back.Problems) != 0 || len(back.Responses) != len(r.Requests) {
			t.Errorf("read back: problems %q, %d of %d responses", back.Problems, len(back.Responses), len(r.Requests))
		}
		for i, b := range back.Responses {
			if b.Latency != r.Requests[i].Latency || !b.At.Equal(r.Requests[i].At) {
				t.Fatalf("response %d came back as %+v, was %+v", i, b, r.Requests[i].Response)
			}
		}
		// The rounded percentiles are within Locust's rounding of the exact ones.
		total, _ := r.Run.Total()
		exact := latency.Of(latency.Latencies(r.Run.Responses))
		if p, e := total.Percentiles["95%"], latency.Millis(exact.Percentile(95)); p < e*0.95 || p > e*1.05 {
			t.Errorf("95%% is %v rounded and %v exactly", p, e)
		}
	})
}

// golden compares the files of dir with those recorded.
func golden(t *testing.T, dir, want string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		got, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(want, f.Name())
		if *update {
			if err := os.MkdirAll(want, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		recorded, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(recorded), string(got)); d != "" {
			t.Errorf("%s differs from what was recorded (-update records):\n%s", f.Name(), d)
		}
	}
}

func TestClosedRunCounts(t *testing.T) {
	for _, c := range []struct {
		name     string
		c        loadtest.Closed
		answer   answering
		requests int
		failures int
		dropped  int
		failure  string
	}{
		{"slow spawn", loadtest.Closed{Users: 3, SpawnRate: 0.5, RunTime: 5 * time.Second, WaitMin: time.Minute, WaitMax: time.Minute},
			func(int, *http.Request) (*http.Response, time.Duration) { return respond(200, ""), time.Millisecond }, 3, 0, 0, ""},
		{"no wait", loadtest.Closed{Users: 2, SpawnRate: 100, RunTime: time.Second, NoWait: true},
			func(int, *http.Request) (*http.Response, time.Duration) {
				return respond(200, ""), 100500 * time.Microsecond
			}, 18, 0, 2, ""},
		{"server errors", loadtest.Closed{Users: 1, RunTime: time.Second, WaitMin: 400 * time.Millisecond, WaitMax: 400 * time.Millisecond},
			func(int, *http.Request) (*http.Response, time.Duration) { return respond(500, ""), 0 }, 3, 3, 0,
			"HTTPError('500 Server Error: Internal Server Error for url: http://api.example/default/predict')"},
		{"never answers", loadtest.Closed{Users: 4, RunTime: 10 * time.Second},
			func(int, *http.Request) (*http.Response, time.Duration) { return respond(200, ""), time.Hour }, 0, 0, 4, ""},
		{"cannot connect", loadtest.Closed{Users: 1, RunTime: time.Second},
			func(int, *http.Request) (*http.Response, time.Duration) { return nil, 0 }, 1, 1, 0, "Timeout('the request took too long')"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := closed(t, c.c, c.answer)
				total, _ := r.Run.Total()
				if total.Requests != c.requests || total.Failures != c.failures || r.Dropped != c.dropped {
					t.Errorf("%d requests, %d failures, %d dropped; want %d, %d, %d", total.Requests, total.Failures, r.Dropped, c.requests, c.failures, c.dropped)
				}
				if c.failure != "" && (len(r.Run.Failures) != 1 || r.Run.Failures[0].Error != c.failure) {
					t.Errorf("failures %+v", r.Run.Failures)
				}
			})
		})
	}
}

func TestRefusesWhatCannotRun(t *testing.T) {
	for _, c := range []loadtest.Closed{{URL: "localhost:4566"}, {URL: ""}, {URL: "ftp://x/y"}, {URL: "http://x/", Users: -1}, {URL: "http://x/", WaitMin: 2, WaitMax: 1}} {
		if _, err := c.Run(t.Context()); err == nil {
			t.Errorf("%+v was not refused", c)
		}
	}
}
