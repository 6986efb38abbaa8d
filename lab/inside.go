package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	return fmt.Sprintf("Delays were added on purpose: the platform ran with the latency profile “%s” (%s). No figure here is of the platform's own speed.", p.Profile.Name, p.Profile.Source)
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
	if len(in.invocations) == 0 {
		return nil
	}
	sec := report.Section{Title: "Inside the platform", Blocks: []report.Block{report.Text("What the platform recorded of each invocation, by one machine's clock in nanoseconds. Each phase begins where the one before it ends: " +
		"gateway (a door read, checked and mapped the request), slot (the pool gave an environment or room for one), process start, runtime start, imports (the user's init), delivery, handler, answer. " +
		"What the client saw beyond the total is HTTP and the client itself.")}}
	if in.run.Lost > 0 {
		sec.Blocks = append(sec.Blocks, report.Note(fmt.Sprintf("Only the first %d invocations are kept here; %d more are left out of this section.", len(in.invocations), in.run.Lost)))
	}
	t := InvocationsSummary(in.invocations)
	t.Caption = "Invocations by how they were served. Times in milliseconds; the phases are medians."
	f, err := report.PhaseBars("phases", "Where the time of an invocation goes", "The phases of the invocations of "+in.run.Target+in.where()+".", phaseRows(in.invocations))
	if err != nil {
		return err
	}
	sec.Blocks = append(sec.Blocks, report.Tab(t), report.Fig(f))
	if len(in.environments) > 0 {
		f, err := report.Environments("environments", "Execution environments", "When each environment lived and what it served"+in.where()+".", in.environments, in.invocations,
			in.run.Began, in.run.Began.Add(time.Duration(in.run.Took*float64(time.Second))))
		if err != nil {
			return err
		}
		sec.Blocks = append(sec.Blocks, report.Fig(f))
	}
	p.Sections = append(p.Sections, sec)
	return nil
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

func writeCompact(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
