package lab

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"anthill/fault"
	"anthill/latency"
	"anthill/report"
)

// CompareConfig says what Compare sets beside each other. Each of A and B is a file with a history or a trace, a directory of
// such files, the ARN of an execution, or that of a state machine: then its newest executions.
type CompareConfig struct {
	A, B     string
	Endpoint string // of ARNs; "" means http://localhost:4566
	// Out gets report.html, comparison.json and the figures. "" writes none.
	Out     string
	Command string
}

// Compared is one quantity of two sets of executions.
type Compared struct {
	Name string `json:"name"`
	latency.Comparison
	Adjusted float64 `json:"p_adjusted"` // P after Holm's correction over all quantities
	Real     bool    `json:"real"`
	a, b     latency.Distribution
}

// Compare sets two sets of executions beside each other, quantity by quantity.
func Compare(ctx context.Context, c CompareConfig) ([]Compared, error) {
	const op = "lab.Compare"
	s := &session{aws: newClient(cmp.Or(c.Endpoint, "http://localhost:4566"))}
	ta, err := s.tracesIn(ctx, c.A)
	if err != nil {
		return nil, err
	}
	tb, err := s.tracesIn(ctx, c.B)
	if err != nil {
		return nil, err
	}
	sb := samplesOf(tb)
	var out []Compared
	var ps []float64
	for _, x := range samplesOf(ta) {
		for _, y := range sb {
			if x.Name == y.Name && x.D.N() > 0 && y.D.N() > 0 {
				cmp := latency.Compare(x.D, y.D)
				out, ps = append(out, Compared{Name: x.Name, Comparison: cmp, a: x.D, b: y.D}), append(ps, cmp.P)
			}
		}
	}
	if len(out) == 0 {
		return nil, fault.Invalidf(op, "executions", "the two sets have no quantity in common: are they of one state machine?")
	}
	for i, p := range latency.Holm(ps) {
		out[i].Adjusted = p
		out[i].Real = p < 0.05 && (out[i].Low > 0 || out[i].High < 0)
	}
	if c.Out == "" {
		return out, nil
	}
	p := report.Page{Title: "Two sets of executions", Warning: warningOf(append(ta, tb...)), Lead: fmt.Sprintf("A is %s (%d executions), B is %s (%d).", c.A, len(ta), c.B, len(tb)),
		Facts: []report.Fact{{Name: "Made", Value: time.Now().Format("2006-01-02 15:04:05 MST")}, {Name: "Command", Value: c.Command}}}
	p.Made = made(time.Now(), c.Command)
	sec := report.Section{Title: "Quantities", Blocks: []report.Block{report.Tab(ComparisonTable(c.A, c.B, out))}}
	var named []report.Named
	for _, q := range out {
		if q.A.P50 > 0 || q.B.P50 > 0 {
			named = append(named, report.Named{Name: "A: " + q.Name, D: q.a}, report.Named{Name: "B: " + q.Name, D: q.b})
		}
	}
	f, err := report.Ranges("comparison", "A and B", fmt.Sprintf("A is %s, B is %s.", c.A, c.B), "time (ms)", named)
	if err != nil {
		return nil, err
	}
	sec.Blocks = append(sec.Blocks, report.Fig(f))
	p.Sections, p.Footer = []report.Section{sec}, "Drawn by anthill compare. All figures are in comparison.json."
	if err := p.Write(c.Out); err != nil {
		return nil, err
	}
	return out, fault.In(op, writeJSON(filepath.Join(c.Out, "comparison.json"), out))
}

// tracesIn are the executions that a file, a directory or an ARN names.
func (s *session) tracesIn(ctx context.Context, name string) ([]*latency.Trace, error) {
	if strings.HasPrefix(name, "arn:") {
		return s.tracesOf(ctx, name)
	}
	files := []string{name}
	if st, err := os.Stat(name); err == nil && st.IsDir() {
		if files, err = filepath.Glob(filepath.Join(name, "*.json")); err != nil || len(files) == 0 {
			return nil, &fault.Error{Kind: fault.NotFound, Op: "lab.Compare", Noun: "directory", Name: name, Detail: name + " holds no *.json with histories", Err: err}
		}
	}
	var ts []*latency.Trace
	for _, f := range files {
		t, err := readTrace(f)
		if err != nil {
			return nil, err
		}
		ts = append(ts, t)
	}
	return ts, nil
}

// newestExecutions is how many executions of a state machine are looked at.
const newestExecutions = 100

// tracesOf are the executions that an ARN names: itself, or the newest ones of a state machine.
func (s *session) tracesOf(ctx context.Context, arn string) ([]*latency.Trace, error) {
	arns := []string{arn}
	if strings.Contains(arn, ":stateMachine:") {
		var out struct {
			Executions []struct{ ExecutionArn, Status string }
		}
		if err := s.aws.call(ctx, "states", "POST", "/", "AWSStepFunctions.ListExecutions", map[string]any{"stateMachineArn": arn, "maxResults": newestExecutions}, &out); err != nil {
			return nil, err
		}
		arns = nil
		for _, e := range out.Executions {
			if e.Status != "RUNNING" {
				arns = append(arns, e.ExecutionArn)
			}
		}
		if arns == nil {
			return nil, &fault.Error{Kind: fault.NotFound, Op: "lab.Overhead", Noun: "state machine", Name: arn, Detail: arn + " has no execution that has ended"}
		}
	}
	var ts []*latency.Trace
	for _, a := range arns {
		t, _, _, err := s.trace(ctx, a)
		if err != nil {
			return nil, err
		}
		ts = append(ts, t)
	}
	return ts, nil
}

func samplesOf(ts []*latency.Trace) []latency.Sample {
	var os []latency.Overhead
	for _, t := range ts {
		os = append(os, latency.Overheads(t))
	}
	return latency.Collect(os)
}

// ComparisonTable is what Compare found, for a terminal or a page.
func ComparisonTable(a, b string, cs []Compared) report.Table {
	t := report.Table{Caption: fmt.Sprintf("A is %s, B is %s", a, b), Head: []string{"Quantity", "#n A", "#p50 A (ms)", "#n B", "#p50 B (ms)", "#B − A (ms)", "#95 % interval (ms)", "#p", "Verdict"},
		Notes: "Medians with the bootstrap interval of their difference; p of the Mann–Whitney U test, adjusted by Holm's method over all quantities."}
	for i, c := range cs {
		verdict := "none shown"
		switch {
		case min(c.A.N, c.B.N) < 4:
			verdict = "too few to tell"
		case c.Real && c.Difference < 0:
			verdict = "B is faster"
		case c.Real:
			verdict = "B is slower"
		}
		if c.Real {
			t.Strong = append(t.Strong, i)
		}
		t.Rows = append(t.Rows, []string{c.Name, fmt.Sprint(c.A.N), figure(c.A.P50), fmt.Sprint(c.B.N), figure(c.B.P50), figure(latency.Millis(c.Difference)),
			figure(latency.Millis(c.Low)) + " to " + figure(latency.Millis(c.High)), fmt.Sprintf("%.2g", c.Adjusted), verdict})
	}
	return t
}
