package logs_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"anthill/fault"
	"anthill/history"
	"anthill/internal/disk"
	"anthill/logs"
	"anthill/store"
)

var here = logs.Place{Account: "000000000000", Region: "us-east-1"}

// house is a service on a memory disk.
type house struct {
	*logs.Service
	t  testing.TB
	fs disk.FS
	db *disk.DB
	c  logs.Config
}

func newHouse(t testing.TB, c logs.Config) *house {
	h := &house{t: t, fs: disk.NewMemory(), c: c}
	h.open()
	t.Cleanup(func() { h.Close(); h.db.Close() })
	return h
}

func (h *house) open() {
	h.t.Helper()
	var err error
	if h.db, err = disk.Open("db", disk.Options{FS: h.fs}); err != nil {
		h.t.Fatal(err)
	}
	c := h.c
	c.Store, c.History, c.Log = store.Open(h.db), history.Open(h.db), slog.New(slog.DiscardHandler)
	if h.Service, err = logs.Open(context.Background(), c); err != nil {
		h.t.Fatal(err)
	}
}

// restart stops everything in order and opens it anew.
func (h *house) restart() {
	h.t.Helper()
	if err := h.Close(); err != nil {
		h.t.Fatal(err)
	}
	if err := h.db.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.open()
}

func line(stream, text string, at time.Time) logs.Line {
	return logs.Line{Group: "/aws/lambda/f", Stream: stream, Account: here.Account, Region: here.Region, Time: at, Text: text}
}

// texts gives what a stream holds, from the head.
func (h *house) texts(group, stream string) string {
	h.t.Helper()
	p, err := h.Get(here, group, stream, logs.Range{}, 0, true)
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for _, e := range p.Events {
		out = append(out, e.Text)
	}
	return strings.Join(out, " ")
}

func want(t *testing.T, err error, k fault.Kind, detail string) {
	t.Helper()
	if f := fault.Of(err); err == nil || f.Kind != k || !strings.Contains(f.Detail, detail) {
		t.Errorf("got %v, want %v with %q", err, k, detail)
	}
}

func TestOutputIsReadAtOnceAndSurvivesARestart(t *testing.T) {
	h := newHouse(t, logs.Config{})
	now := time.Now()
	h.Write([]logs.Line{line("s", "a", now), line("s", "b", now)})
	if got := h.texts("/aws/lambda/f", "s"); got != "a b" {
		t.Errorf("at once: %q", got)
	}
	h.Write([]logs.Line{line("s", "c", now)})
	h.restart()
	h.Write([]logs.Line{line("s", "d", now), line("t", "e", now)})
	if got := h.texts("/aws/lambda/f", "s"); got != "a b c d" {
		t.Errorf("after a restart: %q", got)
	}
	h.restart()
	g, err := h.Group(here, "/aws/lambda/f")
	if err != nil || g.ARN() != "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/f" {
		t.Errorf("%v %v", g.ARN(), err)
	}
	streams, err := h.Streams(here, "/aws/lambda/f", "", false)
	if err != nil || len(streams) != 2 || streams[0].Count != 4 || streams[0].Last != now.UnixMilli() {
		t.Errorf("%+v %v", streams, err)
	}
}

func TestPutSurvivesAPowerCut(t *testing.T) {
	mem := disk.NewCrashable()
	db, err := disk.Open("db", disk.Options{FS: mem})
	if err != nil {
		t.Fatal(err)
	}
	s, err := logs.Open(context.Background(), logs.Config{Store: store.Open(db), History: history.Open(db)})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{s.CreateGroup(logs.Group{Place: here, Name: "g"}), s.CreateStream(here, "g", "s"),
		s.Put(here, "g", "s", []logs.Event{{Time: time.Now(), Text: "kept"}})} {
		if err != nil {
			t.Fatal(err)
		}
	}
	h := &house{t: t, fs: mem.Crash(0, 0), c: logs.Config{}}
	h.open()
	defer func() { h.Close(); h.db.Close(); s.Close(); db.Close() }()
	if got := h.texts("g", "s"); got != "kept" {
		t.Errorf("after the cut: %q", got)
	}
}

// Writers, a clock that jumps, and readers at once: every reader sees each stream's lines without gap or double.
func TestReadersSeeNeitherGapNorDouble(t *testing.T) {
	h := newHouse(t, logs.Config{})
	const each = 300
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range each {
				h.Write([]logs.Line{line(fmt.Sprint(w), fmt.Sprint(i), time.UnixMilli(int64(1_700_000_000_000+i)))})
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	check := func() {
		for w := range 4 {
			p, err := h.Get(here, "/aws/lambda/f", fmt.Sprint(w), logs.Range{}, 0, true)
			if fault.Is(err, fault.NotFound) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, e := range p.Events {
				if e.Text != fmt.Sprint(i) || e.Pos != uint64(i+1) {
					t.Fatalf("stream %d, event %d is %q at %d", w, i, e.Text, e.Pos)
				}
			}
		}
	}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		check()
	}
	for w := range 4 {
		if p, err := h.Get(here, "/aws/lambda/f", fmt.Sprint(w), logs.Range{}, 0, true); err != nil || len(p.Events) != each {
			t.Errorf("stream %d has %d events, want %d: %v", w, len(p.Events), each, err)
		}
	}
}

func TestEventsAreInTheOrderOfTheirTimes(t *testing.T) {
	h := newHouse(t, logs.Config{})
	at := time.UnixMilli(1_700_000_000_000)
	h.Write([]logs.Line{line("s", "3", at.Add(3*time.Second)), line("s", "1", at.Add(time.Second)), line("s", "2", at.Add(2*time.Second))})
	if got := h.texts("/aws/lambda/f", "s"); got != "1 2 3" {
		t.Errorf("got %q", got)
	}
	p, err := h.Get(here, "/aws/lambda/f", "s", logs.Range{Start: at.UnixMilli() + 2000, End: at.UnixMilli() + 3000}, 0, true)
	if err != nil || len(p.Events) != 1 || p.Events[0].Text != "2" {
		t.Errorf("%+v %v", p, err)
	}
}

func TestPagesMeet(t *testing.T) {
	for _, order := range []string{"as they came", "disordered"} {
		t.Run(order, func(t *testing.T) {
			h := newHouse(t, logs.Config{})
			for i := range 25 {
				h.Write([]logs.Line{line("s", fmt.Sprintf("%02d", i), time.UnixMilli(int64(1_700_000_000_000+i)))})
			}
			if order == "disordered" {
				h.Write([]logs.Line{line("s", "-1", time.UnixMilli(1_600_000_000_000))})
			}
			all := h.texts("/aws/lambda/f", "s")
			var forward, backward []string
			for from := uint64(0); ; {
				p, err := h.Get(here, "/aws/lambda/f", "s", logs.Range{Limit: 7}, from, true)
				if err != nil {
					t.Fatal(err)
				}
				if len(p.Events) == 0 {
					if p.Next != from {
						t.Errorf("the token of an empty page moved from %d to %d", from, p.Next)
					}
					break
				}
				for _, e := range p.Events {
					forward = append(forward, e.Text)
				}
				from = p.Next
			}
			for before := uint64(0); ; {
				p, err := h.Get(here, "/aws/lambda/f", "s", logs.Range{Limit: 7}, before, false)
				if err != nil {
					t.Fatal(err)
				}
				if len(p.Events) == 0 {
					break
				}
				var part []string
				for _, e := range p.Events {
					part = append(part, e.Text)
				}
				backward = append(part, backward...)
				before = p.Prev
			}
			if got := strings.Join(forward, " "); got != all {
				t.Errorf("forwards %q", got)
			}
			if got := strings.Join(backward, " "); got != all {
				t.Errorf("backwards %q", got)
			}
		})
	}
}

func TestFilterMergesStreams(t *testing.T) {
	h := newHouse(t, logs.Config{})
	for i := range 10 {
		h.Write([]logs.Line{line(fmt.Sprint("s", i%3), fmt.Sprint("n", i), time.UnixMilli(int64(1_700_000_000_000+i)))})
	}
	var got []string
	var after logs.Cursor
	for more := true; more; {
		var found []logs.Found
		var err error
		found, after, more, err = h.Filter(here, "/aws/lambda/f", func(string) bool { return true }, func(s string) bool { return s != "n4" }, logs.Range{Limit: 2}, after)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range found {
			got = append(got, e.Text)
		}
	}
	if s := strings.Join(got, " "); s != "n0 n1 n2 n3 n5 n6 n7 n8 n9" {
		t.Errorf("got %q", s)
	}
}

func TestADeletedGroupComesBackEmpty(t *testing.T) {
	h := newHouse(t, logs.Config{})
	now := time.Now()
	h.Write([]logs.Line{line("s", "old", now)})
	if err := h.DeleteGroup(here, "/aws/lambda/f"); err != nil {
		t.Fatal(err)
	}
	_, err := h.Get(here, "/aws/lambda/f", "s", logs.Range{}, 0, true)
	want(t, err, fault.NotFound, "The specified log group does not exist.")
	h.Write([]logs.Line{line("s", "new", now)})
	h.restart()
	if got := h.texts("/aws/lambda/f", "s"); got != "new" {
		t.Errorf("got %q", got)
	}
}

func TestRefusals(t *testing.T) {
	h := newHouse(t, logs.Config{})
	if err := h.CreateGroup(logs.Group{Place: here, Name: "g"}); err != nil {
		t.Fatal(err)
	}
	if err := h.CreateStream(here, "g", "s"); err != nil {
		t.Fatal(err)
	}
	want(t, h.CreateGroup(logs.Group{Place: here, Name: "g"}), fault.Exists, "The specified log group already exists")
	want(t, h.CreateStream(here, "g", "s"), fault.Exists, "The specified log stream already exists")
	want(t, h.Put(here, "g", "none", nil), fault.NotFound, "The specified log stream does not exist.")
	want(t, h.Put(logs.Place{Account: "111122223333", Region: "us-east-1"}, "g", "s", nil), fault.NotFound, "log group")
	want(t, h.Subscribe(here, "g", logs.Subscription{Name: "n", Destination: "arn:aws:lambda:us-east-1:000000000000:function:f"}), fault.Unsupported, "functions only")
	_, err := h.StartQuery(logs.Query{Place: here, Groups: []string{"g"}, Text: "stats count(*)"})
	want(t, err, fault.Invalid, `the command "stats"`)
}

func TestRetentionHidesWhatIsOld(t *testing.T) {
	h := newHouse(t, logs.Config{})
	h.Write([]logs.Line{line("s", "old", time.Now().Add(-48*time.Hour)), line("s", "new", time.Now())})
	if err := h.Update(here, "/aws/lambda/f", func(g *logs.Group) error { g.Retention = 1; return nil }); err != nil {
		t.Fatal(err)
	}
	if got := h.texts("/aws/lambda/f", "s"); got != "new" {
		t.Errorf("got %q", got)
	}
}

func TestASubscriberGetsWhatMatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		h := newHouse(t, logs.Config{Deliver: func(_ context.Context, account, region, arn string, payload []byte) error {
			got = append(got, string(payload[:len(`{"awslogs":{"data":"`)])+arn)
			return nil
		}})
		if err := h.CreateGroup(logs.Group{Place: here, Name: "/aws/lambda/f"}); err != nil {
			t.Fatal(err)
		}
		if err := h.Subscribe(here, "/aws/lambda/f", logs.Subscription{Name: "n", Pattern: "ERROR", Destination: "arn:aws:lambda:us-east-1:000000000000:function:to"}); err != nil {
			t.Fatal(err)
		}
		h.Write([]logs.Line{line("s", "fine", time.Now())})
		time.Sleep(time.Second)
		h.Write([]logs.Line{line("s", "an ERROR", time.Now())})
		time.Sleep(time.Second)
		synctest.Wait()
		if len(got) != 1 || got[0] != `{"awslogs":{"data":"arn:aws:lambda:us-east-1:000000000000:function:to` {
			t.Errorf("got %q", got)
		}
		h.Close()
		h.db.Close()
		h.open()
	})
}

// A subscriber that stands still holds nobody up who writes, and costs his own batches alone.
func TestASlowSubscriberHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, logs.Config{Deliver: func(ctx context.Context, _, _, _ string, _ []byte) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		if err := h.CreateGroup(logs.Group{Place: here, Name: "/aws/lambda/f"}); err != nil {
			t.Fatal(err)
		}
		if err := h.Subscribe(here, "/aws/lambda/f", logs.Subscription{Name: "n", Destination: "arn:aws:lambda:us-east-1:000000000000:function:to"}); err != nil {
			t.Fatal(err)
		}
		const lines = 3000 // more than wait for a subscriber
		began := time.Now()
		for i := range lines {
			h.Write([]logs.Line{line("s", fmt.Sprint("n", i), time.Now())})
			time.Sleep(50 * time.Millisecond) // so that it is a batch of its own
		}
		if took := time.Since(began); took != lines*50*time.Millisecond {
			t.Errorf("writing took %v", took-lines*50*time.Millisecond)
		}
		time.Sleep(time.Second)
		if got := strings.Fields(h.texts("/aws/lambda/f", "s")); len(got) != lines {
			t.Errorf("%d lines of %d are there", len(got), lines)
		}
		h.Close()
		h.db.Close()
		h.open()
	})
}

func TestQueries(t *testing.T) {
	h := newHouse(t, logs.Config{})
	at := time.Unix(1_700_000_000, 0)
	for i, text := range []string{"ERROR one", `{"level":"warn","n":2}`, "ERROR three"} {
		h.Write([]logs.Line{line("s", text, at.Add(time.Duration(i)*time.Second))})
	}
	for _, tc := range []struct{ query, want string }{
		{"fields @message | sort @timestamp asc", `ERROR one;{"level":"warn","n":2};ERROR three`},
		{"fields @message | filter @message like /ERROR/ | sort @timestamp desc | limit 1", "ERROR three"},
		{"fields level, n | filter n > 1", "warn,2"},
		{`fields @message | filter level = "warn"`, `{"level":"warn","n":2}`},
	} {
		q, err := h.StartQuery(logs.Query{Place: here, Groups: []string{"/aws/lambda/f"}, Text: tc.query, Start: at.Unix(), End: at.Unix() + 10})
		if err != nil {
			t.Fatal(err)
		}
		rows, _, _, err := h.Results(q)
		var lines []string
		for _, row := range rows {
			var cells []string
			for _, f := range row[:len(row)-1] { // without @ptr
				cells = append(cells, f.Value)
			}
			lines = append(lines, strings.Join(cells, ","))
		}
		if got := strings.Join(lines, ";"); err != nil || got != tc.want {
			t.Errorf("%s: %q %v", tc.query, got, err)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, tc := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "anything", true},
		{"ERROR", "an ERROR here", true},
		{"ERROR", "an error here", false},
		{"a b", "b and a", true},
		{"a b", "only a", false},
		{`"a b"`, "a b", true},
		{`"a b"`, "b a", false},
		{"?x ?y", "has y", true},
		{"?x ?y", "neither", false},
		{"ERROR -ignored", "ERROR ignored", false},
		{"%[0-9]+ms%", "took 12ms", true},
		{`{ $.level = "ERROR" }`, `{"level":"ERROR"}`, true},
		{`{ $.level = "ERR*" && $.ms > 10 }`, `{"level":"ERROR","ms":11}`, true},
		{`{ $.level = "x" || ($.a.b[0] = 1) }`, `{"a":{"b":[1]}}`, true},
		{`{ $.a NOT EXISTS }`, `{"b":1}`, true},
		{`{ $.a IS NULL }`, `{"a":null}`, true},
		{`{ $.a != 1 }`, `{"a":1}`, false},
		{`{ $.a = 1 }`, "no json", false},
	} {
		f, err := logs.ParsePattern(tc.pattern)
		if err != nil || f(tc.text) != tc.want {
			t.Errorf("%q on %q: want %t, %v", tc.pattern, tc.text, tc.want, err)
		}
	}
	for _, bad := range []string{"[a, b]", `"open`, "%open", "{ $.a }", "{ $.a = }", "{ $.a = 1", "{ ($.a = 1 }", "{ x = 1 }", "%(%"} {
		if _, err := logs.ParsePattern(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func FuzzParsePattern(f *testing.F) {
	f.Add(`{ $.a = "b*" && ($.c > 1 || $.d NOT EXISTS) }`, `{"a":"bc","c":2}`)
	f.Add(`?a -"b c" %d+%`, "a b c")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if match, err := logs.ParsePattern(pattern); err == nil {
			match(text)
		}
	})
}

// The cost of one invocation's lines on the invocation's own path.
func BenchmarkWrite(b *testing.B) {
	db, err := disk.Open("db", disk.Options{FS: disk.NewMemory()})
	if err != nil {
		b.Fatal(err)
	}
	s, err := logs.Open(context.Background(), logs.Config{Store: store.Open(db), History: history.Open(db)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { s.Close(); db.Close() }()
	now := time.Now()
	lines := []logs.Line{line("s", "START RequestId: 00000000-0000-0000-0000-000000000000 Version: $LATEST", now), line("s", "hello", now),
		line("s", "END RequestId: 00000000-0000-0000-0000-000000000000", now), line("s", strings.Repeat("R", 150), now)}
	b.ReportAllocs()
	for b.Loop() {
		s.Write(lines)
	}
}
