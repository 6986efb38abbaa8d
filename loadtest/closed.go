package loadtest

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"anthill/fault"
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

	// Client sends the requests. nil means a connection in HTTP/1.1 for each user, which follows no redirect, asks for no
	// compression and costs a third of what a Client does.
	Client *http.Client
	// Fresh gives headers that hold for a second, such as a signature; nil means none. A Client has its own way.
	Fresh func(now time.Time) http.Header
	// FunctionErrors counts an answer with X-Amz-Function-Error, which the Lambda API sends with 200, as one with status 500.
	FunctionErrors bool
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
	r := newRun(c.Method, c.Name, c.URL, c.Version, c.RunTime, c.Log, c.Zone, c.Progress)
	r.sender = senderFor(c.Client, c.Method, u, c.Header, c.Body, c.Fresh, 0, c.FunctionErrors)
	r.say(r.start, "locust.main", "Starting Anthill "+c.Version)
	r.say(r.start, "locust.main", fmt.Sprintf("Run time limit set to %g seconds", c.RunTime.Seconds()))
	r.say(r.start, "locust.runners", fmt.Sprintf("Ramping to %d users at a rate of %.2f per second", c.Users, c.SpawnRate))
	during, cancel := context.WithTimeout(ctx, c.RunTime)
	defer cancel()
	r.collect(during, c.spawn(during, r), c.Users)
	why := "--run-time limit reached, shutting down"
	if ctx.Err() != nil {
		why = "Interrupted, shutting down"
	}
	r.say(time.Now(), "locust.main", why)
	return r.outcome()
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
	if c.Zone == nil {
		c.Zone = time.Local
	}
	if c.Log == nil {
		c.Log = io.Discard
	}
}

// spawn starts the users in Locust's way, a second's worth at once. The channel says how many there are, and is
// closed when all of them have gone.
func (c *Closed) spawn(ctx context.Context, r *run) <-chan int {
	counts := make(chan int, c.Users+1)
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for n := 0; n < c.Users; {
			due := min(c.Users, int(c.SpawnRate*time.Since(r.start).Seconds()+max(c.SpawnRate, 1)+1e-9))
			for ; n < due; n++ {
				wg.Add(1)
				go func(user int) { defer wg.Done(); c.user(ctx, r, user) }(n)
			}
			counts <- n
			if n < c.Users && !sleep(ctx, time.Second) {
				return
			}
		}
	}()
	go func() { wg.Wait(); close(counts) }()
	return counts
}

// user is one user's life.
func (c *Closed) user(ctx context.Context, r *run, n int) {
	rng := rand.New(rand.NewPCG(c.Seed, uint64(n)))
	l := r.sender.line()
	intended := time.Now()
	for ctx.Err() == nil {
		q := r.send(ctx, l, n, intended)
		r.inbox.put(q)
		if ctx.Err() != nil {
			return
		}
		wait := c.wait(rng)
		intended = q.At.Add(wait)
		if !sleep(ctx, time.Until(intended)) {
			return
		}
	}
}

// wait draws how long a user waits after an answer.
func (c *Closed) wait(rng *rand.Rand) time.Duration {
	if c.WaitMean > 0 {
		return time.Duration(rng.ExpFloat64() * float64(c.WaitMean))
	}
	return c.WaitMin + time.Duration(rng.Float64()*float64(c.WaitMax-c.WaitMin))
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
