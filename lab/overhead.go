package lab

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"anthill/fault"
	"anthill/latency"
	"anthill/report"
)

// OverheadConfig says which executions Overhead looks at.
type OverheadConfig struct {
	// Endpoint is the platform that has the executions of ARNs. "" means http://localhost:4566.
	Endpoint string
	// ARNs are executions of Endpoint, or state machines: then their newest executions, a hundred at most.
	ARNs []string
	// Files are histories exported by `aws stepfunctions get-execution-history`, or traces of Anthill.
	Files []string
	// Out gets report.html, overhead.json and the figures. "" writes none.
	Out string
	// Command is the command line that the report shows.
	Command string
}

// OverheadReport is what Overhead found.
type OverheadReport struct {
	Executions []latency.Overhead `json:"executions"`
	Samples    []latency.Sample   `json:"samples"` // every quantity over all executions
	traces     []*latency.Trace
}

// Overhead computes the orchestration overhead of executions.
func Overhead(ctx context.Context, c OverheadConfig) (*OverheadReport, error) {
	if len(c.ARNs)+len(c.Files) == 0 {
		return nil, fault.Invalidf("lab.Overhead", "executions", "give the ARNs of executions, or files with --history")
	}
	r := &OverheadReport{}
	for _, f := range c.Files {
		t, err := readTrace(f)
		if err != nil {
			return nil, err
		}
		r.traces = append(r.traces, t)
	}
	if len(c.ARNs) > 0 {
		s := &session{aws: newClient(cmp.Or(c.Endpoint, "http://localhost:4566"))}
		for _, arn := range c.ARNs {
			ts, err := s.tracesOf(ctx, arn)
			if err != nil {
				return nil, err
			}
			r.traces = append(r.traces, ts...)
		}
	}
	for _, t := range r.traces {
		r.Executions = append(r.Executions, latency.Overheads(t))
	}
	r.Samples = latency.Collect(r.Executions)
	if c.Out == "" {
		return r, nil
	}
	p, err := r.page(c)
	if err != nil {
		return nil, err
	}
	if err := p.Write(c.Out); err != nil {
		return nil, err
	}
	return r, fault.In("lab.Overhead", writeJSON(filepath.Join(c.Out, "overhead.json"), r))
}

func readTrace(path string) (*latency.Trace, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &fault.Error{Kind: fault.NotFound, Op: "lab.Overhead", Noun: "file", Name: path, Detail: path + " cannot be read", Err: err}
	}
	defer f.Close()
	return latency.Read(f, filepath.Base(path))
}

// warning names the latency profiles under which executions ran; "" when there was none.
func (r *OverheadReport) warning() string { return warningOf(r.traces) }

func warningOf(ts []*latency.Trace) string {
	for _, t := range ts {
		if t.Profile != "" {
			return fmt.Sprintf("Delays were added on purpose: executions ran with the latency profile “%s”. No figure of theirs is of the platform's own speed.", t.Profile)
		}
	}
	return ""
}

// WriteText prints the tables for a terminal.
func (r *OverheadReport) WriteText(w io.Writer) error {
	if warning := r.warning(); warning != "" {
		fmt.Fprintf(w, "%s\n\n", warning)
	}
	for _, o := range r.Executions {
		fmt.Fprintf(w, "%s (%s)\n\n", o.Execution, o.Status)
		for _, p := range o.Problems {
			fmt.Fprintf(w, "  note: %s\n\n", p)
		}
		for _, t := range tablesOf(o) {
			if err := t.WriteText(w); err != nil {
				return err
			}
		}
	}
	if len(r.Executions) > 1 {
		return r.samplesTable().WriteText(w)
	}
	return nil
}

// tablesOf are the tables of one execution: a chain's, a fan-out's, and where the time went.
func tablesOf(o latency.Overhead) []report.Table {
	var ts []report.Table
	for _, c := range o.Chains {
		ts = append(ts, chainOverhead(c))
	}
	for _, f := range o.FanOuts {
		ts = append(ts, fanOutOverhead(f))
	}
	if t, ok := transitionSteps(o); ok {
		ts = append(ts, t)
	}
	return append(ts, pathTable(o))
}

func chainOverhead(c latency.Chain) report.Table {
	t := report.Table{Caption: "Chain: " + c.Marks[0].State + " to " + c.Marks[len(c.Marks)-1].State, Head: []string{"Metric or event", "#Value", "Notes"}}
	for _, m := range c.Marks {
		t.Rows = append(t.Rows, []string{m.Name, clock(m.At), m.Type + " of " + m.State})
	}
	for _, tr := range c.Transitions {
		notes := "event to event"
		if tr.Waited > 0 {
			notes += ", less " + report.Ms(tr.Waited) + " in Wait states"
		}
		t.Rows = append(t.Rows, []string{"Overhead " + tr.Name(), eventGap(tr.Events, tr.SharedStamp), notes})
		if tr.Known {
			t.Rows = append(t.Rows, []string{"", report.Ms(tr.Handler), "handler returned → next handler entered (" + string(tr.Start) + ")"})
		}
	}
	t.Rows = append(t.Rows, []string{"Total orchestration overhead", eventGap(c.Overhead, c.SharedStamps && c.Overhead == 0), "event to event"})
	if c.HandlerKnown {
		t.Rows = append(t.Rows, []string{"", report.Ms(c.Handler), "handler to handler"})
	}
	last := c.Marks[len(c.Marks)-1].Name
	t.Rows = append(t.Rows, []string{"Total internal processing time", report.Ms(c.Processing), last + " − " + c.Marks[0].Name})
	if !c.SharedStamps {
		t.Rows = append(t.Rows, []string{"Overhead percentage", fmt.Sprintf("%.1f %%", c.Percent), "event to event, of the processing time"})
	}
	if c.HandlerKnown {
		t.Rows = append(t.Rows, []string{"Overhead percentage", fmt.Sprintf("%.1f %%", c.HandlerPercent), "handler to handler, of the processing time"})
	}
	return t
}

func fanOutOverhead(f latency.FanOut) report.Table {
	t := report.Table{Caption: fmt.Sprintf("%s: %s, %d branches", f.Kind, f.State, f.Branches), Head: []string{"Metric or event", "#Value", "Notes"}}
	for _, m := range f.Marks {
		t.Rows = append(t.Rows, []string{m.Name, clock(m.At), m.Type + " of " + m.State})
	}
	t.Rows = append(t.Rows, []string{"Fan-out delay", report.Ms(f.Delay), "T_last_started − T_parallel_start"})
	if f.Duration > 0 {
		t.Rows = append(t.Rows, []string{"Total duration", report.Ms(f.Duration), "T_parallel_exit − T_parallel_start"},
			[]string{"Overhead percentage", fmt.Sprintf("%.1f %%", f.Percent), "fan-out delay of the duration"},
			[]string{"Fan-in", report.Ms(f.FanIn), "exit − the end of the last branch"})
	}
	if f.Known {
		notes := "clocks of one machine"
		if f.Cold > 0 {
			notes += fmt.Sprintf("; %d environments were new", f.Cold)
		}
		t.Rows = append(t.Rows, []string{"Entered → last handler entered", report.Ms(f.Handler), notes},
			[]string{"Last handler returned → exit", report.Ms(f.HandlerIn), "clocks of one machine"})
	}
	return t
}

func transitionSteps(o latency.Overhead) (report.Table, bool) {
	t := report.Table{Caption: "Inside the way from handler to handler", Head: []string{"Transition", "Step", "#Took"}}
	for _, tr := range o.Transitions {
		for i, s := range tr.Steps {
			name := ""
			if i == 0 {
				name = tr.Name()
			}
			t.Rows = append(t.Rows, []string{name, s.Name, report.Ms(s.Took)})
		}
	}
	return t, len(t.Rows) > 0
}

func pathTable(o latency.Overhead) report.Table {
	p := o.Path
	t := report.Table{Caption: "Critical path: " + strings.Join(p.States, " → "), Head: []string{"Part", "#Took"}}
	t.Rows = [][]string{{"from the first event to the last", report.Ms(p.Total)}, {"in tasks, from their schedule or start to their outcome", report.Ms(p.Tasks)}}
	if p.Handlers > 0 {
		t.Rows = append(t.Rows, []string{"of it in handlers", report.Ms(p.Handlers)})
	}
	if p.Waits > 0 {
		t.Rows = append(t.Rows, []string{"in Wait states and between attempts", report.Ms(p.Waits)})
	}
	t.Rows = append(t.Rows, []string{"orchestration", fmt.Sprintf("%s = %.1f %%", report.Ms(p.Orchestration), p.Percent)})
	return t
}

func (r *OverheadReport) samplesTable() report.Table {
	t := report.Table{Caption: fmt.Sprintf("All %d executions", len(r.Executions)), Head: []string{"Quantity", "#n", "#p5 (ms)", "#p50 (ms)", "#p95 (ms)", "#mean (ms)", "#max (ms)"}}
	for _, s := range r.Samples {
		d := s.D.Summary()
		row := []string{s.Name, fmt.Sprint(d.N), figure(d.P5), figure(d.P50), figure(d.P95), figure(d.Mean), figure(d.Max)}
		if d.N == 0 {
			row = []string{s.Name, "0", "one stamp", "one stamp", "one stamp", "–", "–"}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// page shows at most this many executions one by one.
const shownExecutions = 10

func (r *OverheadReport) page(c OverheadConfig) (report.Page, error) {
	p := report.Page{Title: "Orchestration overhead", Lead: fmt.Sprintf("%d executions.", len(r.Executions)), Warning: r.warning()}
	if len(r.Executions) == 1 {
		o := r.Executions[0]
		p.Lead = fmt.Sprintf("The execution took %s, of which %s (%.1f %%) was orchestration on its critical path.", report.Ms(o.Total), report.Ms(o.Path.Orchestration), o.Path.Percent)
	}
	if c.Command != "" {
		p.Facts = append(p.Facts, report.Fact{Name: "Command", Value: c.Command})
	}
	if len(c.ARNs) > 0 {
		p.Facts = append(p.Facts, report.Fact{Name: "Platform", Value: cmp.Or(c.Endpoint, "http://localhost:4566")}, report.Fact{Name: "Machine", Value: describeMachine().words()})
	}
	if len(c.Files) > 0 {
		p.Facts = append(p.Facts, report.Fact{Name: "Histories", Value: strings.Join(c.Files, ", ")})
	}
	p.Made = made(time.Now(), c.Command)
	p.Facts = append(p.Facts, report.Fact{Name: "Made", Value: time.Now().Format("2006-01-02 15:04:05 MST")})
	if len(r.Executions) > 1 {
		all := report.Section{Title: "Over all executions", Blocks: []report.Block{report.Tab(r.samplesTable())}}
		var named []report.Named
		for _, s := range r.Samples {
			if s.D.N() > 1 && s.D.Median() > 0 && !strings.Contains(s.Name, ", event to event") {
				named = append(named, report.Named{Name: s.Name, D: s.D})
			}
		}
		f, err := report.Ranges("quantities", "Where the time of executions goes", fmt.Sprintf("Every quantity over %d executions.", len(r.Executions)), "time (ms)", named)
		if err != nil {
			return p, err
		}
		all.Blocks = append(all.Blocks, report.Fig(f))
		p.Sections = append(p.Sections, all)
	}
	if rows := r.stepRows(); len(rows) > 0 {
		f, err := report.StepBars("steps", "Inside the way from handler to handler", fmt.Sprintf("The steps between one handler's return and the next one's start, over %d executions.", len(r.Executions)), rows)
		if err != nil {
			return p, err
		}
		p.Sections = append(p.Sections, report.Section{Title: "Inside a transition", Blocks: []report.Block{report.Fig(f)}})
	}
	for i, o := range r.Executions[:min(shownExecutions, len(r.Executions))] {
		sec := report.Section{Title: o.Execution}
		for _, problem := range o.Problems {
			sec.Blocks = append(sec.Blocks, report.Note(problem))
		}
		f, err := report.Waterfall(fmt.Sprintf("waterfall-%d", i+1), "Waterfall", "The tasks of "+o.Execution+" on one clock.", r.traces[i])
		if err != nil {
			return p, err
		}
		sec.Blocks = append(sec.Blocks, report.Fig(f))
		for _, t := range tablesOf(o) {
			sec.Blocks = append(sec.Blocks, report.Tab(t))
		}
		p.Sections = append(p.Sections, sec)
	}
	p.Footer = "Drawn by anthill overhead. All figures are in overhead.json."
	return p, nil
}

// stepRows are the medians of the steps of each transition, over all executions.
func (r *OverheadReport) stepRows() []report.StepRow {
	var names, steps []string
	took := map[string]map[string][]time.Duration{}
	for _, o := range r.Executions {
		for _, t := range o.Transitions {
			if len(t.Steps) == 0 {
				continue
			}
			if took[t.Name()] == nil {
				names, took[t.Name()] = append(names, t.Name()), map[string][]time.Duration{}
			}
			for _, s := range t.Steps {
				if !slices.Contains(steps, s.Name) {
					steps = append(steps, s.Name)
				}
				took[t.Name()][s.Name] = append(took[t.Name()][s.Name], s.Took)
			}
		}
	}
	var rows []report.StepRow
	for _, name := range names {
		row := report.StepRow{Name: name}
		for _, s := range steps {
			if ds := took[name][s]; len(ds) > 0 {
				row.Steps = append(row.Steps, latency.Step{Name: s, Took: latency.Of(ds).Median()})
				row.N = max(row.N, len(ds))
			}
		}
		rows = append(rows, row)
	}
	return rows
}
