package bench

import (
	"fmt"
	"strconv"
	"strings"

	"anthill/report"
)

// Table is the result for a terminal or a page. Under it stands what each floor is, and what is to be known of a figure.
func (r *Result) Table() report.Table {
	t := report.Table{Caption: fmt.Sprintf("Anthill %s, %d cores, load %s before; medians of the rounds, with the least and the greatest", r.Version, r.Cores, r.Load),
		Head: []string{"Figure", "#measured", "unit", "#p99", "#spread", "#floor", "#× floor", "aim"}}
	var notes strings.Builder
	for _, f := range r.Figures {
		if f.Failed != "" {
			t.Rows = append(t.Rows, []string{f.Key, "–", "", "", "", "", "", f.Aim})
			fmt.Fprintf(&notes, "%s: not measured: %s\n", f.Key, f.Failed)
			continue
		}
		t.Rows = append(t.Rows, []string{f.Key, number(f.Value), f.Unit, orDash(f.P99), number(f.Low) + "–" + number(f.High), orDash(f.Base), orDash(f.Ratio), f.Aim})
		fmt.Fprintf(&notes, "%s: %s", f.Key, f.Name)
		if f.Floor != "" {
			fmt.Fprintf(&notes, "; floor: %s", f.Floor)
		}
		notes.WriteString(f.note() + "\n")
	}
	t.Notes = strings.TrimSuffix(notes.String(), "\n")
	return t
}

func (f Figure) note() string {
	if n := f.Rounds[len(f.Rounds)-1].Note; n != "" {
		return " (" + n + ")"
	}
	return ""
}

// PeerTable sets the peers beside Anthill.
func (r *Result) PeerTable() report.Table {
	t := report.Table{Caption: "A chain of three trivial tasks, run in turn on each", Head: []string{"System", "#one step p50 (ms)", "#p99 (ms)", "#whole chain p50 (ms)", "#n", "what was flushed"}}
	for _, p := range r.Peers {
		if p.NotRun != "" {
			t.Rows = append(t.Rows, []string{p.Name, "not run", "", "", "", p.NotRun})
			continue
		}
		t.Rows = append(t.Rows, []string{p.Name, number(p.Step), number(p.StepP99), number(p.Chain), strconv.Itoa(p.N), p.Flushed})
	}
	return t
}

func orDash(v float64) string {
	if v == 0 {
		return "–"
	}
	return number(v)
}

// number prints three digits that matter, and whole numbers from 100.
func number(v float64) string {
	switch a := max(v, -v); {
	case a >= 10_000:
		return strconv.FormatFloat(v/1000, 'f', 1, 64) + " k"
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}
