package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"anthill/fault"
	"anthill/latency"
	"anthill/report"
)

// inside is what Anthill told of a load test of its own: the files beside Locust's that Load writes.
type inside struct {
	run          *runInfo // nil for a run of somebody else's
	invocations  []latency.Invocation
	environments []latency.Environment
}

// readInside reads what there is. What cannot be read is a fault that says so; the rest is there all the same.
func readInside(dir string) (in inside, err error) {
	read := func(name string, out any) {
		b, e := os.ReadFile(filepath.Join(dir, name))
		if e == nil {
			e = json.Unmarshal(b, out)
		}
		if e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = fault.Invalidf("lab.Analyze", "file", "%s cannot be read, so what the platform told is not shown: %v", name, e)
		}
	}
	read(runFile, &in.run)
	if in.run != nil {
		read(invocationsFile, &in.invocations)
		read(environmentsFile, &in.environments)
	}
	return in, err
}

// where says on what a run was made, for captions.
func (in inside) where() string {
	if in.run == nil {
		return ""
	}
	s := fmt.Sprintf("; %s (%s) on %s", in.run.Target, in.run.Model, in.run.Machine.words())
	if in.run.Platform != nil && in.run.Platform.Profile != nil {
		s += "; with delays added on purpose by the latency profile " + in.run.Platform.Profile.Name
	}
	return s
}

// profileWarning is the heading of every report about a platform that adds delays on purpose; "" when it adds none.
func profileWarning(p *latency.Platform) string {
	if p == nil || p.Profile == nil {
		return ""
	}
	s := fmt.Sprintf("Delays were added on purpose: the platform ran with the latency profile “%s” (%s). No figure here is of the platform's own speed.", p.Profile.Name, p.Profile.Source)
	if p.Profile.Assumed != "" {
		s += " Not measured: " + p.Profile.Assumed + "."
	}
	return s
}

// add puts what the platform told into a page.
func (in inside) add(p *report.Page) error {
	if in.run == nil {
		return nil
	}
	if in.run.Interrupted {
		p.Lead = "The test was interrupted; what had been measured until then is shown. " + p.Lead
	}
	if d := in.run.Intended; d != nil {
		p.Sections[0].Blocks = append(p.Sections[0].Blocks, report.Note(fmt.Sprintf("Counted from the times at which the requests should have been sent, so that neither a slow generator nor a stalled server hides a wait: "+
			"p50 %s, p95 %s, p99 %s, max %s (n = %d). The generator itself was late by %s at the 99th percentile.", ms(d.P50), ms(d.P95), ms(d.P99), ms(d.Max), d.N, ms(in.run.LateP99))))
	}
	blocks, err := in.blocks()
	if err == nil && blocks != nil {
		p.Sections = append(p.Sections, report.Section{Title: "Inside the platform", Blocks: blocks})
	}
	return err
}

// blocks are what the platform recorded: where the time of invocations went, and when environments lived. None when it told nothing.
func (in inside) blocks() ([]report.Block, error) {
	if len(in.invocations) == 0 {
		return nil, nil
	}
	blocks := []report.Block{report.Text("What the platform recorded of each invocation, by one machine's clock in nanoseconds. Each phase begins where the one before it ends: " +
		"gateway (a door read, checked and mapped the request), slot (the pool gave an environment or room for one), process start, runtime start, imports (the user's init), delivery, handler, answer. " +
		"What the client saw beyond the total is HTTP and the client itself.")}
	if in.run.Lost > 0 {
		blocks = append(blocks, report.Note(fmt.Sprintf("Only the first %d invocations are kept here; %d more are left out of this section.", len(in.invocations), in.run.Lost)))
	}
	rows := phaseRows(in.invocations)
	blocks = append(blocks, report.Tab(phaseTable(in.invocations)))
	if n := behindInits(in.invocations); n > 0 {
		blocks = append(blocks, report.Note(fmt.Sprintf("%d warm requests waited for a slot for a millisecond or more while an environment of their function was being initialised, and were then served by one that was there. "+
			"They waited behind a cold start and are none themselves: from outside they look like one.", n)))
	}
	// A cold start beside a warm invocation would leave nothing of the latter to be seen: each kind has its own scale.
	for _, g := range []struct {
		name, title string
		cold        bool
	}{{"phases-cold", "Where the time of a cold start goes", true}, {"phases-warm", "Where the time of a warm invocation goes", false}} {
		var of []report.PhaseRow
		for _, r := range rows {
			if latency.Start(r.Name).IsCold() == g.cold {
				of = append(of, r)
			}
		}
		if len(of) == 0 {
			continue
		}
		f, err := report.PhaseBars(g.name, g.title, "The phases of the invocations"+in.where()+".", of)
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, report.Fig(f))
	}
	if len(in.environments) > 0 {
		f, err := report.Environments("environments", "Execution environments", "When each environment lived and what it served"+in.where()+".", in.environments, in.invocations,
			in.run.Began, in.run.Began.Add(time.Duration(in.run.Took*float64(time.Second))))
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, report.Fig(f))
	}
	return blocks, nil
}

// behindInits counts the warm requests that waited for a slot, a millisecond at least, during the init of an environment of their function.
func behindInits(vs []latency.Invocation) int {
	var colds []latency.Invocation
	for _, v := range vs {
		if v.Start == latency.Cold {
			colds = append(colds, v)
		}
	}
	n := 0
	for _, v := range vs {
		if v.Start != latency.Warm || latency.Span(v.Queued, v.Sent) < time.Millisecond {
			continue
		}
		for _, c := range colds {
			if c.FunctionName == v.FunctionName && c.SpawnBegin < v.Sent && c.InitEnd > v.Queued {
				n++
				break
			}
		}
	}
	return n
}

// phaseRows are the medians of the phases by kind of start.
func phaseRows(vs []latency.Invocation) []report.PhaseRow {
	var rows []report.PhaseRow
	for _, start := range []latency.Start{latency.Cold, latency.Restored, latency.Proactive, latency.Warm} {
		var of []latency.Invocation
		for _, v := range vs {
			if v.Start == start {
				of = append(of, v)
			}
		}
		if len(of) > 0 {
			rows = append(rows, phaseRow(string(start), of))
		}
	}
	return rows
}

func phaseRow(name string, vs []latency.Invocation) report.PhaseRow {
	parts := map[latency.Phase][]time.Duration{}
	for _, v := range vs {
		for _, p := range v.Parts() {
			parts[p.Phase] = append(parts[p.Phase], p.Took)
		}
	}
	r := report.PhaseRow{Name: name, N: len(vs)}
	for _, ph := range latency.Phases() {
		if len(parts[ph]) > 0 {
			r.Phases = append(r.Phases, latency.Part{Phase: ph, Took: latency.Of(parts[ph]).Median()})
		}
	}
	return r
}

// phaseTable has the phases as rows and the kinds of starts as columns.
func phaseTable(vs []latency.Invocation) report.Table {
	t := report.Table{Caption: "Where the time of invocations went, by how they were served. Times in milliseconds.", Head: []string{"Phase"}}
	of := map[latency.Start][]latency.Invocation{}
	for _, v := range vs {
		of[v.Start] = append(of[v.Start], v)
	}
	var starts []latency.Start
	for _, s := range []latency.Start{latency.Cold, latency.Restored, latency.Proactive, latency.Warm} {
		if n := len(of[s]); n > 0 {
			starts = append(starts, s)
			t.Head = append(t.Head, fmt.Sprintf("#%s p50", s), "#p95", "#p99")
		}
	}
	row := func(name string, value func(v latency.Invocation) (time.Duration, bool)) {
		cells, some := []string{name}, false
		for _, s := range starts {
			var ds []time.Duration
			for _, v := range of[s] {
				if d, ok := value(v); ok {
					ds = append(ds, d)
				}
			}
			if len(ds) == 0 {
				cells = append(cells, "", "", "")
				continue
			}
			some = true
			d := latency.Of(ds).Summary()
			cells = append(cells, figure(d.P50), figure(d.P95), figure(d.P99))
		}
		if some {
			t.Rows = append(t.Rows, cells)
		}
	}
	for _, p := range latency.Phases() {
		row(string(p), func(v latency.Invocation) (time.Duration, bool) {
			for _, part := range v.Parts() {
				if part.Phase == p {
					return part.Took, true
				}
			}
			return 0, false
		})
	}
	row("total", func(v latency.Invocation) (time.Duration, bool) { return v.Total(), true })
	row("init ahead of the request", func(v latency.Invocation) (time.Duration, bool) {
		return v.Init(), v.Start == latency.Proactive && v.Init() > 0
	})
	t.Strong = []int{}
	for i, r := range t.Rows {
		if r[0] == "total" {
			t.Strong = append(t.Strong, i)
		}
	}
	var notes []string
	for _, s := range starts {
		notes = append(notes, fmt.Sprintf("%s: n = %d", s, len(of[s])))
	}
	t.Notes = strings.Join(notes, "; ") + "."
	return t
}

func writeCompact(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
