package lab

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"anthill/fault"
	"anthill/latency"
)

// The designs of an experiment.
const (
	OneAtATime = "one-at-a-time" // each factor is varied by itself; the others stay at the base
	Full       = "full"          // every combination of the factors' levels
)

// ColdConfig says what ColdStarts sweeps. The base is the function as it is, started as an ordinary cold start, one request at a time.
type ColdConfig struct {
	Endpoint string // "" means http://localhost:4566
	Function string // whose code and configuration are copied; itself it is not touched
	Payload  []byte // nil means {}

	PackagesMB []int    // package sizes to pad the code to with bytes that cannot be compressed, at most 45
	MemoriesMB []int    // MemorySize
	Runtimes   []string // of the function's language
	Policies   []string // of Policies(), beside the ordinary cold start
	Bursts     []int    // requests at once

	// Design is OneAtATime or Full. "" means OneAtATime.
	Design string
	// Repetitions is how often every cell is measured. 0 means 30.
	Repetitions int
	Seed        uint64
	// Out gets report.html, experiment.json, experiment.csv and the figures. "" means "experiment".
	Out     string
	Command string
	Version string
	// Progress is told what is being done. nil means nobody is.
	Progress func(text string)
}

// The init policies.
const (
	ordinary    = "ordinary"    // whatever the platform does by itself
	plain       = "plain"       // a new interpreter each time; Anthill can be asked for it
	provisioned = "provisioned" // provisioned concurrency
	snapStart   = "snapstart"
	keepWarm    = "keep-warm" // a ping shortly before each request
)

// Policies are the init policies that an experiment can ask for beside the ordinary cold start.
func Policies() []string { return []string{plain, provisioned, snapStart, keepWarm} }

// Experimented is what an experiment found, as experiment.json has it.
type Experimented struct {
	Function    string            `json:"function"`
	Command     string            `json:"command"`
	Began       time.Time         `json:"began"`
	Took        float64           `json:"took_s"`
	Machine     Machine           `json:"machine"`
	Platform    *latency.Platform `json:"platform,omitempty"`
	Design      string            `json:"design"`
	Seed        uint64            `json:"seed"`
	Repetitions int               `json:"repetitions"`           // that were counted, as far as the experiment came
	Interrupted bool              `json:"interrupted,omitempty"` // before all were done
	Levels      []Level           `json:"cells"`
	Pairs       []Pair            `json:"comparisons"`
	Skipped     []string          `json:"skipped,omitempty"` // levels that could not be measured, and why
}

// Level is one cell of the design, a combination of the factors' levels, with what was measured of it.
type Level struct {
	Factor   string            `json:"factor"` // in which it differs from the base: "package", "memory × policy"; "base" for the base
	Level    string            `json:"level"`
	Settings map[string]string `json:"settings"` // the level of every factor
	Served   []string          `json:"served"`   // how the platform says that requests were served: "30 cold spare"
	Failed   int               `json:"failed,omitempty"`
	Took     latency.Summary   `json:"took"`
	// Low and High are the 95 % bootstrap interval of the median, in milliseconds.
	Low  float64          `json:"p50_low_ms"`
	High float64          `json:"p50_high_ms"`
	Init *latency.Summary `json:"init,omitempty"` // of the requests that waited for one

	took    []time.Duration
	each    []time.Duration // one value a repetition: the median of its burst, for requests of one burst are not independent
	records []latency.Invocation
	// how to send
	setting                     setting
	function, qualifier, method string
	force, ping                 bool
	burst                       int
	served                      map[string]int
	init                        []time.Duration
	rows                        [][]string
}

// Pair compares two levels of one factor, in all cells that agree in the other factors.
type Pair struct {
	Factor string `json:"factor"`
	A      string `json:"a"`
	B      string `json:"b"`
	latency.Comparison
	// Cells is in how many combinations of the other factors the levels were compared; Least and Most are the smallest and the largest difference of
	// medians among them, in milliseconds: far apart, the factor works differently with others.
	Cells int     `json:"cells"`
	Least float64 `json:"least_ms"`
	Most  float64 `json:"most_ms"`
	// Adjusted is P after Holm's correction over all comparisons of the experiment.
	Adjusted float64 `json:"p_adjusted"`
	Real     bool    `json:"real"`
}

// experiment is one on its way.
type experiment struct {
	ColdConfig
	s       *session
	own     functionSettings
	code    []byte
	levels  []*Level
	padded  map[int][]byte      // packages by their size in MB
	copies  map[setting]copied  // by what needs a function of its own
	made    []string            // functions to delete
	skipped map[string][]string // cells that could not be made, by the reason
	counted int                 // repetitions that were begun
}

// functionSettings is what GetFunction says of a function, as far as it is copied.
type functionSettings struct {
	Runtime, Handler, Role, PackageType string
	MemorySize, Timeout                 int
	Layers                              []struct{ Arn string }
	Environment                         struct{ Variables map[string]string }
}

// ColdStarts measures how long first answers of a function take under different settings, every level as often as the others and in an
// order that chance decides, so that what else happens on the machine falls on all alike. It works on copies of the function, which it deletes.
// When ctx ends after two repetitions or more, what was measured until then is evaluated and written all the same.
func ColdStarts(ctx context.Context, c ColdConfig) (r *Experimented, err error) {
	const op = "lab.ColdStarts"
	c.Repetitions = cmp.Or(c.Repetitions, 30)
	c.Out = cmp.Or(c.Out, "experiment")
	c.Design = cmp.Or(c.Design, OneAtATime)
	if c.Payload == nil {
		c.Payload = []byte("{}")
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	x := &experiment{ColdConfig: c, s: &session{aws: newClient(cmp.Or(c.Endpoint, "http://localhost:4566"))}, padded: map[int][]byte{}, copies: map[setting]copied{}}
	x.s.platform = x.s.who(ctx)
	r = &Experimented{Function: c.Function, Command: c.Command, Began: time.Now(), Machine: describeMachine(), Platform: x.s.platform, Design: c.Design, Seed: c.Seed}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return nil, fault.In(op, err)
	}
	defer func() {
		if clean := x.clean(context.WithoutCancel(ctx)); err == nil {
			err = clean
		}
	}()
	if err := x.prepare(ctx); err != nil {
		return nil, err
	}
	if err := x.measure(ctx); err != nil {
		return nil, err
	}
	if err := x.join(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	r.Took, r.Machine.LoadEnd, r.Skipped = time.Since(r.Began).Seconds(), loadAverage(), x.skips()
	r.Repetitions, r.Interrupted = x.counted, ctx.Err() != nil
	x.evaluate(r)
	return r, fault.In(op, x.write(r))
}

// skips says what could not be measured, and why.
func (x *experiment) skips() []string {
	var out []string
	for _, why := range sortedKeys(x.skipped) {
		line := x.skipped[why][0]
		if n := len(x.skipped[why]) - 1; n > 0 {
			line += fmt.Sprintf(" and %d more cells", n)
		}
		out = append(out, line+": "+why)
	}
	return out
}

func (c ColdConfig) check() error {
	const op = "lab.ColdStarts"
	for _, mb := range c.PackagesMB {
		if mb < 1 || mb > 45 {
			return fault.Invalidf(op, "package size", "a package of %d MB cannot be sent: sizes are 1 to 45 MB", mb)
		}
	}
	for _, p := range c.Policies {
		if p != ordinary && !slices.Contains(Policies(), p) {
			return fault.Invalidf(op, "init policy", "there is no init policy %q; there are %s", p, strings.Join(Policies(), ", "))
		}
	}
	for _, b := range c.Bursts {
		if b < 1 || b > 200 {
			return fault.Invalidf(op, "burst", "a burst has 1 to 200 requests, not %d", b)
		}
	}
	if c.Design != OneAtATime && c.Design != Full {
		return fault.Invalidf(op, "design", "there is no design %q; there are %s and %s", c.Design, OneAtATime, Full)
	}
	if c.Repetitions < 2 {
		return fault.Invalidf(op, "repetitions", "one repetition shows nothing: take 8 or more")
	}
	return nil
}

// write writes the data and the report.
func (x *experiment) write(r *Experimented) error {
	if err := writeJSON(filepath.Join(x.Out, "experiment.json"), r); err != nil {
		return err
	}
	var b strings.Builder
	rows := csv.NewWriter(&b)
	_ = rows.Write(append(append([]string{"factor", "level"}, factors()...), "repetition", "response_time_ms", "request_id", "start", "method", "init_ms")) // the writer keeps its first error
	for _, l := range x.levels {
		for _, row := range l.rows {
			cells := []string{l.Factor, l.Level}
			for _, f := range factors() {
				cells = append(cells, l.Settings[f])
			}
			_ = rows.Write(append(cells, row[2:]...))
		}
	}
	if rows.Flush(); rows.Error() != nil {
		return rows.Error()
	}
	if err := os.WriteFile(filepath.Join(x.Out, "experiment.csv"), []byte(b.String()), 0o644); err != nil {
		return err
	}
	p, err := x.page(r)
	if err != nil {
		return err
	}
	return p.Write(x.Out)
}
