package lab

import (
	"cmp"
	"fmt"
	"time"

	"anthill/fault"
	"anthill/latency"
	"anthill/loadtest"
)

// ProfileConfig says of which measurements MakeProfile makes a latency profile.
type ProfileConfig struct {
	Name, Source, Command string
	// Locust is a directory with Locust's files of a run against the cloud: its warm requests become the hop, and what
	// its cold ones took beyond the median warm one becomes the cold start. "" leaves both out.
	Locust string
	// Histories are files with histories of executions in the cloud: their chains become the transition, their
	// Parallels the fan-out.
	Histories []string
}

// MakeProfile derives a latency profile from what was measured in a cloud.
func MakeProfile(c ProfileConfig) (*latency.Profile, error) {
	const op = "lab.MakeProfile"
	p := &latency.Profile{Name: c.Name, Source: c.Source, Command: c.Command}
	if c.Name == "" || c.Source == "" {
		return nil, fault.Invalidf(op, "latency profile", "give --name and --source: every report made with the profile names them")
	}
	if c.Locust != "" {
		run, err := loadtest.ReadDir(c.Locust)
		if err != nil {
			return nil, err
		}
		split := splitOf(run.Responses)
		if len(split.Warm) == 0 {
			return nil, fault.Invalidf(op, "load test", "%s holds no warm request", c.Locust)
		}
		warm := latency.Of(latency.Latencies(split.Warm))
		p.Hop = latency.DelayOf(warm.Values(), fmt.Sprintf("response times of the %d warm requests as their client saw them", warm.N()))
		var cold []time.Duration
		for _, r := range split.Cold {
			cold = append(cold, r.Latency-warm.Median())
		}
		p.ColdStart = latency.DelayOf(cold, fmt.Sprintf("response times of the %d cold requests less the median of the warm ones, %.1f ms", len(cold), latency.Millis(warm.Median())))
	}
	var transitions, fanOuts []time.Duration
	for _, file := range c.Histories {
		t, err := readTrace(file)
		if err != nil {
			return nil, err
		}
		o := latency.Overheads(t)
		for _, tr := range o.Transitions {
			if !tr.Retry && !tr.SharedStamp {
				transitions = append(transitions, tr.Events)
			}
		}
		for _, f := range o.FanOuts {
			if f.Branches > 1 {
				fanOuts = append(fanOuts, f.Delay)
			}
		}
	}
	p.Transition = latency.DelayOf(transitions, fmt.Sprintf("next state entered minus task succeeded, of %d transitions", len(transitions)))
	p.FanOut = latency.DelayOf(fanOuts, fmt.Sprintf("last task started minus Parallel or Map entered, of %d executions", len(fanOuts)))
	if p.FanOut != nil {
		p.Assumed = "of a fan-out only when the last task started is measured; the others are assumed to start evenly before it"
	}
	if cmp.Or(p.Hop, p.ColdStart, p.Transition, p.FanOut) == nil {
		return nil, fault.Invalidf(op, "latency profile", "nothing was measured: give --locust and --history")
	}
	return p, nil
}
