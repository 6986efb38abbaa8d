package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"anthill/latency"
	"anthill/report"
)

// LevelsTable is every level with the interval of its median.
func (r *Experimented) LevelsTable() report.Table {
	t := report.Table{Caption: fmt.Sprintf("Response times of %s as the client saw them; %d repetitions of every cell, in random order.", r.Function, r.Repetitions),
		Head: []string{"Factor", "Level", "#n", "#p50 (ms)", "#95 % interval", "#p95 (ms)", "#max (ms)", "#init p50 (ms)", "Served as"}}
	for _, l := range r.Levels {
		init := "–"
		if l.Init != nil {
			init = figure(l.Init.P50)
		}
		served := strings.Join(l.Served, ", ")
		if l.Failed > 0 {
			served += fmt.Sprintf(" (%d failed and are not counted)", l.Failed)
		}
		t.Rows = append(t.Rows, []string{l.Factor, l.Level, fmt.Sprint(l.Took.N), figure(l.Took.P50), figure(l.Low) + " – " + figure(l.High), figure(l.Took.P95), figure(l.Took.Max), init, served})
	}
	t.Notes = "Intervals of the medians by bootstrap (2,000 resamples). Requests of one burst are not independent: its interval and its comparisons take each burst's median as one value."
	return t
}

// PairsTable says which differences are real.
func (r *Experimented) PairsTable() report.Table {
	t := report.Table{Caption: "Which differences are real: every two levels of a factor.", Head: []string{"Factor", "A", "B", "#B − A (ms)", "#95 % interval", "#p", "#P(B > A)", "Verdict"},
		Notes: fmt.Sprintf("B − A is the difference of the medians. p is the Mann–Whitney U test's (van Elteren's, where the levels were compared under several combinations of the other factors), adjusted by Holm's method over all %d comparisons; interval of the difference by bootstrap. A difference is called real when the adjusted p is below 0.05 and the interval leaves zero out.", len(r.Pairs))}
	crossed := slices.ContainsFunc(r.Pairs, func(p Pair) bool { return p.Cells > 1 })
	if crossed {
		t.Head = slices.Insert(t.Head, 5, "#in the cells (ms)")
		t.Notes += " “In the cells” is the smallest and the largest difference among the combinations of the other factors: far apart, the factor works differently with others."
	}
	for i, p := range r.Pairs {
		verdict := "none shown"
		switch {
		case min(p.Comparison.A.N, p.Comparison.B.N)/p.Cells < 8:
			verdict = "too few to tell"
		case p.Real && p.Difference > 0:
			verdict = "B is slower"
		case p.Real:
			verdict = "B is faster"
		}
		if p.Real {
			t.Strong = append(t.Strong, i)
		}
		row := []string{p.Factor, p.A, p.B, figure(latency.Millis(p.Difference)), figure(latency.Millis(p.Low)) + " to " + figure(latency.Millis(p.High)),
			fmt.Sprintf("%.2g", p.Adjusted), fmt.Sprintf("%.2f", p.Superior), verdict}
		if crossed {
			row = slices.Insert(row, 5, figure(p.Least)+" to "+figure(p.Most))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (x *experiment) page(r *Experimented) (report.Page, error) {
	base := x.levels[0]
	p := report.Page{Title: "Cold starts of " + r.Function, Warning: profileWarning(r.Platform), Lead: x.lead(r), Facts: []report.Fact{
		{Name: "Run", Value: r.Began.Format("2 January 2006, 15:04:05 MST") + fmt.Sprintf(", %.0f s", r.Took)},
		{Name: "Command", Value: r.Command}, {Name: "Base", Value: base.Level}, {Name: "Machine", Value: r.Machine.words()}, {Name: "Load average", Value: r.Machine.loads()},
		{Name: "Percentiles", Value: "nearest rank: the smallest value that at least p % of the n measured do not exceed"}}}
	if r.Platform != nil {
		p.Facts = append(p.Facts, report.Fact{Name: "Platform", Value: strings.TrimSpace(r.Platform.Name + " " + r.Platform.Version)})
	}
	p.Made = made(r.Began, r.Command)
	how := "Each factor was varied by itself; the others stayed at the base."
	if r.Design == Full {
		how = "Every combination of the factors' levels is a cell."
	}
	if r.Interrupted {
		p.Lead = fmt.Sprintf("The experiment was interrupted after %d of %d repetitions; what had been measured until then is shown. ", r.Repetitions, x.ColdConfig.Repetitions) + p.Lead
	}
	all := report.Section{Title: "All cells", Blocks: []report.Block{report.Text(how + " Every repetition took all cells once, in an order that chance decided (seed " + fmt.Sprint(r.Seed) + "), so that what else happened on the machine fell on all alike. " +
		"One repetition before the first is not counted."), report.Tab(r.LevelsTable()), report.Tab(r.PairsTable())}}
	for _, s := range r.Skipped {
		all.Blocks = append(all.Blocks, report.Note("Not measured: "+s))
	}
	p.Sections = append(p.Sections, all)
	for _, factor := range factors() {
		names := x.levelsOf(factor)
		if len(names) < 2 {
			continue
		}
		var named []report.Named
		var rows []report.PhaseRow
		for _, name := range names {
			took, records := x.at(factor, name)
			named = append(named, report.Named{Name: name, D: latency.Of(took)})
			if len(records) > 0 {
				rows = append(rows, phaseRow(name, records))
			}
		}
		where := fmt.Sprintf("%s on %s, %d repetitions", r.Function, r.Machine.words(), r.Repetitions)
		if r.Design == Full {
			where += ", over all levels of the other factors"
		}
		sec := report.Section{Title: "By " + factor}
		f, err := report.Ranges("by-"+factor, "First answers by "+factor, "Response times by "+factor+": "+where+".", "response time (ms)", named)
		if err != nil {
			return p, err
		}
		sec.Blocks = append(sec.Blocks, report.Fig(f))
		if f, err = report.CDF("by-"+factor+"-cdf", "Distributions by "+factor, "Cumulative distributions of the response times by "+factor+": "+where+".", named); err != nil {
			return p, err
		}
		sec.Blocks = append(sec.Blocks, report.Fig(f))
		if len(rows) > 0 {
			if f, err = report.PhaseBars("by-"+factor+"-phases", "Where the time goes, by "+factor, "Phases as the platform recorded them, by "+factor+": "+where+".", rows); err != nil {
				return p, err
			}
			sec.Blocks = append(sec.Blocks, report.Fig(f))
		}
		p.Sections = append(p.Sections, sec)
	}
	p.Footer = "Made by anthill experiment cold. Every request is in experiment.csv, all figures in experiment.json, the drawings in figures/."
	return p, nil
}

// at is what was measured of a level: all of it in a full design, else where the other factors are the base's.
func (x *experiment) at(factor, level string) (took []time.Duration, records []latency.Invocation) {
	base := x.baseSetting()
	for _, l := range x.levels {
		if l.setting.level(factor) == level && (x.Design == Full || base.with(factor, l.setting) == l.setting) {
			took, records = append(took, l.took...), append(records, l.records...)
		}
	}
	return took, records
}

func (x *experiment) lead(r *Experimented) string {
	var real []string
	for _, p := range r.Pairs {
		if p.Real && p.A == (setting{policy: ordinary, burst: 1}).level(p.Factor) {
			word := "slower"
			if p.Difference < 0 {
				word = "faster"
			}
			real = append(real, fmt.Sprintf("%s %s is %s by %s", p.Factor, p.B, word, ms(latency.Millis(max(p.Difference, -p.Difference)))))
		}
	}
	s := fmt.Sprintf("A cold start of %s took %s (median of %d; 95 %% interval %s to %s). ", r.Function, ms(x.levels[0].Took.P50), x.levels[0].Took.N, ms(x.levels[0].Low), ms(x.levels[0].High))
	if len(real) == 0 {
		return s + "No level differs from the base's by more than chance."
	}
	return s + "Against the base: " + strings.Join(real, "; ") + ". Other levels show no difference."
}
