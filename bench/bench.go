package bench

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"anthill/fault"
	"anthill/latency"
)

// Config says what Run measures. Its zero value measures every figure three times with a platform of this very program.
type Config struct {
	// Program is what serves the platform and the floors' children: a binary whose hidden commands are Child's, and that
	// has the command up. "" means this program.
	Program string
	// Dir is where data and the floors' files go; it must be on the disk that is to be measured. "" means a temporary directory.
	Dir string
	// Rounds is how often each figure is run. 0 means 3.
	Rounds int
	// Only names the figures to run, by key or the beginning of it. None means all.
	Only []string
	// Open is how many executions are opened for their memory, after 20,000 that fill the caches. 0 means 80,000.
	Open int
	// Peers runs a chain of three trivial tasks on the peers and on Anthill in turn, and only the figures that Only names.
	Peers bool
	// Cache keeps what peers need between runs. "" means anthill/bench under the user's cache directory.
	Cache string
	// Profiles is a directory for a CPU profile of the platform during the first seconds of each figure. "" takes none.
	Profiles string
	// Progress is told what is being done. nil tells nobody.
	Progress func(line string)
	// Version and Command stand in the result.
	Version, Command string
}

// Figure is one row of the table.
type Figure struct {
	Key   string `json:"key"`
	Name  string `json:"name"`
	Unit  string `json:"unit"`  // of Value and Floor
	Floor string `json:"floor"` // what the floor is; "" when there is none
	Aim   string `json:"aim"`
	// Inverse says that more is better, as for rates.
	Inverse bool      `json:"inverse,omitempty"`
	Rounds  []Reading `json:"rounds"`
	// Value, P99, Base and Ratio are medians over the rounds. Low and High are the least and the greatest Value.
	Value  float64 `json:"value"`
	P99    float64 `json:"p99,omitempty"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Base   float64 `json:"floor_value,omitempty"`
	Ratio  float64 `json:"ratio,omitempty"` // Value / Base
	Failed string  `json:"failed,omitempty"`
}

// Reading is one round of a figure.
type Reading struct {
	Value float64 `json:"value"`
	P99   float64 `json:"p99,omitempty"`
	Floor float64 `json:"floor,omitempty"`
	N     int     `json:"n"`
	Note  string  `json:"note,omitempty"`
}

// reading is what samples come to beside a floor, all in units of unit.
func reading(samples []time.Duration, floor, unit time.Duration, note string) Reading {
	d := latency.Of(samples)
	in := func(d time.Duration) float64 { return float64(d) / float64(unit) }
	return Reading{Value: in(d.Median()), P99: in(d.Percentile(99)), Floor: in(floor), N: len(samples), Note: note}
}

// Result is a whole run.
type Result struct {
	Version string    `json:"version"`
	Command string    `json:"command"`
	Began   time.Time `json:"began"`
	Took    float64   `json:"took_s"`
	Cores   int       `json:"cores"`
	Load    string    `json:"load_before"` // of the machine, 1 min, as /proc/loadavg has it
	Figures []Figure  `json:"figures"`
	Peers   []Peer    `json:"peers,omitempty"`
}

// measure is one figure before it is run.
type measure struct {
	Figure
	once bool // one round is enough, and more would need another platform
	run  func(ctx context.Context, r *rig) (Reading, error)
}

// Run measures. What one figure cannot do stands in its Failed; an error means that nothing could be measured.
func Run(ctx context.Context, c Config) (*Result, error) {
	const op = "bench.Run"
	c.defaults()
	res := &Result{Version: c.Version, Command: c.Command, Began: time.Now(), Cores: runtime.NumCPU(), Load: loadBefore()}
	r, err := openRig(ctx, c)
	if err != nil {
		return nil, fault.In(op, err)
	}
	defer r.close()
	todo := chosen(c.Only)
	if c.Peers && len(c.Only) == 0 { // the comparison alone: the figures are run without it
		todo = nil
	}
	if len(todo) == 0 && !c.Peers {
		return nil, fault.Invalidf(op, "figure", "no figure is named %s; there are: %s", strings.Join(c.Only, ", "), strings.Join(Keys(), ", "))
	}
	for round := range c.Rounds {
		for i := range todo {
			m := &todo[i]
			if m.Failed != "" || m.once && round > 0 {
				continue
			}
			c.Progress(fmt.Sprintf("round %d of %d: %s", round+1, c.Rounds, m.Name))
			wait := func() {}
			if c.Profiles != "" && round == 0 {
				wait = r.profile(ctx, m.Key)
			}
			reading, err := m.run(ctx, r)
			wait()
			if ctx.Err() != nil {
				return nil, &fault.Error{Kind: fault.Canceled, Op: op, Err: ctx.Err()}
			}
			if err != nil {
				m.Failed = err.Error()
				continue
			}
			m.Rounds = append(m.Rounds, reading)
		}
	}
	for _, m := range todo {
		m.Figure.settle()
		res.Figures = append(res.Figures, m.Figure)
	}
	if c.Peers {
		if res.Peers, err = r.peers(ctx); err != nil {
			return nil, fault.In(op, err)
		}
	}
	res.Took = time.Since(res.Began).Seconds()
	return res, nil
}

func (c *Config) defaults() {
	if c.Rounds == 0 {
		c.Rounds = 3
	}
	if c.Open == 0 {
		c.Open = 80_000
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
}

// Keys are the names of all figures, in the order in which they are run.
func Keys() []string {
	var ks []string
	for _, m := range measures() {
		ks = append(ks, m.Key)
	}
	return ks
}

// chosen are the measures that only names.
func chosen(only []string) []measure {
	all := measures()
	if len(only) == 0 {
		return all
	}
	return slices.DeleteFunc(all, func(m measure) bool {
		return !slices.ContainsFunc(only, func(o string) bool { return strings.HasPrefix(m.Key, o) })
	})
}

// settle computes the medians and the spread.
func (f *Figure) settle() {
	if len(f.Rounds) == 0 {
		return
	}
	of := func(get func(Reading) float64) []float64 {
		var vs []float64
		for _, r := range f.Rounds {
			vs = append(vs, get(r))
		}
		slices.Sort(vs)
		return vs
	}
	values := of(func(r Reading) float64 { return r.Value })
	f.Value, f.Low, f.High = median(values), values[0], values[len(values)-1]
	f.P99 = median(of(func(r Reading) float64 { return r.P99 }))
	f.Base = median(of(func(r Reading) float64 { return r.Floor }))
	f.Ratio = median(of(func(r Reading) float64 {
		if r.Floor == 0 {
			return 0
		}
		return r.Value / r.Floor
	}))
}

// median of sorted values.
func median[T cmp.Ordered](sorted []T) T {
	var zero T
	if len(sorted) == 0 {
		return zero
	}
	return sorted[(len(sorted)-1)/2]
}

func loadBefore() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	one, _, _ := strings.Cut(string(b), " ")
	return one
}
