package latency

import (
	"slices"
	"time"
)

// Sample is one quantity over several executions.
type Sample struct {
	Name string `json:"name"` // "A → B, events", "Parallel_Fan_Out, fan-out delay"
	// Shared counts the values that are the zero of one decision: they are left out of D.
	Shared int          `json:"shared_stamps,omitempty"`
	D      Distribution `json:"distribution"`
}

// Collect gathers every quantity of several executions under its name, in the order in which names first appear.
func Collect(os []Overhead) []Sample {
	var names []string
	values := map[string][]time.Duration{}
	shared := map[string]int{}
	add := func(name string, v time.Duration) {
		if _, known := values[name]; !known {
			names = append(names, name)
			values[name] = nil
		}
		values[name] = append(values[name], v)
	}
	for _, o := range os {
		for _, t := range o.Transitions {
			switch name := t.Name() + ", event to event"; {
			case t.SharedStamp:
				if _, known := values[name]; !known {
					names = append(names, name)
					values[name] = nil
				}
				shared[name]++
			default:
				add(name, t.Events)
			}
			if t.Known {
				add(t.Name()+", handler to handler", t.Handler)
			}
			for _, s := range t.Steps {
				add(t.Name()+", "+s.Name, s.Took)
			}
		}
		for _, f := range o.FanOuts {
			add(f.State+", fan-out delay", f.Delay)
			if f.Known {
				add(f.State+", entered to last handler entered", f.Handler)
			}
			if f.Duration > 0 {
				if f.FanIn != 0 || o.Source != FromTrace { // a zero there is of one decision
					add(f.State+", fan-in", f.FanIn)
				}
				if f.Known {
					add(f.State+", last handler returned to exit", f.HandlerIn)
				}
				add(f.State+", duration", f.Duration)
			}
		}
		add("whole execution", o.Total)
		add("orchestration on the critical path", o.Path.Orchestration)
	}
	var out []Sample
	for _, n := range names {
		out = append(out, Sample{Name: n, Shared: shared[n], D: Of(values[n])})
	}
	return slices.Clip(out)
}
