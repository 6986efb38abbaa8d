package lab

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"anthill/fault"
	"anthill/latency"
	"anthill/loadtest"
	"anthill/report"
)

// AnalyzeConfig says what Analyze reads and where it writes.
type AnalyzeConfig struct {
	// Dir holds Locust's files of one run.
	Dir string
	// Out gets report.html, summary.json, requests.csv and figures/. "" means "analysis".
	Out string
	// Command is the command line that the report shows. "" shows none.
	Command string
}

// Analysis is a load test in figures, as summary.json has it.
type Analysis struct {
	Generator string                     `json:"generator"`
	From      time.Time                  `json:"from"`
	To        time.Time                  `json:"to"`
	Total     *totals                    `json:"locust_total,omitempty"`
	All       latency.Summary            `json:"all"`
	Split     splitSummary               `json:"split"`
	Cold      latency.Summary            `json:"cold"`
	Warm      latency.Summary            `json:"warm"`
	Unknown   *latency.Summary           `json:"unknown,omitempty"` // with an exact split: requests that the platform has no record of, as those that timed out
	ByStart   map[string]latency.Summary `json:"by_start,omitempty"`
	Run       *runInfo                   `json:"run,omitempty"` // of Anthill's own load tests
	// Profile says which delays the platform added on purpose; "" when none.
	Profile  string   `json:"latency_profile,omitempty"`
	Problems []string `json:"problems,omitempty"`

	exact    latency.Distribution
	byLocust map[string]float64 // what Locust's statistics would show of the exact times
}

// totals are the figures that Locust itself printed, rounded by its rules.
type totals struct {
	Requests    int                `json:"requests"`
	Failures    int                `json:"failures"`
	PerSecond   float64            `json:"requests_per_second"`
	Average     float64            `json:"average_ms"`
	Percentiles map[string]float64 `json:"percentiles_ms"`
}

// splitSummary says how cold and warm were told apart.
type splitSummary struct {
	Exact     bool    `json:"exact"`
	Method    string  `json:"method"`
	Threshold float64 `json:"threshold_ms,omitempty"`
	// FirstThreshold holds for requests that came when more were in flight than ever before.
	FirstThreshold float64    `json:"first_threshold_ms,omitempty"`
	Evidence       float64    `json:"evidence,omitempty"` // for two groups: twice the logarithm of the Bayes factor
	ColdLow        int        `json:"cold_low,omitempty"` // 95 % interval of the number of cold requests
	ColdHigh       int        `json:"cold_high,omitempty"`
	Unsure         int        `json:"unsure"`
	Wrong          float64    `json:"expected_wrong,omitempty"` // requests in the wrong class by the model itself
	Boundary       *time.Time `json:"boundary,omitempty"`
	BoundaryLow    *time.Time `json:"boundary_low,omitempty"`
	BoundaryHigh   *time.Time `json:"boundary_high,omitempty"`
	// EstimateWrong counts the responses that the estimate would have put into the other class, when the split is exact.
	EstimateWrong *int `json:"estimate_wrong,omitempty"`
	EstimateCold  int  `json:"estimate_cold,omitempty"` // responses that it would have called cold
}

// Analyze reads the files of a load test, real Locust's or Anthill's, and writes its figures and report.
func Analyze(c AnalyzeConfig) (*Analysis, error) {
	const op = "lab.Analyze"
	if c.Out == "" {
		c.Out = "analysis"
	}
	run, err := loadtest.ReadDir(c.Dir)
	if err != nil {
		return nil, err
	}
	in, err := readInside(c.Dir)
	if err != nil {
		run.Problems = append(run.Problems, err.Error())
	}
	split := splitOf(run.Responses)
	a := analysisOf(run, split)
	if in.run != nil {
		a.Run, a.Profile = in.run, profileWarning(in.run.Platform)
	}
	figs, err := loadFigures(run, split, describe(run)+in.where())
	if err != nil {
		return nil, err
	}
	page := analysisPage(c, run, split, a, figs)
	if err := in.add(&page); err != nil {
		return nil, err
	}
	if err := page.Write(c.Out); err != nil {
		return nil, err
	}
	if err := writeJSON(filepath.Join(c.Out, "summary.json"), a); err != nil {
		return nil, fault.In(op, err)
	}
	return a, fault.In(op, writeResponses(filepath.Join(c.Out, "requests.csv"), split))
}

// splitOf takes the platform's word where there is one, and estimates otherwise.
func splitOf(rs []latency.Response) latency.Split {
	for _, r := range rs {
		if r.Start != latency.Unknown {
			return latency.ExactSplit(rs)
		}
	}
	s, _ := latency.EstimateSplit(rs)
	return s
}

func analysisOf(run *loadtest.Run, split latency.Split) *Analysis {
	a := &Analysis{Generator: run.Generator, All: latency.Of(latency.Latencies(run.Responses)).Summary(),
		Cold: latency.Of(latency.Latencies(split.Cold)).Summary(), Warm: latency.Of(latency.Latencies(split.Warm)).Summary(), Problems: run.Problems}
	for _, r := range run.Responses {
		if sent := r.At.Add(-r.Latency); a.From.IsZero() || sent.Before(a.From) {
			a.From = sent
		}
		if r.At.After(a.To) {
			a.To = r.At
		}
	}
	a.exact = latency.Of(latency.Latencies(run.Responses))
	a.byLocust = loadtest.LocustPercentiles(a.exact.Values())
	if t, ok := run.Total(); ok {
		a.Total = &totals{t.Requests, t.Failures, t.PerSecond, t.Average, t.Percentiles}
	}
	a.Split = splitSummary{Exact: split.Exact, Method: split.Method, Threshold: latency.Millis(split.Threshold),
		FirstThreshold: latency.Millis(split.FirstThreshold), Evidence: math.Round(10*split.Evidence) / 10, ColdLow: split.ColdLow, ColdHigh: split.ColdHigh, Unsure: split.Unsure, Wrong: math.Round(1000*split.Wrong) / 1000}
	if b := split.Boundary; !b.At.IsZero() {
		a.Split.Boundary, a.Split.BoundaryLow, a.Split.BoundaryHigh = &b.At, &b.Low, &b.High
	}
	if split.Exact {
		a.ByStart = map[string]latency.Summary{}
		for start, rs := range split.ByStart {
			a.ByStart[string(start)] = latency.Of(latency.Latencies(rs)).Summary()
		}
		if len(split.Unknown) > 0 {
			u := latency.Of(latency.Latencies(split.Unknown)).Summary()
			a.Unknown = &u
		}
		e, wrong := estimateWrong(run.Responses)
		a.Split.EstimateWrong, a.Split.EstimateCold = &wrong, len(e.Cold)
		a.Split.ColdLow, a.Split.ColdHigh, a.Split.Evidence = e.ColdLow, e.ColdHigh, math.Round(10*e.Evidence)/10
	}
	return a
}

// estimateWrong counts the responses whose class the estimate, which sees only latencies, would have got wrong.
func estimateWrong(rs []latency.Response) (e latency.Split, n int) {
	e, _ = latency.EstimateSplit(rs)
	for _, r := range e.Cold {
		if r.Start == latency.Warm {
			n++
		}
	}
	for _, r := range e.Warm {
		if r.Start.IsCold() {
			n++
		}
	}
	return e, n
}

// describe says in half a sentence what a run was.
func describe(run *loadtest.Run) string {
	who := run.Generator
	if who == "" {
		who = "a load test"
	}
	users := 0
	for _, h := range run.TotalHistory() {
		users = max(users, h.User)
	}
	s := who
	if users > 0 {
		s += fmt.Sprintf(", %d users", users)
	}
	if n := len(run.Responses); n > 0 {
		s += fmt.Sprintf(", %d requests from %s", n, run.Responses[0].At.Format("2 January 2006 15:04:05"))
		if z := run.Responses[0].At.Format("-07:00"); run.Responses[0].At.Location() != time.UTC {
			s += " (UTC" + z + ")"
		}
	}
	return s
}

// loadFigures are the course's three figures and the distributions beside each other.
func loadFigures(run *loadtest.Run, split latency.Split, what string) ([]report.Figure, error) {
	cold, warm := latency.Of(latency.Latencies(split.Cold)), latency.Of(latency.Latencies(split.Warm))
	how := "Cold and warm as the platform recorded them."
	if !split.Exact {
		how = "Cold and warm estimated from the response times."
	}
	var figs []report.Figure
	add := func(f report.Figure, err error) error {
		figs = append(figs, f)
		return err
	}
	if err := add(report.OverTime("response-time-over-time", "Response time over the run",
		"p50, p95 and the slowest request over the run, from the load generator's history, and every request as a dot: "+what+". "+how, run, split)); err != nil {
		return nil, err
	}
	if len(run.Responses) == 0 {
		return figs, nil
	}
	if err := add(report.Histogram("cold-histogram", "Cold requests", "Response times of the cold requests: "+what+". "+how, "cold request", cold, true)); err != nil {
		return nil, err
	}
	if err := add(report.Histogram("warm-histogram", "Warm requests", "Response times of the warm requests: "+what+". "+how, "warm request", warm, false)); err != nil {
		return nil, err
	}
	err := add(report.CDF("response-time-cdf", "Cold and warm side by side", "Cumulative distribution of the response times: "+what+". "+how,
		[]report.Named{{Name: "warm", D: warm}, {Name: "cold", D: cold}}))
	return figs, err
}

func analysisPage(c AnalyzeConfig, run *loadtest.Run, split latency.Split, a *Analysis, figs []report.Figure) report.Page {
	p := report.Page{Title: "Load test analysis", Lead: analysisLead(run, a), Warning: a.Profile}
	p.Facts = []report.Fact{{Name: "Files", Value: filepath.Base(filepath.Clean(c.Dir)) + ", written by " + cmp.Or(run.Generator, "an unnamed load generator")}}
	if !a.From.IsZero() {
		p.Facts = append(p.Facts, report.Fact{Name: "Run", Value: a.From.Format("2006-01-02 15:04:05") + " to " + a.To.Format("15:04:05 MST")})
	}
	command := c.Command
	if r := a.Run; r != nil {
		p.Title = "Load test of " + r.Target
		p.Facts = append(p.Facts, report.Fact{Name: "Load", Value: r.Model}, report.Fact{Name: "Machine", Value: r.Machine.words()},
			report.Fact{Name: "Load average", Value: r.Machine.loads()})
		if r.Platform != nil {
			p.Facts = append(p.Facts, report.Fact{Name: "Platform", Value: strings.TrimSpace(r.Platform.Name + " " + r.Platform.Version)})
		}
		command = cmp.Or(r.Command, command)
	}
	if command != "" {
		p.Facts = append(p.Facts, report.Fact{Name: "Command", Value: command})
	}
	p.Made = made(a.From, command)
	p.Facts = append(p.Facts, report.Fact{Name: "Percentiles", Value: "nearest rank: the smallest response time that at least p % of the n requests do not exceed"})

	over := report.Section{Title: "Response time over the run", Blocks: []report.Block{report.Fig(figs[0]), report.Tab(summaryTable(a))}}
	if a.Total != nil {
		over.Blocks = append(over.Blocks, report.Tab(locustTable(a)))
		if t, ok := a.SideBySide(); ok {
			over.Blocks = append(over.Blocks, report.Tab(t))
		}
	}
	p.Sections = append(p.Sections, over)
	if len(figs) > 1 {
		cw := report.Section{Title: "Cold and warm", Blocks: []report.Block{report.Text(split.Method)}}
		cw.Blocks = append(cw.Blocks, splitNotes(split, a)...)
		for _, f := range figs[1:] {
			cw.Blocks = append(cw.Blocks, report.Fig(f))
		}
		p.Sections = append(p.Sections, cw)
	}
	if len(run.Failures) > 0 {
		p.Sections = append(p.Sections, report.Section{Title: "Failures", Blocks: []report.Block{report.Tab(failureTable(run))}})
	}
	if len(a.Problems) > 0 {
		s := report.Section{Title: "What is missing or broken in the files"}
		for _, problem := range a.Problems {
			s.Blocks = append(s.Blocks, report.Text(problem))
		}
		p.Sections = append(p.Sections, s)
	}
	p.Footer = "Drawn by anthill analyze. The same figures as SVG and PNG are in figures/, the data in summary.json and requests.csv."
	return p
}

// made says when and with which command the data of a page's figures came to be.
func made(at time.Time, command string) string {
	var parts []string
	if !at.IsZero() {
		parts = append(parts, at.Format("2 January 2006, 15:04:05 MST"))
	}
	if command != "" {
		parts = append(parts, command)
	}
	if parts == nil {
		return ""
	}
	return "[" + strings.Join(parts, ": ") + "]"
}

func analysisLead(run *loadtest.Run, a *Analysis) string {
	if a.All.N == 0 {
		return "The files hold no single response times; what the statistics and their history tell is shown."
	}
	s := fmt.Sprintf("%d requests, %d failed. The median response took %s; the slowest %s.", a.All.N, failed(run), ms(a.All.P50), ms(a.All.Max))
	if a.Cold.N > 0 && a.Warm.N > 0 {
		kind := "were"
		if !a.Split.Exact {
			kind = "are estimated to have been"
		}
		noun := "requests"
		if a.Cold.N == 1 {
			noun, kind = "request", strings.Replace(strings.Replace(kind, "were", "was", 1), "are", "is", 1)
		}
		s += fmt.Sprintf(" %d %s %s cold, with a median of %s against %s for the %d warm ones: %.1f times as long.",
			a.Cold.N, noun, kind, ms(a.Cold.P50), ms(a.Warm.P50), a.Warm.N, a.Cold.P50/a.Warm.P50)
	}
	return s
}

func failed(run *loadtest.Run) int {
	if t, ok := run.Total(); ok {
		return t.Failures
	}
	n := 0
	for _, r := range run.Responses {
		if r.Status >= 400 {
			n++
		}
	}
	return n
}

// splitNotes say how far an estimate may be trusted, or how well it would have done.
func splitNotes(split latency.Split, a *Analysis) []report.Block {
	var bs []report.Block
	if split.Exact {
		if n := len(split.Unknown); n > 0 {
			bs = append(bs, report.Note(fmt.Sprintf("Of %d requests the platform has no record; they are in neither histogram.", n)))
		}
		if w := a.Split.EstimateWrong; w != nil {
			bs = append(bs, report.Note(fmt.Sprintf("An estimate from the response times alone, as it has to be made for other endpoints, would have called %d requests cold (95 %% interval %d to %d) and put %d of %d into the wrong class.", a.Split.EstimateCold, a.Split.ColdLow, a.Split.ColdHigh, *w, a.All.N)))
		}
		return bs
	}
	if b := split.Boundary; !b.At.IsZero() && len(split.Cold) > 0 {
		bs = append(bs, report.Text(fmt.Sprintf("As a time, the series of responses changes its level at %s (95 %% interval %s to %s, a change point by least squares on the logarithms): "+
			"%d responses were completed before it and %d after. A boundary set later than that counts warm requests as cold.",
			b.At.Format("15:04:05.000"), b.Low.Format("15:04:05.000"), b.High.Format("15:04:05.000"), b.Before, b.After)))
	}
	return append(bs, report.Note("The first response of each environment cannot be seen from outside. A cold start that hid behind a quick answer counts as warm here, and a slow warm request as cold."))
}

func summaryTable(a *Analysis) report.Table {
	t := report.Table{Caption: "Response times as they were logged, exact.",
		Head: []string{"Requests", "#n", "#mean (ms)", "#p5 (ms)", "#p50 (ms)", "#p95 (ms)", "#p99 (ms)", "#max (ms)"}}
	row := func(name string, s latency.Summary) {
		if s.N == 0 {
			t.Rows = append(t.Rows, []string{name, "0", "–", "–", "–", "–", "–", "–"})
			return
		}
		t.Rows = append(t.Rows, []string{name, fmt.Sprint(s.N), figure(s.Mean), figure(s.P5), figure(s.P50), figure(s.P95), figure(s.P99), figure(s.Max)})
	}
	row("all", a.All)
	row("cold", a.Cold)
	_, restored := a.ByStart["restored"]
	for _, k := range []string{"cold", "restored"} {
		if s, ok := a.ByStart[k]; ok && restored {
			row("– of them "+k, s)
		}
	}
	row("warm", a.Warm)
	if s, ok := a.ByStart["proactive"]; ok {
		row("– of them the first of an environment that was initialised ahead", s)
	}
	if a.Unknown != nil {
		row("no record of them, as of those that timed out", *a.Unknown)
	}
	return t
}

func locustTable(a *Analysis) report.Table {
	t := report.Table{Caption: "The same run as the load generator's own statistics have it.",
		Head: []string{"#requests", "#failures", "#requests/s", "#average (ms)"}}
	t.Rows = [][]string{{fmt.Sprint(a.Total.Requests), fmt.Sprint(a.Total.Failures), figure(a.Total.PerSecond), figure(a.Total.Average)}}
	return t
}

// SideBySide sets the percentiles of the load generator's own statistics beside those of the exact times of the same run. ok is false when the files lack
// one of them.
func (a *Analysis) SideBySide() (t report.Table, ok bool) {
	if a.Total == nil || a.All.N == 0 {
		return t, false
	}
	t = report.Table{Caption: fmt.Sprintf("Percentiles of one run side by side, in milliseconds: the %d requests of the generator's statistics, and the %d whose exact times were logged.", a.Total.Requests, a.All.N),
		Head:  []string{"Percentile", "#its statistics", "#exact, nearest rank", "#exact, by Locust's rules", "Agree"},
		Notes: "Locust's rules: times rounded to the millisecond below 100 ms and to two digits above, the value at index int(n·p). A step is the distance of two such values."}
	for _, name := range []string{"50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%", "99.9%", "100%"} {
		theirs, ok := a.Total.Percentiles[name]
		if !ok {
			continue
		}
		ours := a.byLocust[name]
		agree := "yes"
		if d := math.Abs(theirs - ours); d > 0 {
			agree = fmt.Sprintf("%.0f steps apart", math.Ceil(d/loadtest.LocustStep(max(theirs, ours))-1e-9))
			if strings.HasPrefix(agree, "1 ") {
				agree = "one step apart"
			}
		}
		p, _ := strconv.ParseFloat(strings.TrimSuffix(name, "%"), 64) // a number by construction
		t.Rows = append(t.Rows, []string{name, figure(theirs), figure(latency.Millis(a.exact.Percentile(p))), figure(ours), agree})
	}
	return t, len(t.Rows) > 0
}

func failureTable(run *loadtest.Run) report.Table {
	t := report.Table{Caption: "Failed requests by kind.", Head: []string{"Request", "Error", "#occurrences"}}
	for _, f := range run.Failures {
		t.Rows = append(t.Rows, []string{strings.TrimSpace(f.Method + " " + f.Name), f.Error, fmt.Sprint(f.Occurrences)})
	}
	return t
}

func ms(v float64) string     { return report.Number(v) + " ms" }
func figure(v float64) string { return report.Number(v) }

// writeResponses writes every response with its class, for those who go on in a notebook.
func writeResponses(path string, split latency.Split) error {
	var b strings.Builder
	b.WriteString("time,response_time_ms,status,class,start\n")
	for _, g := range []struct {
		class string
		rs    []latency.Response
	}{{"cold", split.Cold}, {"warm", split.Warm}, {"unknown", split.Unknown}} {
		for _, r := range g.rs {
			fmt.Fprintf(&b, "%s,%.6f,%d,%s,%s\n", r.At.Format(time.RFC3339Nano), latency.Millis(r.Latency), r.Status, g.class, r.Start)
		}
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// machine says in a line what the figures were measured on.
func machine() string {
	return fmt.Sprintf("%d CPUs, %s/%s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
}
