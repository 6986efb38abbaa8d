package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"anthill/fault"
	"anthill/lab"
	"anthill/loadtest"
	"anthill/server"
)

// loadFlags are what becomes a schedule.
type loadFlags struct {
	data, wait, arrivals, steps, trace, traceFunction string
	rate, traceSpeed                                  float64
}

func loadCommand() *cobra.Command {
	c := lab.LoadConfig{Version: server.Version}
	var l loadFlags
	var ceiling, plain bool
	cmd := &cobra.Command{
		Use:   "load [URL]",
		Short: "Put load on an API, a function or a state machine, and report on it",
		Example: "  anthill load http://localhost:4566/restapis/ID/default/_user_request_/predict --data '{\"values\": [[5.1, 3.5, 1.4, 0.2]]}'\n" +
			"  anthill load --function hello --rate 200 --arrivals poisson --run-time 30s\n" +
			"  anthill load --state-machine arn:aws:states:us-east-1:000000000000:stateMachine:flow --steps 10x30s,50x30s",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				if c.URL != "" {
					return fault.Invalidf("load", "target", "the URL was given twice")
				}
				c.URL = args[0]
			}
			if ceiling {
				return runCeiling(cmd.Context(), cmd.OutOrStdout(), c.RunTime, cmd.Flags().Changed("run-time"))
			}
			c.Command = strings.Join(append([]string{"anthill"}, os.Args[1:]...), " ")
			if c.URL == "" {
				c.Endpoint = cmp.Or(c.Endpoint, os.Getenv("AWS_ENDPOINT_URL"))
			}
			if err := l.contradictions(cmd.Flags().Changed, c.URL != ""); err != nil {
				return err
			}
			if err := l.fill(&c, cmd.Flags().Changed("run-time")); err != nil {
				return err
			}
			r, err := runLoad(cmd.Context(), cmd.OutOrStdout(), terminal(os.Stdout) && !plain, c)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%swrote %s\n", r.Words(), filepath.Join(c.Out, "report.html"))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.URL, "url", "", "send requests to this URL (the same as the argument)")
	f.StringVar(&c.Function, "function", "", "invoke this function over the Lambda API")
	f.StringVar(&c.StateMachine, "state-machine", "", "start executions of this ARN and wait for their ends")
	f.StringVar(&c.Endpoint, "endpoint", "", "the platform (default $AWS_ENDPOINT_URL, then http://localhost:4566; for a URL, whatever serves it)")
	f.StringVar(&c.Method, "method", "POST", "HTTP method for a URL")
	f.StringVar(&l.data, "data", "{}", "body, payload or input; @FILE reads it from a file")
	f.StringVar(&c.Out, "out", "load", "directory for Locust's files, the report and the figures")
	f.DurationVar(&c.RunTime, "run-time", time.Minute, "length of the test; of a trace, its first so long")
	f.IntVar(&c.Users, "users", 10, "closed model: users")
	f.Float64Var(&c.SpawnRate, "spawn-rate", 5, "closed model: users that come per second")
	f.StringVar(&l.wait, "wait", "3s-5s", "closed model: how long a user waits after each answer: 1s, 3s-5s (between), exp:2s (exponential, mean); 0 for not at all")
	f.Float64Var(&l.rate, "rate", 0, "open model: requests per second, whether or not they are answered")
	f.StringVar(&l.arrivals, "arrivals", "constant", "open model: constant or poisson")
	f.StringVar(&l.steps, "steps", "", "open model: rates one after another, as in 10x30s,50x1m")
	f.StringVar(&l.trace, "trace", "", "open model: replay a trace of counts per minute (one per line, or an Azure Functions invocation trace)")
	f.StringVar(&l.traceFunction, "trace-function", "", "only the row of this HashFunction")
	f.Float64Var(&l.traceSpeed, "trace-speed", 1, "play the trace so many times faster")
	f.Uint64Var(&c.Seed, "seed", 1, "of the random waits and arrivals")
	f.BoolVar(&c.NoWatch, "no-watch", false, "ask the platform nothing while the test runs, only after its end")
	f.BoolVar(&plain, "plain", false, "print lines instead of the live view")
	f.BoolVar(&ceiling, "ceiling", false, "measure the generator itself instead: against a bare HTTP echo, with wrk beside it")
	return cmd
}

// fill makes the schedule, the waits and the body of what the flags say, and puts them into words.
// Of a trace, only what lies within the run time is played when one was asked for.
func (l loadFlags) fill(c *lab.LoadConfig, cut bool) (err error) {
	if c.Body, err = bodyOf(l.data); err != nil {
		return err
	}
	if err := l.waits(c); err != nil {
		return err
	}
	switch {
	case l.trace != "":
		f, err := os.Open(l.trace)
		if err != nil {
			return err
		}
		defer f.Close()
		c.Arrivals, err = loadtest.Replay(f, l.traceFunction, l.traceSpeed, c.Seed)
		c.Model = fmt.Sprintf("open: the arrivals of %s, %g times as fast", filepath.Base(l.trace), l.traceSpeed)
		if cut {
			n, _ := slices.BinarySearch(c.Arrivals, c.RunTime)
			c.Arrivals = c.Arrivals[:n]
			c.Model += fmt.Sprintf(", the first %v", c.RunTime)
		}
		return err
	case l.steps != "":
		c.Arrivals, err = loadtest.Steps(l.steps)
		c.Model = "open: steps " + l.steps
	case l.rate != 0 && l.arrivals == "poisson":
		c.Arrivals, err = loadtest.Poisson(l.rate, c.RunTime, c.Seed)
		c.Model = fmt.Sprintf("open: Poisson arrivals, %g a second on the average for %v", l.rate, c.RunTime)
	case l.rate != 0 && l.arrivals == "constant":
		c.Arrivals, err = loadtest.Constant(l.rate, c.RunTime)
		c.Model = fmt.Sprintf("open: %g a second, evenly, for %v", l.rate, c.RunTime)
	case l.rate != 0:
		err = fault.Invalidf("load", "arrivals", "--arrivals takes constant or poisson, not %q", l.arrivals)
	default:
		c.Model = fmt.Sprintf("closed: %d users, %g more each second, waiting %s after each answer, for %v", c.Users, c.SpawnRate, l.wait, c.RunTime)
	}
	return err
}

// contradictions refuses flags that would have no effect beside others.
func (l loadFlags) contradictions(given func(flag string) bool, url bool) error {
	open := ""
	for _, f := range []string{"rate", "steps", "trace"} {
		if !given(f) {
			continue
		}
		if open != "" {
			return fault.Invalidf("load", "schedule", "give one of --rate, --steps and --trace")
		}
		open = f
	}
	refuse := func(needs string, flags ...string) error {
		for _, f := range flags {
			if given(f) {
				return fault.Invalidf("load", "flags", "--%s has no effect here: it goes with %s", f, needs)
			}
		}
		return nil
	}
	var errs []error
	if open != "" {
		errs = append(errs, refuse("the closed model, without --"+open, "users", "spawn-rate", "wait"))
	}
	if open != "rate" {
		errs = append(errs, refuse("--rate", "arrivals"))
	}
	if open == "steps" {
		errs = append(errs, refuse("other models: steps say how long they are", "run-time"))
	}
	if open != "trace" {
		errs = append(errs, refuse("--trace", "trace-function", "trace-speed"))
	}
	if !url {
		errs = append(errs, refuse("a URL", "method"))
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// bodyOf is a body as a flag gives it: itself, or @ and the name of a file.
func bodyOf(data string) ([]byte, error) {
	if file, ok := strings.CutPrefix(data, "@"); ok {
		return os.ReadFile(file)
	}
	return []byte(data), nil
}

// waits reads "2s", "3s-5s" and "exp:2s".
func (l loadFlags) waits(c *lab.LoadConfig) (err error) {
	wrong := func() error {
		return fault.Invalidf("load", "wait", "--wait takes a time, two, or exp: and a mean, as in 1s, 3s-5s or exp:2s, not %q", l.wait)
	}
	if mean, ok := strings.CutPrefix(l.wait, "exp:"); ok {
		if c.WaitMean, err = time.ParseDuration(mean); err != nil || c.WaitMean <= 0 {
			return wrong()
		}
		return nil
	}
	low, high, span := strings.Cut(l.wait, "-")
	if !span {
		high = low
	}
	if c.WaitMin, err = time.ParseDuration(low); err == nil {
		c.WaitMax, err = time.ParseDuration(high)
	}
	if err != nil || c.WaitMax < c.WaitMin {
		return wrong()
	}
	c.NoWait = c.WaitMax == 0
	return nil
}
