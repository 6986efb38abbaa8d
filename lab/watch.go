package lab

import (
	"cmp"
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"anthill/latency"
	"anthill/loadtest"
)

// platformOf is the platform that serves a load test's target: for a URL without an endpoint, whatever answers it.
func platformOf(c LoadConfig) string {
	if u, err := url.Parse(c.URL); c.URL != "" && c.Endpoint == "" && err == nil && u.Host != "" {
		return u.Scheme + "://" + u.Host
	}
	return cmp.Or(c.Endpoint, "http://localhost:4566")
}

// meet asks who the platform is. Hosts that are not this machine are only asked when they were named as the endpoint:
// an address of Anthill's means nothing to others.
func (s *session) meet(ctx context.Context, c LoadConfig) error {
	if c.URL != "" {
		target, err := url.Parse(c.URL)
		if err != nil {
			return nil // the load test says so
		}
		at, err := url.Parse(s.aws.endpoint)
		if err != nil || !local(target.Hostname()) && target.Hostname() != at.Hostname() {
			return nil
		}
	}
	s.platform = s.who(ctx)
	return nil
}

// who asks the platform what it is; nil when it is no Anthill.
func (s *session) who(ctx context.Context) *latency.Platform {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var p latency.Platform
	if ok, err := s.own(ctx, "platform", nil, &p); err != nil || !ok || p.Name == "" {
		return nil
	}
	return &p
}

func local(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// watchEvery is how often a platform is asked during a load test.
const watchEvery = time.Second

// mostRecords is how many records of invocations a report keeps.
const mostRecords = 200_000

// told is what a platform told of a load test.
type told struct {
	starts       map[string]latency.Start // by the root of the trace
	records      []latency.Invocation     // in the order of their outcomes; no more than mostRecords
	environments []latency.Environment
	lost         int // records beyond
}

// watcher asks the platform, during a load test and after it, how it serves. Its goroutine ends with end.
type watcher struct {
	s        *session
	function string
	began    time.Time
	stop     context.CancelFunc
	wg       sync.WaitGroup

	since time.Time       // everything answered before was taken
	seen  map[string]bool // request ids taken that were answered after since

	mu struct {
		sync.Mutex
		told
		cold, warm, alive, busy, started int
		asked                            bool
	}
}

func (s *session) watch(c LoadConfig) *watcher {
	w := &watcher{s: s, function: c.Function, began: time.Now(), since: time.Now(), seen: map[string]bool{}}
	w.mu.starts = map[string]latency.Start{}
	w.stop = func() {}
	if s.platform == nil || c.NoWatch {
		return w
	}
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	w.wg.Go(func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = w.ask(ctx) // the last question, after the test, says what is wrong
			case <-ctx.Done():
				return
			}
		}
	})
	return w
}

// ask takes what was served since the last question.
func (w *watcher) ask(ctx context.Context) error {
	// Records are written within some milliseconds of their outcomes, not in their order: a second is asked for twice.
	q := url.Values{"since": {strconv.FormatInt(w.since.Add(-time.Second).UnixNano(), 10)}}
	if w.function != "" {
		q.Set("function", w.function)
	}
	asked := time.Now()
	records, ok, err := w.s.records(ctx, q)
	if err != nil || !ok {
		return err
	}
	environments, _, err := w.s.environments(ctx, w.began)
	if err != nil {
		return err
	}
	w.take(records, environments)
	for id := range w.seen {
		delete(w.seen, id)
	}
	for _, r := range records {
		w.seen[r.RequestID] = true
	}
	w.since = asked
	return nil
}

func (w *watcher) take(records []latency.Invocation, environments []latency.Environment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.asked = true
	for _, r := range records {
		if w.seen[r.RequestID] || r.Queued < w.began.UnixNano() {
			continue
		}
		if r.Start.IsCold() {
			w.mu.cold++
		} else {
			w.mu.warm++
		}
		root := traceRoot(r.TraceID)
		w.mu.starts[root] = colder(w.mu.starts[root], r.Start)
		if len(w.mu.records) < mostRecords {
			w.mu.records = append(w.mu.records, r)
		} else {
			w.mu.lost++
		}
	}
	w.mu.environments = w.mu.environments[:0]
	w.mu.alive, w.mu.busy, w.mu.started = 0, 0, 0
	for _, e := range environments {
		if w.function != "" && e.FunctionName != functionName(w.function) {
			continue
		}
		w.mu.environments = append(w.mu.environments, e)
		if e.Ended.IsZero() {
			w.mu.alive++
		}
		if e.Busy {
			w.mu.busy++
		}
		if e.Created.After(w.began) {
			w.mu.started++
		}
	}
}

// functionName is the name in a function's name, partial ARN or ARN, without a qualifier.
func functionName(s string) string {
	p := strings.Split(s, ":")
	switch i := slices.Index(p, "function"); {
	case i >= 0 && i+1 < len(p):
		return p[i+1]
	default:
		return p[0]
	}
}

// look adds the platform's side to what the generator sees.
func (w *watcher) look(p loadtest.Progress) LoadProgress {
	w.mu.Lock()
	defer w.mu.Unlock()
	return LoadProgress{Progress: p, Told: w.mu.asked, Cold: w.mu.cold, Warm: w.mu.warm, Environments: w.mu.alive, Busy: w.mu.busy, EnvironmentsStarted: w.mu.started}
}

// end asks once more and gives everything.
func (w *watcher) end(ctx context.Context) (told, error) {
	w.stop()
	w.wg.Wait()
	var err error
	if w.s.platform != nil {
		err = w.ask(ctx)
	}
	slices.SortStableFunc(w.mu.records, func(a, b latency.Invocation) int { return cmp.Compare(a.Received, b.Received) })
	return w.mu.told, err
}

// colder is what a request counts as when one invocation for it was served as a and another as b.
func colder(a, b latency.Start) latency.Start {
	for _, s := range []latency.Start{latency.Cold, latency.Restored, latency.Proactive, latency.Warm} {
		if a == s || b == s {
			return s
		}
	}
	return cmp.Or(a, b)
}

// mark gives every request the start that the platform recorded for it, found by its trace.
func (t told) mark(r *loadtest.Result) {
	if len(t.starts) == 0 {
		return
	}
	for i := range r.Requests {
		q := &r.Requests[i]
		if q.TraceID == "" {
			continue
		}
		q.Start = t.starts[traceRoot(q.TraceID)]
		r.Run.Responses[i].Start = q.Start
	}
}

// The files beside a load test's own that hold what the platform told.
const (
	runFile          = "run.json"
	invocationsFile  = "invocations.json"
	environmentsFile = "environments.json"
)

func (t told) write(dir string, info runInfo) error {
	if err := writeJSON(filepath.Join(dir, runFile), info); err != nil {
		return err
	}
	for _, name := range []string{invocationsFile, environmentsFile, "invocations.csv"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			return err // an earlier run's would be taken for this one's
		}
	}
	if len(t.records) == 0 {
		return nil
	}
	if err := writeCompact(filepath.Join(dir, invocationsFile), t.records); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "invocations.csv"))
	if err != nil {
		return err
	}
	if err := WriteInvocations(f, t.records); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, environmentsFile), t.environments)
}
