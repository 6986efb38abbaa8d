package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"anthill/fault"
	"anthill/lab"
	"anthill/latency"
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
	cmd := &cobra.Command{
		Use:   "load [URL]",
		Short: "Put load on an API, a function or a state machine, and report on it",
		Example: "  anthill load http://localhost:4566/restapis/ID/default/_user_request_/predict --data '{\"values\": [[5.1, 3.5, 1.4, 0.2]]}'\n" +
			"  anthill load --function hello --rate 200 --arrivals poisson --run-time 30s\n" +
			"  anthill load --state-machine arn:aws:states:us-east-1:000000000000:stateMachine:flow --steps 10x30s,50x30s",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				c.URL = args[0]
			}
			c.Command = strings.Join(append([]string{"anthill"}, os.Args[1:]...), " ")
			if err := l.fill(&c); err != nil {
				return err
			}
			live := terminal(os.Stdout)
			c.Progress = func(p loadtest.Progress) {
				if !live {
					return
				}
				fmt.Fprintf(cmd.OutOrStdout(), "\r\x1b[K%.0f s of %.0f s  %d users  %d requests (%d failed)  %.1f/s  p50 %.2f  p95 %.2f  p99 %.2f  max %.2f ms", p.Elapsed.Seconds(), p.Of.Seconds(),
					p.Users, p.Requests, p.Failures, p.PerSecond, latency.Millis(p.P50), latency.Millis(p.P95), latency.Millis(p.P99), latency.Millis(p.Worst))
				if p.Done {
					fmt.Fprintln(cmd.OutOrStdout())
				}
			}
			r, err := lab.Load(cmd.Context(), c)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%swrote %s\n", r.Words(), filepath.Join(c.Out, "report.html"))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Function, "function", "", "invoke this function over the Lambda API")
	f.StringVar(&c.StateMachine, "state-machine", "", "start executions of this ARN and wait for their ends")
	f.StringVar(&c.Endpoint, "endpoint", os.Getenv("AWS_ENDPOINT_URL"), "the platform (default $AWS_ENDPOINT_URL, then http://localhost:4566)")
	f.StringVar(&c.Method, "method", "POST", "HTTP method for a URL")
	f.StringVar(&l.data, "data", "{}", "body, payload or input; @FILE reads it from a file")
	f.StringVar(&c.Out, "out", "load", "directory for Locust's files, the report and the figures")
	f.DurationVar(&c.RunTime, "run-time", time.Minute, "length of the test")
	f.IntVar(&c.Users, "users", 10, "closed model: users")
	f.Float64Var(&c.SpawnRate, "spawn-rate", 5, "closed model: users that come per second")
	f.StringVar(&l.wait, "wait", "3s-5s", "closed model: how long a user waits after each answer; 0 for not at all")
	f.Float64Var(&l.rate, "rate", 0, "open model: requests per second, whether or not they are answered")
	f.StringVar(&l.arrivals, "arrivals", "constant", "open model: constant or poisson")
	f.StringVar(&l.steps, "steps", "", "open model: rates one after another, as in 10x30s,50x1m")
	f.StringVar(&l.trace, "trace", "", "open model: replay a trace of counts per minute (one per line, or an Azure Functions invocation trace)")
	f.StringVar(&l.traceFunction, "trace-function", "", "only the row of this HashFunction")
	f.Float64Var(&l.traceSpeed, "trace-speed", 1, "play the trace so many times faster")
	f.Uint64Var(&c.Seed, "seed", 1, "of the random waits and arrivals")
	return cmd
}

// fill makes the schedule, the waits and the body of what the flags say.
func (l loadFlags) fill(c *lab.LoadConfig) (err error) {
	c.Body = []byte(l.data)
	if file, ok := strings.CutPrefix(l.data, "@"); ok {
		if c.Body, err = os.ReadFile(file); err != nil {
			return err
		}
	}
	low, high, span := strings.Cut(l.wait, "-")
	if !span {
		high = low
	}
	if c.WaitMin, err = time.ParseDuration(low); err == nil {
		c.WaitMax, err = time.ParseDuration(high)
	}
	if err != nil {
		return fault.Invalidf("load", "wait", "--wait takes a time or two, as in 1s or 3s-5s, not %q", l.wait)
	}
	c.NoWait = c.WaitMax == 0
	switch {
	case l.trace != "":
		f, err := os.Open(l.trace)
		if err != nil {
			return err
		}
		defer f.Close()
		c.Arrivals, err = loadtest.Replay(f, l.traceFunction, l.traceSpeed, c.Seed)
		return err
	case l.steps != "":
		c.Arrivals, err = loadtest.Steps(l.steps)
	case l.rate != 0 && l.arrivals == "poisson":
		c.Arrivals, err = loadtest.Poisson(l.rate, c.RunTime, c.Seed)
	case l.rate != 0 && l.arrivals == "constant":
		c.Arrivals, err = loadtest.Constant(l.rate, c.RunTime)
	case l.rate != 0:
		err = fault.Invalidf("load", "arrivals", "--arrivals takes constant or poisson, not %q", l.arrivals)
	}
	return err
}
