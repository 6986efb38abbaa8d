package lab

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"time"

	"anthill/fault"
	"anthill/lab/iris"
	"anthill/latency"
)

// Config says what Run does. The zero value, but for Endpoint or Start, is the course as it is written.
type Config struct {
	// Endpoint is a running platform, "http://localhost:4566". "" means that Start gives one.
	Endpoint string
	// Start starts a platform of the lab's own and gives its endpoint; stop ends it. Used when Endpoint is "".
	Start func(ctx context.Context) (endpoint string, stop func() error, err error)

	// Out is where everything is written. "" means "lab-report".
	Out string
	// Cache keeps the Python environment and the layers between runs. "" means anthill/lab under the user's cache directory.
	Cache string

	// Users, SpawnRate and RunTime are the load test's. 0 means 10, 5 per second and 60 s.
	Users     int
	SpawnRate float64
	RunTime   time.Duration
	// ColdStarts is how many are forced for each way an environment can come to be. 0 means 100.
	ColdStarts int
	// Repetitions is how often each workflow is run after the warm-up. 0 means 30.
	Repetitions int
	// WarmUp is how many runs of each workflow are not counted. 0 means 5.
	WarmUp int

	// Progress is told what is being done. nil means nobody is.
	Progress func(Progress)
	// Version is Anthill's, for the report.
	Version string
	// Command is the command line that the report shows. "" shows "anthill lab".
	Command string
}

// Progress is one line about the lab's doings.
type Progress struct {
	Step, Of int
	Title    string // of the step
	Text     string // what is going on in it; "" when the step begins
	Live     bool   // Text replaces the live text before it
}

// Result is what a lab found, as lab.json has it.
type Result struct {
	Version  string    `json:"version"`
	Command  string    `json:"command"`
	Endpoint string    `json:"endpoint"`
	Began    time.Time `json:"began"`
	Took     float64   `json:"took_s"`
	Machine  Machine   `json:"machine"`
	Settings settings  `json:"settings"`

	Model    Model        `json:"model"`
	First    FirstRequest `json:"first_request"`
	Load     *Analysis    `json:"load_test"`
	Cold     []Series     `json:"cold_starts"`
	Warm     []Series     `json:"warm_invocations"`
	Chain    Experiment   `json:"chain"`
	Parallel Experiment   `json:"parallel"`
	AWS      AWSRun       `json:"aws"`
}

type settings struct {
	Users       int     `json:"users"`
	SpawnRate   float64 `json:"spawn_rate"`
	RunTime     float64 `json:"run_time_s"`
	ColdStarts  int     `json:"cold_starts"`
	Repetitions int     `json:"repetitions"`
	WarmUp      int     `json:"warm_up"`
}

// session is a lab on its way.
type session struct {
	Config
	aws      *client
	platform *latency.Platform // what the platform says of itself; nil when it is no Anthill
	result   Result
	step     int
	title    string
	page     pageParts
}

// steps is how many there are.
const steps = 6

// Run does the course's experiments and writes Out/report.html, Out/lab.json, the figures, the logs and Locust's files.
// It returns a fault that says what to do when a step cannot be done; what earlier steps wrote stays.
func Run(ctx context.Context, c Config) (*Result, error) {
	const op = "lab.Run"
	c.defaults()
	s := &session{Config: c}
	s.result = Result{Version: c.Version, Command: c.Command, Began: time.Now(), Machine: describeMachine(), AWS: courseRun(),
		Settings: settings{c.Users, c.SpawnRate, c.RunTime.Seconds(), c.ColdStarts, c.Repetitions, c.WarmUp}}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "directory", Name: c.Out, Detail: "cannot be made: choose another with --out", Err: err}
	}
	endpoint, stop := c.Endpoint, func() error { return nil }
	if endpoint == "" {
		if c.Start == nil {
			return nil, fault.Invalidf(op, "lab", "neither an endpoint nor a way to start a platform was given")
		}
		var err error
		if endpoint, stop, err = c.Start(ctx); err != nil {
			return nil, err
		}
	}
	s.result.Endpoint = endpoint
	s.aws = newClient(endpoint)
	s.platform = s.who(ctx)
	err := s.run(ctx)
	if stopped := stop(); err == nil {
		err = stopped
	}
	if err != nil {
		return nil, err
	}
	return &s.result, nil
}

func (c *Config) defaults() {
	def := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	def(&c.Users, 10)
	def(&c.ColdStarts, 100)
	def(&c.Repetitions, 30)
	def(&c.WarmUp, 5)
	if c.SpawnRate == 0 {
		c.SpawnRate = 5
	}
	if c.RunTime == 0 {
		c.RunTime = time.Minute
	}
	if c.Out == "" {
		c.Out = "lab-report"
	}
	if c.Command == "" {
		c.Command = "anthill lab"
	}
	if c.Cache == "" {
		c.Cache = iris.DefaultCache()
	}
	if c.Progress == nil {
		c.Progress = func(Progress) {}
	}
}

func (s *session) run(ctx context.Context) error {
	for _, st := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"train the model, create the function and its REST API", s.deployModel},
		{"one request, and its log", s.firstRequest},
		{"the load test", s.loadTest},
		{"cold and warm", s.coldAndWarm},
		{"the workflow's overhead", s.workflow},
		{"the report", s.write},
	} {
		s.step++
		s.title = st.title
		s.Progress(Progress{Step: s.step, Of: steps, Title: s.title})
		if err := st.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// say tells what is going on in the present step.
func (s *session) say(format string, args ...any) {
	s.Progress(Progress{Step: s.step, Of: steps, Title: s.title, Text: fmt.Sprintf(format, args...)})
}

// live tells it in a line that the next one replaces.
func (s *session) live(format string, args ...any) {
	s.Progress(Progress{Step: s.step, Of: steps, Title: s.title, Text: fmt.Sprintf(format, args...), Live: true})
}

// invocations asks the platform what it knows of a function's invocations. ok is false when it does not keep that:
// then it is no Anthill.
func (s *session) invocations(ctx context.Context, function string) (records []latency.Invocation, ok bool, err error) {
	return s.records(ctx, url.Values{"function": {function}})
}
