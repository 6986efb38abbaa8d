package loadtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"anthill/fault"
	"anthill/latency"
)

// Closed is a load test as Locust runs it: users who send, wait for the answer, think, and send again.
type Closed struct {
	Method string      // "" means POST
	URL    string      // http or https
	Header http.Header // sent with every request
	Body   []byte

	// Name is the entry's name in the statistics. "" means the URL's path.
	Name string
	// Users is how many there are in the end. 0 means 10.
	Users int
	// SpawnRate is how many users are added per second. 0 means 5.
	SpawnRate float64
	// RunTime is when the test ends, counted from the first user. 0 means 60 s. Requests then on their way are dropped,
	// as Locust does.
	RunTime time.Duration
	// A user waits between WaitMin and WaitMax, uniformly, after each answer. Both 0 means 3 s to 5 s.
	WaitMin, WaitMax time.Duration
	// WaitMean, when it is above 0, makes the waits exponential with this mean: a user whose next request comes at any
	// time with the same chance. WaitMin and WaitMax then mean nothing.
	WaitMean time.Duration
	// NoWait asks for users that do not wait at all.
	NoWait bool
	// Seed makes the waits repeatable.
	Seed uint64
	// Version is what the log's first line says after "Starting Anthill ".
	Version string

	// Client sends the requests. nil means one that keeps a connection for each user, follows no redirect and asks for
	// no compression.
	Client *http.Client
	// Log gets the lines that the course's locustfile logs. nil means none.
	Log io.Writer
	// Zone is what the log's wall clock shows. nil means the machine's own.
	Zone *time.Location
	// Progress is called every second, and at the end, from one goroutine. nil means not at all.
	Progress func(Progress)
}

// Progress is a look at a running test.
type Progress struct {
	Elapsed, Of        time.Duration
	Users              int
	Requests, Failures int
	PerSecond          float64       // over the last ten seconds
	P50, P95, P99      time.Duration // over the last ten seconds, within a thousandth
	Worst              time.Duration // of the whole run
	Late               time.Duration // p99 over the last ten seconds of how long after their times requests were sent
	Done               bool
}

// Request is one request as its user saw it.
type Request struct {
	latency.Response
	User      int
	Intended  time.Time // when it should have been sent
	Sent      time.Time // when it was
	Length    int64     // of the answer's body
	Text      string    // its first 512 bytes
	Failure   string    // "" for a success, else Locust's text
	TraceID   string    // X-Amzn-Trace-Id of the answer
	RequestID string    // x-amzn-RequestId of the answer
}

// Late is how long after its time the request was sent.
func (r Request) Late() time.Duration { return r.Sent.Sub(r.Intended) }

// Result is a finished test.
type Result struct {
	Run      *Run
	Requests []Request // in the order of their ends
	Started  time.Time
	Took     time.Duration
	Dropped  int // requests on their way when the test ended
}

// Run runs the test until its time is over or ctx ends; either way the result holds what was measured.
// A fault is given when the test cannot begin.
func (c Closed) Run(ctx context.Context) (*Result, error) {
	const op = "loadtest.Run"
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fault.Invalidf(op, "URL", "%q is no http or https URL", c.URL)
	}
	if c.Users < 0 || c.SpawnRate < 0 || c.WaitMean < 0 || c.RunTime < 0 || c.WaitMin < 0 || c.WaitMax < c.WaitMin {
		return nil, fault.Invalidf(op, "load test", "users, spawn rate, run time and waits must not be negative, and the longest wait not below the shortest")
	}
	c.defaults(u)
	r := &closedRun{Closed: c, start: time.Now(), done: make(chan Request, 4*c.Users)}
	r.stats, r.recent = newRecorder(r.start), newWindow()
	return r.run(ctx), nil
}

func (c *Closed) defaults(u *url.URL) {
	if c.Method == "" {
		c.Method = http.MethodPost
	}
	if c.Name == "" {
		c.Name = u.Path
	}
	if c.Users == 0 {
		c.Users = 10
	}
	if c.SpawnRate == 0 {
		c.SpawnRate = 5
	}
	if c.RunTime == 0 {
		c.RunTime = time.Minute
	}
	if c.WaitMax == 0 && c.WaitMean == 0 && !c.NoWait {
		c.WaitMin, c.WaitMax = 3*time.Second, 5*time.Second
	}
	if c.Client == nil {
		c.Client = clientFor(c.Users)
	}
	if c.Zone == nil {
		c.Zone = time.Local
	}
	if c.Log == nil {
		c.Log = io.Discard
	}
}

// clientFor keeps a connection per user.
func clientFor(users int) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: users, MaxIdleConns: users, DisableCompression: true, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// closedRun is a test on its way. Only the goroutine of run touches stats and result.
type closedRun struct {
	Closed
	start  time.Time
	done   chan Request
	stats  *recorder
	recent *window
	result Result
}

func (r *closedRun) run(whole context.Context) *Result {
	ctx, cancel := context.WithTimeout(whole, r.RunTime)
	defer cancel()
	r.log("INFO", "locust.main", "Starting Anthill "+r.Version)
	r.log("INFO", "locust.main", fmt.Sprintf("Run time limit set to %g seconds", r.RunTime.Seconds()))
	r.log("INFO", "locust.runners", fmt.Sprintf("Ramping to %d users at a rate of %.2f per second", r.Users, r.SpawnRate))
	users := r.spawn(ctx)
	r.collect(ctx, users)
	r.Client.CloseIdleConnections()
	if whole.Err() != nil {
		r.log("INFO", "locust.main", "Interrupted, shutting down")
	} else {
		r.log("INFO", "locust.main", "--run-time limit reached, shutting down")
	}
	r.log("INFO", "locust.main", "Shutting down (exit code 0)")
	return r.outcome()
}

// outcome is the finished test.
func (r *closedRun) outcome() *Result {
	r.result.Started, r.result.Took = r.start, time.Since(r.start)
	run := &Run{exact: true, Generator: strings.TrimSpace("Anthill " + r.Version), Stats: r.stats.rows(), History: r.stats.history, Failures: r.stats.failureRows()}
	for _, q := range r.result.Requests {
		run.Responses = append(run.Responses, q.Response)
	}
	if len(run.Responses) == 0 {
		run.problem("The run has no requests.")
	}
	r.result.Run = run
	return &r.result
}

// spawn starts the users in Locust's way, a second's worth at once. The channel says how many there are, and is
// closed when all of them have gone.
func (r *closedRun) spawn(ctx context.Context) <-chan int {
	counts := make(chan int, r.Users+1)
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for n := 0; n < r.Users; {
			due := min(r.Users, int(r.SpawnRate*time.Since(r.start).Seconds()+max(r.SpawnRate, 1)+1e-9))
			for ; n < due; n++ {
				wg.Add(1)
				go func(user int) { defer wg.Done(); r.user(ctx, user) }(n)
			}
			counts <- n
			if n < r.Users && !sleep(ctx, time.Second) {
				return
			}
		}
	}()
	go func() { wg.Wait(); close(counts) }()
	return counts
}

// user is one user's life.
func (r *closedRun) user(ctx context.Context, n int) {
	rng := rand.New(rand.NewPCG(r.Seed, uint64(n)))
	intended := time.Now()
	for ctx.Err() == nil {
		q := r.send(ctx, n, intended)
		r.done <- q
		if ctx.Err() != nil {
			return
		}
		wait := r.wait(rng)
		intended = q.At.Add(wait)
		if !sleep(ctx, time.Until(intended)) {
			return
		}
	}
}

// wait draws how long a user waits after an answer.
func (r *closedRun) wait(rng *rand.Rand) time.Duration {
	if r.WaitMean > 0 {
		return time.Duration(rng.ExpFloat64() * float64(r.WaitMean))
	}
	return r.WaitMin + time.Duration(rng.Float64()*float64(r.WaitMax-r.WaitMin))
}

func (r *closedRun) send(ctx context.Context, user int, intended time.Time) Request {
	q := Request{User: user, Intended: intended, Sent: time.Now()}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err == nil {
		for k, vs := range r.Header {
			req.Header[k] = vs
		}
		err = exchange(r.Client, req, &q)
	}
	q.At = time.Now()
	q.Latency = q.At.Sub(q.Sent)
	if err != nil {
		q.Failure = failureText(err)
		if ctx.Err() != nil {
			q.Failure = dropped
		}
	}
	return q
}

// dropped marks a request that the end of the test cut off; it is not counted.
const dropped = "dropped"

// textLimit bounds what is kept of an answer's body, in bytes.
const textLimit = 512

// exchange sends req and reads the whole answer, of which q keeps what it needs.
func exchange(client *http.Client, req *http.Request, q *Request) error {
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var head bytes.Buffer
	q.Length, err = io.Copy(&head, io.LimitReader(resp.Body, textLimit))
	q.Text = head.String()
	if err == nil && q.Length == textLimit {
		var rest int64
		rest, err = io.Copy(io.Discard, resp.Body)
		q.Length += rest
	}
	q.Status = resp.StatusCode
	q.TraceID, q.RequestID = resp.Header.Get("X-Amzn-Trace-Id"), resp.Header.Get("X-Amzn-Requestid")
	if err != nil {
		return err
	}
	if q.Status >= 400 {
		q.Failure = httpError(q.Status, req.URL.String())
	}
	return nil
}

// httpError is Locust's text for an answer of 400 or more.
func httpError(status int, url string) string {
	side := "Client"
	if status >= 500 {
		side = "Server"
	}
	return fmt.Sprintf("HTTPError('%d %s Error: %s for url: %s')", status, side, http.StatusText(status), url)
}

// failureText is a short text that is equal for equal trouble: without ports and addresses of our own side.
func failureText(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded) || os.IsTimeout(err):
		return "Timeout('the request took too long')"
	case strings.Contains(err.Error(), "connection refused"):
		return "ConnectionRefusedError(111, 'Connection refused')"
	case strings.Contains(err.Error(), "reset by peer"):
		return "ConnectionResetError(104, 'Connection reset by peer')"
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return "RemoteDisconnected('Remote end closed connection without response')"
	}
	return fmt.Sprintf("ConnectionError('%s')", err)
}

// collect takes in what the users finish, and writes a history row every second, until the last user has gone.
func (r *closedRun) collect(ctx context.Context, users <-chan int) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	n := 0
	r.stats.tick(r.start, 0)
	for users != nil {
		select {
		case count, ok := <-users:
			if !ok {
				users = nil
				continue
			}
			if n = count; n == r.Users {
				r.log("INFO", "locust.runners", fmt.Sprintf("All users spawned: {\"User\": %d} (%d total users)", n, n))
			}
		case q := <-r.done:
			r.finish(q)
		case now := <-tick.C:
			if ctx.Err() == nil {
				r.stats.tick(now, n)
				r.report(now, n, false)
				r.recent.rotate()
			}
		}
	}
	for {
		select {
		case q := <-r.done:
			r.finish(q)
			continue
		default:
		}
		break
	}
	r.report(time.Now(), n, true)
}

func (r *closedRun) finish(q Request) {
	if q.Failure == dropped {
		r.result.Dropped++
		return
	}
	r.stats.add(q.At, r.Method, r.Name, latency.Millis(q.Latency), q.Length, q.Failure)
	r.recent.add(q.Latency, q.Late())
	r.result.Requests = append(r.result.Requests, q)
	r.logAt(q.At, "INFO", "root", fmt.Sprintf("Response time: %.2f ms", latency.Millis(q.Latency)))
	r.logAt(q.At, "INFO", "root", fmt.Sprintf("Response status code: %d", q.Status))
	r.logAt(q.At, "INFO", "root", "Response text: "+strings.ReplaceAll(q.Text, "\n", " "))
}

func (r *closedRun) report(now time.Time, users int, done bool) {
	if r.Progress == nil {
		return
	}
	t := r.stats.total
	p50, p95, p99, late, n := r.recent.figures()
	r.Progress(Progress{Elapsed: min(now.Sub(r.start), r.RunTime), Of: r.RunTime, Users: users, Requests: t.n, Failures: t.failures,
		PerSecond: float64(n) / min(windowSeconds, max(1, now.Sub(r.start).Seconds())),
		P50:       p50, P95: p95, P99: p99, Worst: latency.FromMillis(t.max), Late: late, Done: done})
}

func (r *closedRun) log(level, logger, text string) { r.logAt(time.Now(), level, logger, text) }

// logAt writes a line as Locust's logging does, by the wall clock of the place.
func (r *closedRun) logAt(at time.Time, level, logger, text string) {
	fmt.Fprintf(r.Log, "[%s] anthill/%s/%s: %s\n", at.In(r.Zone).Format(logTimeLayout), level, logger, text)
}

// sleep waits for d, or until ctx ends, which it reports as false.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
