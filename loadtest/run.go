package loadtest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"anthill/fault"
	"anthill/latency"
)

// run is a test on its way. Only the goroutine of collect touches stats, recent and result.
type run struct {
	method, name, url, version string
	length                     time.Duration
	log                        *bufio.Writer // flushed whenever finished requests are taken in; it keeps its first error
	quiet                      bool          // nobody reads the log
	zone                       *time.Location
	progress                   func(Progress)

	start  time.Time
	sender sender
	inbox  inbox
	stats  *recorder
	recent *window
	result Result
	line   bytes.Buffer
}

func newRun(method, name, url, version string, length time.Duration, log io.Writer, zone *time.Location, progress func(Progress)) *run {
	r := &run{method: method, name: name, url: url, version: version, length: length, zone: zone, progress: progress, start: time.Now(), quiet: log == nil || log == io.Discard}
	if r.quiet {
		log = io.Discard
	}
	r.log = bufio.NewWriterSize(log, 64<<10)
	if r.zone == nil {
		r.zone = time.Local
	}
	r.stats, r.recent = newRecorder(r.start), newWindow()
	return r
}

func senderFor(c *http.Client, method string, u *url.URL, header http.Header, body []byte, fresh func(time.Time) http.Header, timeout time.Duration, functions bool) sender {
	if c != nil {
		return &throughClient{client: c, method: method, url: u.String(), header: header, body: body, timeout: timeout, functions: functions}
	}
	return newWire(method, u, header, body, fresh, timeout, functions)
}

// emptyEvery is how often the finished requests are taken in.
const emptyEvery = 100 * time.Millisecond

// collect takes in what the users finish, and writes a history row every second, until the channel of their number is closed. The
// end of ctx is the test's: what is on its way then is cut off. all is how many users there will be; 0 in an open test.
func (r *run) collect(ctx context.Context, users <-chan int, all int) {
	defer context.AfterFunc(ctx, r.sender.close)()
	tick, empty := time.NewTicker(time.Second), time.NewTicker(emptyEvery)
	defer tick.Stop()
	defer empty.Stop()
	n := 0
	r.stats.tick(r.start, 0)
	for users != nil {
		select {
		case count, ok := <-users:
			if !ok {
				users = nil
				continue
			}
			if n = count; n == all {
				r.say(time.Now(), "locust.runners", fmt.Sprintf("All users spawned: {\"User\": %d} (%d total users)", n, n))
			}
		case <-empty.C:
			r.empty()
		case now := <-tick.C:
			if r.empty(); ctx.Err() == nil {
				r.stats.tick(now, n)
				r.report(now, n, false)
				r.recent.rotate()
			}
		}
	}
	r.empty()
	r.sender.close()
	r.report(time.Now(), n, true)
}

// empty takes in what has been finished, in the order of the ends.
func (r *run) empty() {
	qs := r.inbox.take()
	slices.SortStableFunc(qs, func(a, b Request) int { return a.At.Compare(b.At) })
	for _, q := range qs {
		r.finish(q)
	}
	clear(qs) // their texts are not needed any more
	_ = r.log.Flush()
}

func (r *run) finish(q Request) {
	if q.Failure == dropped {
		r.result.Dropped++
		return
	}
	r.stats.add(q.At, r.method, r.name, latency.Millis(q.Latency), q.Length, q.Failure)
	r.recent.add(q.Latency, q.Late())
	r.logRequest(q)
	q.Text = ""
	r.result.Requests = append(r.result.Requests, q)
}

func (r *run) report(now time.Time, users int, done bool) {
	if r.progress == nil {
		return
	}
	t := r.stats.total
	p50, p95, p99, late, n := r.recent.figures()
	r.progress(Progress{Elapsed: min(now.Sub(r.start), r.length), Of: r.length, Users: users, Requests: t.n, Failures: t.failures,
		PerSecond: float64(n) / min(windowSeconds, max(1, now.Sub(r.start).Seconds())),
		P50:       p50, P95: p95, P99: p99, Worst: latency.FromMillis(t.max), Late: late, Done: done})
}

// say writes a line as Locust's logging does, by the wall clock of the place.
func (r *run) say(at time.Time, logger, text string) {
	fmt.Fprintf(r.log, "[%s] anthill/INFO/%s: %s\n", at.In(r.zone).Format(logTimeLayout), logger, text)
}

// logRequest writes the three lines that the course's locustfile logs of every request.
func (r *run) logRequest(q Request) {
	if r.quiet {
		return
	}
	var stamp [len(logTimeLayout) + 1]byte
	head := q.At.In(r.zone).AppendFormat(stamp[:0], logTimeLayout)
	b := &r.line
	b.Reset()
	write := func(format string, args ...any) {
		b.WriteByte('[')
		b.Write(head)
		b.WriteString("] anthill/INFO/root: ")
		fmt.Fprintf(b, format, args...)
		b.WriteByte('\n')
	}
	write("Response time: %.2f ms", latency.Millis(q.Latency))
	write("Response status code: %d", q.Status)
	write("Response text: %s", strings.ReplaceAll(q.Text, "\n", " "))
	_, _ = r.log.Write(b.Bytes())
}

// outcome is the finished test.
func (r *run) outcome() (*Result, error) {
	r.say(time.Now(), "locust.main", "Shutting down (exit code 0)")
	r.result.Started, r.result.Took = r.start, time.Since(r.start)
	run := &Run{exact: true, Generator: strings.TrimSpace("Anthill " + r.version), Stats: r.stats.rows(), History: r.stats.history, Failures: r.stats.failureRows()}
	for _, q := range r.result.Requests {
		run.Responses = append(run.Responses, q.Response)
	}
	if len(run.Responses) == 0 {
		run.problem("The run has no requests.")
	}
	r.result.Run = run
	return &r.result, fault.In("loadtest.Run", r.log.Flush())
}
