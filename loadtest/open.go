package loadtest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"anthill/fault"
	"anthill/latency"
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
	Timeout  time.Duration
	Version  string
	Client   *http.Client // nil means one with a connection for each request on its way
	Log      io.Writer    // nil means none
	Progress func(Progress)
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
	if o.Client == nil {
		o.Client = clientFor(min(o.MaxInFlight, 1000))
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	client := *o.Client
	client.Timeout = o.Timeout
	o.Client = &client
	length := o.Arrivals[len(o.Arrivals)-1]
	r := &closedRun{Closed: Closed{Method: o.Method, Name: o.Name, URL: o.URL, RunTime: length + o.Timeout, Log: o.Log, Zone: time.Local, Version: o.Version, Client: o.Client, Progress: o.Progress},
		start: time.Now(), done: make(chan Request, 4096)}
	r.stats, r.recent = newRecorder(r.start), newWindow()
	r.log("INFO", "locust.main", "Starting Anthill "+o.Version)
	r.log("INFO", "locust.main", fmt.Sprintf("Sending %d requests within %v, whether or not they are answered", len(o.Arrivals), length.Round(time.Millisecond)))
	counts := make(chan int)
	var wg sync.WaitGroup
	wg.Go(func() { defer close(counts); o.attack(ctx, r) })
	r.RunTime = length
	r.collect(ctx, counts)
	wg.Wait()
	o.Client.CloseIdleConnections()
	r.log("INFO", "locust.main", "Shutting down (exit code 0)")
	return r.outcome(), nil
}

// attack lets vegeta send the requests at their times and hands their results on.
func (o Open) attack(ctx context.Context, r *closedRun) {
	p := &schedule{ctx: ctx, arrivals: o.Arrivals}
	target := vegeta.NewStaticTargeter(vegeta.Target{Method: o.Method, URL: o.URL, Body: o.Body, Header: o.Header})
	a := vegeta.NewAttacker(vegeta.Client(o.Client), vegeta.Workers(uint64(min(64, o.MaxInFlight))), vegeta.MaxWorkers(uint64(o.MaxInFlight)), vegeta.MaxBody(textLimit))
	for v := range a.Attack(target, p, 0, o.Name) {
		q := Request{Sent: v.Timestamp, Length: int64(v.BytesIn), Text: string(v.Body), TraceID: v.Headers.Get("X-Amzn-Trace-Id"), RequestID: v.Headers.Get("X-Amzn-Requestid")}
		q.Response = latency.Response{At: v.End(), Latency: v.Latency, Status: int(v.Code)}
		q.Intended = p.began().Add(o.Arrivals[v.Seq])
		switch {
		case v.Code >= 400:
			q.Failure = httpError(int(v.Code), o.URL)
		case v.Code == 0:
			q.Failure = failureText(fmt.Errorf("%s", v.Error))
			if strings.Contains(v.Error, "Client.Timeout") {
				q.Failure = "Timeout('the request took too long')"
			}
		}
		r.done <- q
	}
}

// schedule paces vegeta: it waits itself, so that the end of ctx ends the wait.
type schedule struct {
	ctx      context.Context
	arrivals Arrivals
	once     sync.Once
	begin    time.Time
}

func (s *schedule) began() time.Time { return s.begin }

// Pace waits for the time of the next request.
func (s *schedule) Pace(elapsed time.Duration, hits uint64) (time.Duration, bool) {
	s.once.Do(func() { s.begin = time.Now().Add(-elapsed) })
	if hits >= uint64(len(s.arrivals)) || !sleep(s.ctx, s.arrivals[hits]-elapsed) {
		return 0, true
	}
	return 0, false
}

// Rate is not needed by an attack; it is part of the interface.
func (s *schedule) Rate(time.Duration) float64 { return 0 }
