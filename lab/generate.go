package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"anthill/fault"
	"anthill/latency"
	"anthill/loadtest"
)

// LoadConfig says what Load sends where. One of URL, Function and StateMachine is set.
type LoadConfig struct {
	URL          string // any HTTP endpoint
	Function     string // name or ARN, invoked over the Lambda API of Endpoint
	StateMachine string // ARN: an execution is started, and the answer is its end
	// Endpoint is the platform. "" means http://localhost:4566, or for a URL whatever serves it.
	Endpoint string
	Method   string // of URL; "" means POST
	Body     []byte // the request's body, the function's payload or the execution's input; nil means {}

	// Arrivals makes it an open test. Otherwise Users, SpawnRate, RunTime and the waits are a closed one's; zero values are
	// those of loadtest.Closed.
	Arrivals         loadtest.Arrivals
	Users            int
	SpawnRate        float64
	RunTime          time.Duration
	WaitMin, WaitMax time.Duration
	WaitMean         time.Duration
	NoWait           bool
	Seed             uint64

	// NoWatch asks the platform nothing while the test runs; how requests were served is asked once, after its end.
	NoWatch bool
	// Out gets Locust's files, every request, an HdrHistogram log, what the platform told, and the report of Analyze. "" means "load".
	Out     string
	Version string
	Command string
	// Model says in a few words what was sent how, for the report. "" makes some.
	Model string
	// Progress is called every second, from one goroutine. nil means not at all.
	Progress func(LoadProgress)
}

// LoadProgress is a look at a running load test from both sides.
type LoadProgress struct {
	loadtest.Progress
	// Told says whether the platform tells how it serves; if not, what follows is zero.
	Told                bool
	Cold, Warm          int // so far: requests that waited for an init or a restore, and others
	Environments, Busy  int // alive now
	EnvironmentsStarted int // since the test began
}

// Loaded is what a load test gave.
type Loaded struct {
	Analysis *Analysis
	Result   *loadtest.Result
	// Late is how long after their times the requests were sent: the generator's own slowness, or in a closed test 0.
	Late latency.Distribution
	// Intended counts from the time at which a request should have been sent.
	Intended    latency.Distribution
	Interrupted bool
}

// runInfo is run.json: what Analyze cannot see from the requests.
type runInfo struct {
	Command     string            `json:"command"`
	Target      string            `json:"target"`
	Model       string            `json:"model"`
	Began       time.Time         `json:"began"`
	Took        float64           `json:"took_s"`
	Interrupted bool              `json:"interrupted,omitempty"`
	Dropped     int               `json:"dropped"` // on their way when the test ended
	LateP99     float64           `json:"late_p99_ms"`
	Intended    *latency.Summary  `json:"intended,omitempty"` // latencies counted from the intended times
	Machine     Machine           `json:"machine"`
	Platform    *latency.Platform `json:"platform,omitempty"`
	Lost        int               `json:"records_left_out,omitempty"`
}

// Load puts load on an endpoint, asks the platform how every request was served when it is Anthill, and writes the files.
// When ctx ends early, what was measured until then is written all the same.
func Load(ctx context.Context, c LoadConfig) (*Loaded, error) {
	const op = "lab.Load"
	if c.Out == "" {
		c.Out = "load"
	}
	if c.Body == nil {
		c.Body = []byte("{}")
	}
	if c.Progress == nil {
		c.Progress = func(LoadProgress) {}
	}
	s := &session{aws: newClient(platformOf(c))}
	if err := s.meet(ctx, c); err != nil {
		return nil, err
	}
	to, err := s.target(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return nil, fault.In(op, err)
	}
	log, err := os.Create(filepath.Join(c.Out, "test_locust_logs.txt"))
	if err != nil {
		return nil, fault.In(op, err)
	}
	defer log.Close()
	info := runInfo{Command: c.Command, Target: strings.TrimSpace(c.URL + c.Function + c.StateMachine), Model: c.words(), Began: time.Now(), Machine: describeMachine(), Platform: s.platform}
	w := s.watch(c)
	progress := func(p loadtest.Progress) { c.Progress(w.look(p)) }
	header := http.Header{"Content-Type": {"application/json"}}
	var r *loadtest.Result
	if c.Arrivals != nil {
		r, err = loadtest.Open{Method: c.Method, URL: to.url, Name: to.name, Header: header, Body: c.Body, Arrivals: c.Arrivals, Client: to.client, Fresh: to.fresh, FunctionErrors: to.fresh != nil,
			Version: c.Version, Log: log, Progress: progress}.Run(ctx)
	} else {
		r, err = loadtest.Closed{Method: c.Method, URL: to.url, Name: to.name, Header: header, Body: c.Body, Users: c.Users, SpawnRate: c.SpawnRate, RunTime: c.RunTime,
			WaitMin: c.WaitMin, WaitMax: c.WaitMax, WaitMean: c.WaitMean, NoWait: c.NoWait, Seed: c.Seed, Client: to.client, Fresh: to.fresh, FunctionErrors: to.fresh != nil, Version: c.Version, Log: log, Progress: progress}.Run(ctx)
	}
	info.Machine.LoadEnd = loadAverage()
	info.Interrupted = ctx.Err() != nil
	ctx = context.WithoutCancel(ctx)
	told, werr := w.end(ctx)
	if err != nil {
		return nil, err
	}
	l, err := s.finishLoad(ctx, c, r, told, info)
	if err == nil && werr != nil {
		l.Analysis.Problems = append(l.Analysis.Problems, "The platform's records could not be read: "+werr.Error())
	}
	return l, err
}

// words says in half a sentence what was sent how.
func (c *LoadConfig) words() string {
	switch {
	case c.Model != "":
		return c.Model
	case c.Arrivals != nil && len(c.Arrivals) > 0:
		return fmt.Sprintf("open: %d requests at their times within %v, whether or not earlier ones were answered", len(c.Arrivals), c.Arrivals[len(c.Arrivals)-1].Round(time.Millisecond))
	}
	return "closed: users who wait for each answer"
}

func (s *session) finishLoad(ctx context.Context, c LoadConfig, r *loadtest.Result, told told, info runInfo) (*Loaded, error) {
	told.mark(r)
	if c.StateMachine != "" && s.platform != nil {
		if err := s.markExecutions(ctx, r); err != nil {
			return nil, err
		}
	}
	if err := r.Run.WriteFiles(c.Out, "test"); err != nil {
		return nil, err
	}
	if err := loadtest.WriteRequests(c.Out, "test", r.Requests); err != nil {
		return nil, err
	}
	if err := loadtest.WriteHDR(c.Out, "test", r); err != nil {
		return nil, err
	}
	var late, intended []time.Duration
	for _, q := range r.Requests {
		late, intended = append(late, q.Late()), append(intended, q.At.Sub(q.Intended))
	}
	l := &Loaded{Result: r, Late: latency.Of(late), Intended: latency.Of(intended), Interrupted: info.Interrupted}
	info.Took, info.Dropped, info.LateP99, info.Lost = r.Took.Seconds(), r.Dropped, latency.Millis(l.Late.Percentile(99)), told.lost
	if c.Arrivals != nil {
		sum := l.Intended.Summary()
		info.Intended = &sum
	}
	if err := told.write(c.Out, info); err != nil {
		return nil, err
	}
	var err error
	l.Analysis, err = Analyze(AnalyzeConfig{Dir: c.Out, Out: c.Out, Command: c.Command})
	return l, err
}

// markExecutions says of each execution whether one of its tasks waited for an init, from the traces of the first two thousand.
func (s *session) markExecutions(ctx context.Context, r *loadtest.Result) error {
	const most = 2000
	for i := range r.Requests[:min(most, len(r.Requests))] {
		q := &r.Requests[i]
		if !strings.HasPrefix(q.RequestID, "arn:") {
			continue
		}
		a, err := s.aws.send(ctx, "states", "GET", "/_anthill/executions/"+q.RequestID+"/trace", nil, nil)
		if err != nil {
			return err
		}
		var t latency.Trace
		if a.status != http.StatusOK || json.Unmarshal(a.body, &t) != nil {
			continue // an Express execution keeps none
		}
		for _, task := range t.Tasks {
			q.Start = colder(q.Start, task.Start)
		}
		r.Run.Responses[i].Start = q.Start
	}
	return nil
}

// Words says what a load test gave, in lines for a terminal.
func (l *Loaded) Words() string {
	a := l.Analysis
	var b strings.Builder
	if l.Interrupted {
		b.WriteString("interrupted: this is what had been measured\n")
	}
	fmt.Fprintf(&b, "%d requests, %d failed, %.1f per second\n", a.All.N, failed(l.Result.Run), float64(a.All.N)/max(l.Result.Took.Seconds(), 1e-9))
	line := func(name string, d latency.Summary) {
		if d.N > 0 {
			fmt.Fprintf(&b, "%-9s n = %-7d p50 %-10s p95 %-10s p99 %-10s max %s\n", name, d.N, ms(d.P50), ms(d.P95), ms(d.P99), ms(d.Max))
		}
	}
	line("response", a.All)
	if l.Late.Max() > 0 {
		line("intended", l.Intended.Summary())
	}
	line("cold", a.Cold)
	line("warm", a.Warm)
	if late := l.Late.Percentile(99); late > time.Millisecond {
		fmt.Fprintf(&b, "requests were sent up to %s late (p99 %.1f ms): the figures from the intended times hold that wait\n", ms(latency.Millis(l.Late.Max())), latency.Millis(late))
	}
	if l.Result.Dropped > 0 {
		fmt.Fprintf(&b, "%d requests were on their way when the test ended and are not counted\n", l.Result.Dropped)
	}
	if a.Cold.N > 0 {
		b.WriteString(a.Split.Method + "\n")
	}
	for _, p := range a.Problems {
		b.WriteString(p + "\n")
	}
	for i, f := range l.Result.Run.Failures {
		if i == 3 {
			fmt.Fprintf(&b, "and %d other kinds of failure\n", len(l.Result.Run.Failures)-i)
			break
		}
		fmt.Fprintf(&b, "%d × %s\n", f.Occurrences, f.Error)
	}
	if a.Profile != "" {
		b.WriteString(a.Profile + "\n")
	}
	return b.String()
}
