package lab

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"anthill/fault"
	"anthill/lab/iris"
	"anthill/latency"
	"anthill/report"
)

// pageParts are what the steps keep for the report.
type pageParts struct {
	load       []report.Figure
	split      latency.Split
	inside     inside
	probeARN   string
	triggerURL string
	overheads  []runOf
}

// write is step 6.
func (s *session) write(ctx context.Context) error {
	const op = "lab.write"
	s.result.Took = time.Since(s.result.Began).Seconds()
	s.result.Machine.LoadEnd = loadAverage()
	if err := writeJSON(filepath.Join(s.Out, "lab.json"), s.result); err != nil {
		return fault.In(op, err)
	}
	p, err := s.report()
	if err != nil {
		return err
	}
	if err := p.Write(s.Out); err != nil {
		return err
	}
	s.say("%s", filepath.Join(s.Out, "report.html"))
	return nil
}

func (s *session) report() (report.Page, error) {
	r := &s.result
	p := report.Page{Title: "Serverless on one machine: the course's experiments", Lead: s.lead(), Warning: profileWarning(s.platform)}
	p.Made = made(r.Began, r.Command)
	p.Facts = []report.Fact{
		{Name: "Run", Value: r.Began.Format("2 January 2006, 15:04:05 MST") + fmt.Sprintf(", %.0f s", r.Took)},
		{Name: "Command", Value: r.Command},
		{Name: "Platform", Value: strings.TrimSpace("Anthill "+r.Version) + " at " + r.Endpoint},
		{Name: "Machine", Value: r.Machine.words()},
		{Name: "Load average", Value: r.Machine.loads()},
		{Name: "Functions", Value: fmt.Sprintf("Python %s (asked for as %s)", r.Model.Python, r.Model.Runtime)},
		{Name: "AWS figures", Value: "the course's own run in us-east-1 on 28 and 29 October 2025, from its text and its Locust log"},
		{Name: "Percentiles", Value: "nearest rank: the smallest value that at least p % of the n measured do not exceed"},
	}
	load, err := s.loadSection()
	if err != nil {
		return p, err
	}
	p.Sections = append(p.Sections, s.modelSection(), s.requestSection(), load)
	cold, err := s.coldSection()
	if err != nil {
		return p, err
	}
	chain, err := s.chainSection()
	if err != nil {
		return p, err
	}
	parallel, err := s.parallelSection()
	if err != nil {
		return p, err
	}
	p.Sections = append(p.Sections, cold, chain, parallel)
	p.Footer = "Made by anthill lab. Beside this page: figures/ (SVG and PNG), lab.json (all figures), locust_logs/ (Locust's formats and every request), " +
		"cloudwatch_log.csv, executions/ (one trace of each workflow)."
	return p, nil
}

func (m Machine) words() string {
	s := fmt.Sprintf("%d × %s, %s", m.CPUs, cmp.Or(m.CPU, "CPU"), m.System)
	if m.Memory > 0 {
		s += fmt.Sprintf(", %.0f GiB memory", float64(m.Memory)/(1<<30))
	}
	if m.Kernel != "" {
		s += ", Linux " + m.Kernel
	}
	return s
}

// loads says how busy the machine was.
func (m Machine) loads() string {
	return fmt.Sprintf("%s at the beginning, %s at the end, for %d CPUs: what is above the number of CPUs waited for one", cmp.Or(m.LoadBegin, "not known"), cmp.Or(m.LoadEnd, "not known"), m.CPUs)
}

func (s *session) lead() string {
	r := &s.result
	var b strings.Builder
	fmt.Fprintf(&b, "An Iris classifier was trained, deployed behind a REST API and put under load; then a workflow of probes measured what orchestration costs. ")
	if l := r.Load; l != nil && l.Cold.N > 0 && l.Warm.N > 0 {
		fmt.Fprintf(&b, "A cold request took %s (p50, n = %d), a warm one %s (n = %d); on AWS the course saw %s and %s. ",
			ms(l.Cold.P50), l.Cold.N, ms(l.Warm.P50), l.Warm.N, ms(r.AWS.Cold.P50), ms(r.AWS.Warm.P50))
	}
	if m, ok := find(r.Chain.Metrics, "A returned → B entered"); ok {
		fmt.Fprintf(&b, "Between two tasks of a chain lay %s (p50, n = %d) where AWS showed %s", ms(m.D.P50), m.D.N, ms(m.AWS))
		if f, ok := find(r.Parallel.Metrics, "Parallel entered → last handler entered"); ok {
			fmt.Fprintf(&b, ", and before the last of five parallel tasks %s where AWS showed %s", ms(f.D.P50), ms(f.AWS))
		}
		b.WriteString(".")
	}
	return b.String()
}

func find(ms []Metric, name string) (Metric, bool) {
	for _, m := range ms {
		if m.Name == name {
			return m, true
		}
	}
	return Metric{}, false
}

func (s *session) modelSection() report.Section {
	m := &s.result.Model
	var t struct {
		Accuracy    float64
		Train, Test int
		Version     string `json:"scikit-learn"`
		Numpy       string
		Python      string
	}
	_ = json.Unmarshal(m.Trained, &t) // our own script's words; zeros show if they were ever others
	tab := report.Table{Caption: "What the function consists of.", Head: []string{"Part", "Contents", "#zipped (MB)", "#unzipped (MB)"}}
	var zipped, unzipped int64
	for _, l := range m.Layers {
		tab.Rows = append(tab.Rows, []string{"layer " + l.Name, l.Contents, mb(l.Zipped), mb(l.Unzipped)})
		zipped, unzipped = zipped+l.Zipped, unzipped+l.Unzipped
	}
	tab.Rows = append(tab.Rows, []string{"deployment package", "lambda_function.py, iris_model.pkl", mb(int64(m.CodeZipped)), "–"},
		[]string{"together", "", mb(zipped + int64(m.CodeZipped)), mb(unzipped)})
	tab.Strong = []int{len(tab.Rows) - 1}
	return report.Section{Title: "The model and its function", Blocks: []report.Block{
		report.Text(fmt.Sprintf("A support vector machine was trained with scikit-learn %s on %d irises and classified %.1f %% of the other %d correctly. It was pickled with the versions of numpy and scikit-learn "+
			"that the function loads it with. The libraries reach the function as layers, within Lambda's limits of 50 MB zipped each and 250 MB unzipped together.", t.Version, t.Train, 100*t.Accuracy, t.Test)),
		report.Tab(tab), report.Show("lambda_function.py", strings.TrimSpace(iris.Source()))}}
}

func mb(n int64) string { return report.Number(float64(n) / 1e6) }

func (s *session) requestSection() report.Section {
	f := &s.result.First
	log := report.Show("The function's log of it, exported as "+f.LogFile, strings.Join(f.Log, "\n"))
	if f.Missing != "" {
		log = report.Note("The function's log could not be exported: " + f.Missing)
	}
	return report.Section{Title: "One request and its log", Blocks: []report.Block{
		report.Show("The request, as the course sends it", f.Curl),
		report.Show(fmt.Sprintf("The answer, after %s: the first of its environment", ms(f.Took)), fmt.Sprintf("HTTP %d\n%s", f.Status, f.Body)), log}}
}

func (s *session) loadSection() (report.Section, error) {
	l := s.result.Load
	sec := report.Section{Title: "The load test"}
	sec.Blocks = append(sec.Blocks,
		report.Text(fmt.Sprintf("%d users came at %g per second; each sent a request, waited for the answer, and then 3 to 5 s before the next, for %g s, as the course's Locust run does. "+
			"All environments were new at the start. %s", s.Users, s.SpawnRate, s.RunTime.Seconds(), l.Split.Method)))
	sec.Blocks = append(sec.Blocks, splitNotes(s.page.split, l)...)
	for _, f := range s.page.load {
		sec.Blocks = append(sec.Blocks, report.Fig(f))
	}
	within, err := s.page.inside.blocks()
	if err != nil {
		return sec, err
	}
	sec.Blocks = append(sec.Blocks, within...)
	t := summaryTable(l)
	aws := func(name string, d latency.Summary) {
		t.Rows = append(t.Rows, []string{name, fmt.Sprint(d.N), figure(d.Mean), figure(d.P5), figure(d.P50), figure(d.P95), figure(d.P99), figure(d.Max)})
	}
	aws("course on AWS, cold (estimated)", s.result.AWS.Cold)
	aws("course on AWS, warm (estimated)", s.result.AWS.Warm)
	t.Notes = "The course's client sat far from us-east-1, so its response times hold a journey round half the world, and its function ran with 128 MB of memory."
	sec.Blocks = append(sec.Blocks, report.Tab(t))
	if l.Total != nil {
		sec.Blocks = append(sec.Blocks, report.Tab(locustTable(l)))
	}
	return sec, nil
}

func (s *session) coldSection() (report.Section, error) {
	sec := report.Section{Title: "Cold starts and warm invocations, in series"}
	sec.Blocks = append(sec.Blocks, report.Text(fmt.Sprintf("Ten users meet only a few cold starts, too few for percentiles. So %d were forced for each way in which an environment can come to be, one after another through the Lambda API; "+
		"the platform recorded of each how it was served and where its time went.", s.ColdStarts)))
	tab := seriesTable("Forced cold starts as the client saw them.", s.result.Cold)
	var named []report.Named
	var missing []string
	for _, c := range s.result.Cold {
		named = append(named, report.Named{Name: c.Name, D: latency.Of(c.values)})
		if c.Missing != "" {
			missing = append(missing, c.Name+": "+c.Missing+".")
		}
	}
	named = append(named, report.Named{Name: "Course on AWS, Iris, as seen by its client", D: latency.Of(s.result.AWS.cold), Foreign: true},
		report.Named{Name: "Course on AWS, Iris, Init Duration", D: latency.Of([]time.Duration{latency.FromMillis(s.result.AWS.Init)}), Foreign: true})
	tab.Notes = strings.Join(missing, " ")
	sec.Blocks = append(sec.Blocks, report.Tab(tab))
	f, err := report.Ranges("cold-start-ways", "Cold starts", fmt.Sprintf("Forced cold starts on this machine (%s), through the Lambda API, and the course's on AWS through its REST API from afar.", s.result.Machine.words()), "time to the first answer (ms)", named)
	if err != nil {
		return sec, err
	}
	sec.Blocks = append(sec.Blocks, report.Fig(f))
	for i, c := range s.result.Cold {
		if len(c.values) == 0 {
			continue
		}
		f, err := report.Histogram(fmt.Sprintf("cold-series-%d", i+1), "Forced cold starts: "+c.Name, fmt.Sprintf("%s: %s (n = %d).", c.Name, c.How, c.Total.N), "cold start", latency.Of(c.values), true)
		if err != nil {
			return sec, err
		}
		sec.Blocks = append(sec.Blocks, report.Fig(f))
		if len(c.Parts) > 0 {
			sec.Blocks = append(sec.Blocks, report.Tab(partsTable(c)))
		}
	}
	sec.Blocks = append(sec.Blocks, report.Tab(seriesTable("Warm invocations, one after another, beside what HTTP itself costs on this machine.", s.result.Warm)))
	var warm []report.Named
	for _, w := range s.result.Warm {
		warm = append(warm, report.Named{Name: w.Name, D: latency.Of(w.values)})
	}
	f, err = report.CDF("warm-cdf", "Warm invocations beside their floor", "Cumulative distribution of warm invocations, sent one after another: "+s.result.Machine.words()+".", warm)
	sec.Blocks = append(sec.Blocks, report.Fig(f))
	return sec, err
}

func seriesTable(caption string, ss []Series) report.Table {
	t := report.Table{Caption: caption, Head: []string{"Series", "How", "#n", "#p5 (ms)", "#p50 (ms)", "#p95 (ms)", "#p99 (ms)", "#mean (ms)"}}
	for _, c := range ss {
		how := c.How
		if len(c.Served) > 0 {
			how += " (recorded: " + strings.Join(c.Served, ", ") + ")"
		}
		d := c.Total
		t.Rows = append(t.Rows, []string{c.Name, how, fmt.Sprint(d.N), figure(d.P5), figure(d.P50), figure(d.P95), figure(d.P99), figure(d.Mean)})
	}
	return t
}

func partsTable(c Series) report.Table {
	t := report.Table{Caption: "Where the time of these cold starts went, by the platform's records: " + c.Name + ".",
		Head: []string{"Phase", "#n", "#p5 (ms)", "#p50 (ms)", "#p95 (ms)", "#mean (ms)"}}
	for _, p := range c.Parts {
		d := p.Took
		t.Rows = append(t.Rows, []string{p.Name, fmt.Sprint(d.N), figure(d.P5), figure(d.P50), figure(d.P95), figure(d.Mean)})
	}
	return t
}

func (s *session) chainSection() (report.Section, error) {
	e := &s.result.Chain
	sec := report.Section{Title: "Orchestration overhead: a chain of three tasks"}
	sec.Blocks = append(sec.Blocks, report.Text(fmt.Sprintf("The course's workflow, word for word but for the function's ARN, was started %d times through its REST API with {\"experiment_type\": \"CHAIN\"}, after %d runs that are not counted.", e.Repetitions, s.WarmUp)))
	if len(e.Example.Chains) > 0 {
		sec.Blocks = append(sec.Blocks, report.Tab(chainTable(e)))
	}
	sec.Blocks = append(sec.Blocks, report.Tab(metricsTable("The same over all repetitions, beside the course's run on AWS.", e)), stampNote(e))
	if e.trace == nil {
		return sec, nil
	}
	f, err := report.Waterfall("chain-waterfall", "One chain on its clock", "The chain whose duration is the median of the repetitions.", e.trace)
	if err != nil {
		return sec, err
	}
	sec.Blocks = append(sec.Blocks, report.Fig(f))
	if t, ok := s.stepsTable(); ok {
		sec.Blocks = append(sec.Blocks, report.Tab(t))
	}
	f, err = report.Ranges("overhead", "What orchestration costs", "Handler to handler on this machine where it is known, event to event otherwise, beside the course's single values on AWS.", "overhead (ms)", s.overheadRows())
	sec.Blocks = append(sec.Blocks, report.Fig(f))
	return sec, err
}

// overheadRows are the lines of the figure that sums the workflow up.
func (s *session) overheadRows() []report.Named {
	var rows []report.Named
	row := func(e *Experiment, label string, names ...string) {
		for _, n := range names {
			m, ok := find(e.Metrics, n)
			if !ok || m.Shared || len(m.values) == 0 {
				continue
			}
			rows = append(rows, report.Named{Name: label, D: latency.Of(m.values)},
				report.Named{Name: label + ", course on AWS", D: latency.Of([]time.Duration{latency.FromMillis(m.AWS)}), Foreign: true})
			return
		}
	}
	row(&s.result.Chain, "A to B", "A returned → B entered", "Overhead_AB")
	row(&s.result.Chain, "B to C", "B returned → C entered", "Overhead_BC")
	row(&s.result.Parallel, "fan-out of five", "Parallel entered → last handler entered", "Fan-out delay")
	return rows
}

// stampNote says what the two kinds of columns are.
func stampNote(e *Experiment) report.Block {
	if e.SharedStamps {
		return report.Note("Anthill decides that a task ended and that the next state is entered in one step and writes both down with one instant, so the course's columns, which subtract the one from the other, are zero by construction: " +
			"they are no measurement and are marked so. What can be compared is the way from one handler's return to the next one's start, by the clocks of one machine. On AWS, whose handlers cannot be seen from outside, " +
			"the same way is longer than the 23 and 27 ms between its events.")
	}
	if !e.Traced {
		return report.Note("The platform gave no trace of its own; these figures come from GetExecutionHistory, as on AWS.")
	}
	return report.Note("On AWS handlers cannot be seen from outside: from one handler to the next it is longer there than the time between the two events.")
}

func chainTable(e *Experiment) report.Table {
	c := e.Example.Chains[0]
	t := report.Table{Caption: "The course's first table, for the execution with the median duration.", Head: []string{"Metric or event", "#Value", "Notes"}}
	for _, m := range c.Marks {
		t.Rows = append(t.Rows, []string{m.Name, clock(m.At), m.Type + " of " + m.State})
	}
	for i, tr := range c.Transitions {
		name := fmt.Sprintf("Overhead_%s%s", []string{"A", "B", "C"}[i%3], []string{"B", "C", "D"}[i%3])
		t.Rows = append(t.Rows, []string{name, eventGap(tr.Events, tr.SharedStamp), "event to event"})
	}
	t.Rows = append(t.Rows, []string{"Total orchestration overhead", eventGap(c.Overhead, c.SharedStamps), "event to event"})
	if c.HandlerKnown {
		for _, tr := range c.Transitions {
			t.Rows = append(t.Rows, []string{tr.Name(), report.Ms(tr.Handler), "handler returned → next handler entered"})
		}
		t.Rows = append(t.Rows, []string{"Both together", report.Ms(c.Handler), "handler to handler"})
	}
	t.Rows = append(t.Rows, []string{"Total internal processing time", report.Ms(c.Processing), "T_C_exit − T_A_start"})
	switch {
	case c.HandlerKnown:
		t.Rows = append(t.Rows, []string{"Overhead percentage", fmt.Sprintf("%.1f %%", c.HandlerPercent), "handler to handler, of the processing time"})
	case !c.SharedStamps:
		t.Rows = append(t.Rows, []string{"Overhead percentage", fmt.Sprintf("%.1f %%", c.Percent), "of the processing time"})
	}
	t.Strong = []int{len(t.Rows) - 1}
	return t
}

func eventGap(d time.Duration, shared bool) string {
	if shared {
		return "0 (one stamp: no result)"
	}
	return report.Ms(d)
}

// clock prints an instant of the day to the microsecond.
func clock(ns int64) string { return time.Unix(0, ns).Format("15:04:05.000000") }

func metricsTable(caption string, e *Experiment) report.Table {
	t := report.Table{Caption: caption, Head: []string{"Metric", "Definition", "#n", "#p50", "#p95", "#AWS (course)"}}
	for _, m := range e.Metrics {
		row := []string{m.Name, m.Notes, fmt.Sprint(m.D.N), ms(m.D.P50), ms(m.D.P95), "–"}
		if m.AWS > 0 {
			row[5] = ms(m.AWS)
		}
		if p := m.Percent; p != nil {
			row = []string{m.Name, m.Notes, fmt.Sprint(p.N), fmt.Sprintf("%.1f %%", p.P50), fmt.Sprintf("%.1f %%", p.P95), fmt.Sprintf("%.1f %%", p.AWS)}
		}
		if m.Shared {
			row[3], row[4] = "one stamp", "one stamp"
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// stepsTable shows where the time between two handlers goes.
func (s *session) stepsTable() (report.Table, bool) {
	t := report.Table{Caption: "Inside the way from handler to handler in the chain, over all repetitions and both transitions.", Head: []string{"Step", "#n", "#p5 (ms)", "#p50 (ms)", "#p95 (ms)"}}
	var order []string
	all := map[string][]time.Duration{}
	for _, r := range s.of("CHAIN") {
		for _, tr := range r.overhead.Transitions {
			for _, st := range tr.Steps {
				if _, ok := all[st.Name]; !ok {
					order = append(order, st.Name)
				}
				all[st.Name] = append(all[st.Name], st.Took)
			}
		}
	}
	for _, name := range order {
		d := latency.Of(all[name]).Summary()
		t.Rows = append(t.Rows, []string{name, fmt.Sprint(d.N), figure(d.P5), figure(d.P50), figure(d.P95)})
	}
	return t, len(order) > 0
}

func (s *session) parallelSection() (report.Section, error) {
	e := &s.result.Parallel
	sec := report.Section{Title: "Orchestration overhead: five tasks in parallel"}
	sec.Blocks = append(sec.Blocks, report.Text(fmt.Sprintf("The same with {\"experiment_type\": \"PARALLEL\"}: %d runs after %d that are not counted.", e.Repetitions, s.WarmUp)))
	if len(e.Example.FanOuts) > 0 {
		f := e.Example.FanOuts[0]
		t := report.Table{Caption: "The course's second table, for the execution with the median duration.", Head: []string{"Metric or event", "#Value", "Notes"}}
		for _, m := range f.Marks {
			t.Rows = append(t.Rows, []string{m.Name, clock(m.At), m.Type + " of " + m.State})
		}
		t.Rows = append(t.Rows, []string{"Fan-out delay", report.Ms(f.Delay), "T_last_started − T_parallel_start"},
			[]string{"Total parallel state duration", report.Ms(f.Duration), "T_parallel_exit − T_parallel_start"},
			[]string{"Overhead percentage", fmt.Sprintf("%.1f %%", f.Percent), "fan-out delay of the duration"})
		if f.Known {
			t.Rows = append(t.Rows, []string{"Parallel entered → last handler entered", report.Ms(f.Handler), "clocks of one machine"},
				[]string{"Last handler returned → Parallel exited", report.Ms(f.HandlerIn), "the fan-in"})
		}
		sec.Blocks = append(sec.Blocks, report.Tab(t))
	}
	sec.Blocks = append(sec.Blocks, report.Tab(metricsTable("The same over all repetitions, beside the course's run on AWS.", e)))
	if e.trace == nil {
		return sec, nil
	}
	f, err := report.Waterfall("parallel-waterfall", "One fan-out on its clock", "The parallel execution whose duration is the median of the repetitions.", e.trace)
	sec.Blocks = append(sec.Blocks, report.Fig(f))
	return sec, err
}
