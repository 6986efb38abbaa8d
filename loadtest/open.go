package loadtest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"anthill/fault"
)

// Open is a load test whose requests are sent at given times, whether or not earlier ones were answered.
type Open struct {
	Method   string // "" means POST
	URL      string
	Header   http.Header
	Body     []byte
	Name     string // in the statistics; "" means the URL's path
	Arrivals Arrivals
	// MaxInFlight is how many requests may be on their way at once. When it is reached the generator falls behind, and
	// Late says so. 0 means 10,000.
	MaxInFlight int
	// Timeout ends a request. 0 means 30 s.
	Timeout time.Duration
	Version string
	// Client, Fresh and FunctionErrors are as in Closed; without a Client there is a connection for each request on its way.
	Client         *http.Client
	Fresh          func(now time.Time) http.Header
	FunctionErrors bool
	Log            io.Writer      // nil means none
	Zone           *time.Location // nil means the machine's own
	Progress       func(Progress)
}

// Run sends every request, waits for their answers, and gives what was measured, also when ctx ended it early.
func (o Open) Run(ctx context.Context) (*Result, error) {
	const op = "loadtest.Run"
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fault.Invalidf(op, "URL", "%q is no http or https URL", o.URL)
	}
	if len(o.Arrivals) == 0 {
		return nil, fault.Invalidf(op, "load test", "the schedule holds no request")
	}
	if o.Name == "" {
		o.Name = u.Path
	}
	if o.Method == "" {
		o.Method = http.MethodPost
	}
	if o.MaxInFlight == 0 {
		o.MaxInFlight = 10_000
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	length := o.Arrivals[len(o.Arrivals)-1]
	r := newRun(o.Method, o.Name, o.URL, o.Version, length, o.Log, o.Zone, o.Progress)
	r.sender = senderFor(o.Client, o.Method, u, o.Header, o.Body, o.Fresh, o.Timeout, o.FunctionErrors)
	r.say(r.start, "locust.main", "Starting Anthill "+o.Version)
	r.say(r.start, "locust.main", fmt.Sprintf("Sending %d requests within %v, whether or not they are answered", len(o.Arrivals), length.Round(time.Millisecond)))
	none := make(chan int)
	var wg sync.WaitGroup
	wg.Go(func() { defer close(none); o.sendAll(ctx, r) })
	r.collect(ctx, none, 0)
	wg.Wait()
	return r.outcome()
}

// sendAll sends every request at its time, over a line that is free or else a new one, and returns when all were answered.
func (o Open) sendAll(ctx context.Context, r *run) {
	var wg sync.WaitGroup
	due := make(chan int) // its receivers are idle
	begin, lines := time.Now(), 0
	for i, at := range o.Arrivals {
		if !sleep(ctx, time.Until(begin.Add(at))) {
			break
		}
		select {
		case due <- i:
			continue
		default:
		}
		if lines < o.MaxInFlight {
			lines++
			wg.Go(func() {
				l := r.sender.line()
				for n, more := i, true; more && ctx.Err() == nil; n, more = <-due {
					r.inbox.put(r.send(ctx, l, 0, begin.Add(o.Arrivals[n])))
				}
			})
			continue
		}
		select {
		case due <- i:
		case <-ctx.Done():
		}
	}
	close(due)
	wg.Wait()
}
