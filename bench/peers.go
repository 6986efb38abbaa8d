package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"anthill/fault"
	"anthill/latency"
)

// Peer is one system's chain of three trivial tasks.
type Peer struct {
	Name    string  `json:"name"`
	Version string  `json:"version,omitempty"`
	Step    float64 `json:"step_p50_ms"` // a task returned → the next entered, by the tasks' own clocks
	StepP99 float64 `json:"step_p99_ms"`
	Chain   float64 `json:"chain_p50_ms"` // the first task entered → the last returned
	N       int     `json:"n"`            // chains
	Flushed string  `json:"flushed"`      // what is on the disk before a step goes on
	NotRun  string  `json:"not_run,omitempty"`
}

// contestant is a peer that is being run. chain runs three tasks once and gives their instants.
type contestant struct {
	Peer
	chain func(ctx context.Context) (stamps, error)
	steps []time.Duration
	whole []time.Duration
}

// chains is how many of them each peer runs, after the warm-up.
const (
	chainsCounted = 60
	chainsWarmUp  = 10
)

// peers runs the chain in turn on Anthill and on every peer that could be installed here.
func (r *rig) peers(ctx context.Context) ([]Peer, error) {
	if r.Cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return nil, fault.In("bench.peers", err)
		}
		r.Cache = filepath.Join(dir, "anthill", "bench")
	}
	all := r.ours()
	for _, open := range []func(context.Context) ([]contestant, func(), error){r.restate, r.temporal} {
		cs, stop, err := open(ctx)
		if stop != nil {
			defer stop()
		}
		if err != nil {
			for i := range cs {
				cs[i].NotRun = oneLine(err)
			}
		}
		all = append(all, cs...)
	}
	for i := range chainsWarmUp + chainsCounted {
		if i%10 == 0 {
			r.Progress(fmt.Sprintf("chain %d of %d on each", i+1, chainsWarmUp+chainsCounted))
		}
		for j := range all {
			c := &all[j]
			if c.NotRun != "" {
				continue
			}
			s, err := c.chain(ctx)
			if ctx.Err() != nil {
				return nil, &fault.Error{Kind: fault.Canceled, Op: "bench.peers", Err: ctx.Err()}
			}
			if err != nil || len(s.S) != 3 {
				c.NotRun = fmt.Sprintf("chain %d failed: %v", i+1, err)
				continue
			}
			if i >= chainsWarmUp {
				c.steps = append(c.steps, time.Duration(s.S[1][0]-s.S[0][1]), time.Duration(s.S[2][0]-s.S[1][1]))
				c.whole = append(c.whole, time.Duration(s.S[2][1]-s.S[0][0]))
			}
		}
	}
	var ps []Peer
	for _, c := range all {
		c.Step, c.StepP99, c.Chain, c.N = latency.Millis(latency.Of(c.steps).Median()), latency.Millis(latency.Of(c.steps).Percentile(99)), latency.Millis(latency.Of(c.whole).Median()), len(c.whole)
		ps = append(ps, c.Peer)
	}
	return ps, nil
}

// ours are Anthill's two kinds of execution.
func (r *rig) ours() []contestant {
	run := func(f func(context.Context, string, string) (execution, error), machine string) func(context.Context) (stamps, error) {
		return func(ctx context.Context) (s stamps, err error) {
			e, err := f(ctx, machine, "{}")
			if err == nil {
				err = json.Unmarshal([]byte(e.Output), &s)
			}
			return s, err
		}
	}
	return []contestant{
		{Peer: Peer{Name: "Anthill, Standard, Python functions", Version: r.Version, Flushed: "every event, before what it calls for begins (fdatasync)"}, chain: run(r.platform.run, "three")},
		{Peer: Peer{Name: "Anthill, Express, Python functions", Version: r.Version, Flushed: "nothing: history is written behind"}, chain: run(r.platform.runSync, "three-express")},
	}
}

// oneLine is an error for a cell of a table.
func oneLine(err error) string {
	s := strings.Join(strings.Fields(err.Error()), " ")
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return s
}

// install runs a command in dir and tells its last words when it fails.
func install(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		if len(out) > 300 {
			out = out[len(out)-300:]
		}
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
