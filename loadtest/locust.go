package loadtest

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"anthill/fault"
	"anthill/latency"
)

// Run is one load test as its files tell it.
type Run struct {
	Dir, Prefix string // "locust_logs" and "test" for locust_logs/test_stats.csv
	Generator   string // "Locust 2.42.1", "Anthill"; "" when the log does not say

	Stats      []StatsRow
	History    []HistoryRow
	Failures   []FailureRow
	Exceptions []ExceptionRow
	Responses  []latency.Response // every "Response time: … ms" of the log, in its order
	Spawned    time.Time          // when the log says that all users were there; zero when it does not

	exact bool // Responses carry instants since 1970 and are not rounded

	// Problems are sentences about what is missing or broken. What could be read is there all the same.
	Problems []string
}

// StatsRow is a row of *_stats.csv. Times are in milliseconds, as the file has them.
type StatsRow struct {
	Type, Name                string
	Requests, Failures        int
	Median, Average, Min, Max float64
	ContentSize               float64
	PerSecond, FailuresPerSec float64
	Percentiles               map[string]float64 // by column name, "50%" to "100%"; absent where the file says N/A
}

// HistoryRow is a row of *_stats_history.csv: one second of one entry. Percentiles are over the last ten seconds or so.
type HistoryRow struct {
	At   time.Time
	User int
	StatsRow
}

// FailureRow is a row of *_failures.csv.
type FailureRow struct {
	Method, Name, Error string
	Occurrences         int
}

// ExceptionRow is a row of *_exceptions.csv.
type ExceptionRow struct {
	Count                     int
	Message, Traceback, Nodes string
}

// aggregated is the name of the row that sums all others. Locust 0.x called it Total.
const aggregated = "Aggregated"

// Total is the row over all requests.
func (r *Run) Total() (StatsRow, bool) {
	for _, s := range r.Stats {
		if s.Name == aggregated || s.Name == "Total" {
			return s, true
		}
	}
	return StatsRow{}, false
}

// TotalHistory are the history rows over all requests, in time's order.
func (r *Run) TotalHistory() []HistoryRow {
	var rows []HistoryRow
	for _, h := range r.History {
		if h.Name == aggregated || h.Name == "Total" {
			rows = append(rows, h)
		}
	}
	slices.SortStableFunc(rows, func(a, b HistoryRow) int { return a.At.Compare(b.At) })
	return rows
}

// ExactHistory is TotalHistory made anew from the single requests, where those are known exactly: percentiles of every
// second over the ten seconds before it, by nearest rank and not rounded as Locust's are. nil where they are not.
func (r *Run) ExactHistory() []HistoryRow {
	if !r.exact || len(r.Responses) == 0 {
		return nil
	}
	rs := slices.Clone(r.Responses)
	slices.SortStableFunc(rs, func(a, b latency.Response) int { return a.At.Compare(b.At) })
	var rows []HistoryRow
	from, to := 0, 0
	for at := rs[0].At.Truncate(time.Second).Add(time.Second); from < len(rs); at = at.Add(time.Second) {
		for to < len(rs) && !rs[to].At.After(at) {
			to++
		}
		for from < to && !rs[from].At.After(at.Add(-windowSeconds*time.Second)) {
			from++
		}
		d := latency.Of(latency.Latencies(rs[from:to]))
		row := HistoryRow{At: at, StatsRow: StatsRow{Name: aggregated, Requests: to}}
		if d.N() > 0 {
			row.Percentiles = map[string]float64{"50%": latency.Millis(d.Median()), "95%": latency.Millis(d.Percentile(95)), "100%": latency.Millis(d.Max())}
		}
		rows = append(rows, row)
		if to == len(rs) {
			break
		}
	}
	return rows
}

// ReadDir reads the Locust files of a directory: what ends in _stats.csv, _stats_history.csv, _failures.csv and
// _exceptions.csv, and the logs with lines like "Response time: 270.53 ms" (*.txt, *.log). When several runs lie there,
// the one whose prefix sorts first is read and the others are named in Problems. A directory with nothing of a load test
// is a fault of kind NotFound.
func ReadDir(dir string) (*Run, error) {
	const op = "loadtest.ReadDir"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "directory", Name: dir, Detail: "cannot be read: give the directory that holds Locust's files", Err: err}
	}
	r := &Run{Dir: dir}
	files := map[string][]string{}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		for _, suffix := range []string{"_stats_history.csv", "_stats.csv", "_failures.csv", "_exceptions.csv", requestsSuffix, ".txt", ".log"} {
			if prefix, ok := strings.CutSuffix(e.Name(), suffix); ok {
				if suffix == ".log" {
					suffix = ".txt"
				}
				files[suffix] = append(files[suffix], e.Name())
				if suffix == "_stats.csv" && r.Prefix == "" {
					r.Prefix = prefix
				}
				break
			}
		}
	}
	r.oldTables(files)
	if len(files["_stats.csv"])+len(files["_stats_history.csv"])+len(files[".txt"]) == 0 {
		return nil, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "load test", Name: dir,
			Detail: "no Locust files there: expected *_stats.csv, *_stats_history.csv or a log with lines like \"Response time: 270.53 ms\""}
	}
	r.readTables(files)
	r.readLogs(files[".txt"])
	if names := files[requestsSuffix]; len(names) > 0 {
		name := names[0]
		if i := slices.Index(names, r.Prefix+requestsSuffix); i >= 0 {
			name = names[i]
		}
		r.takeRequests(name)
		r.exact = true
	}
	r.check()
	return r, nil
}

// readTables reads one file of each kind: the one of r's prefix.
func (r *Run) readTables(files map[string][]string) {
	kinds := []struct {
		suffix string
		read   func(path string) ([]string, error)
	}{
		{"_stats.csv", func(p string) (problems []string, err error) { r.Stats, problems, err = readFile(p, ReadStats); return }},
		{"_stats_history.csv", func(p string) (problems []string, err error) {
			r.History, problems, err = readFile(p, ReadHistory)
			return
		}},
		{"_failures.csv", func(p string) (problems []string, err error) {
			r.Failures, problems, err = readFile(p, ReadFailures)
			return
		}},
		{"_exceptions.csv", func(p string) (problems []string, err error) {
			r.Exceptions, problems, err = readFile(p, ReadExceptions)
			return
		}},
	}
	for _, k := range kinds {
		names := files[k.suffix]
		if len(names) == 0 {
			if k.suffix == "_stats.csv" || k.suffix == "_stats_history.csv" {
				r.problem("There is no *%s in %s.", k.suffix, filepath.Base(r.Dir))
			}
			continue
		}
		name := names[0]
		if i := slices.Index(names, r.Prefix+k.suffix); i >= 0 {
			name = names[i]
		}
		if len(names) > 1 {
			r.problem("Several files end in %s; %s was read.", k.suffix, name)
		}
		problems, err := k.read(filepath.Join(r.Dir, name))
		for _, p := range problems {
			r.problem("%s: %s", name, p)
		}
		if err != nil {
			r.problem("%s: %s.", name, reason(err))
		}
	}
}

// reason is an error for a reader of the report.
func reason(err error) string {
	if f := fault.Of(err); f.Detail != "" {
		return f.Detail
	}
	return err.Error()
}

// oldTables finds the tables of Locust 0.x, whose statistics end in _requests.csv, as Anthill's list of all requests does.
func (r *Run) oldTables(files map[string][]string) {
	for i, name := range files[requestsSuffix] {
		f, err := os.Open(filepath.Join(r.Dir, name))
		if err != nil {
			continue // readers of the file say so
		}
		head, _ := bufio.NewReader(f).ReadString('\n')
		f.Close()
		if !strings.Contains(head, "# requests") {
			continue
		}
		files[requestsSuffix] = slices.Delete(slices.Clone(files[requestsSuffix]), i, i+1)
		files["_stats.csv"] = append(files["_stats.csv"], name)
		r.Generator = cmp.Or(r.Generator, "Locust 0.x")
		r.problem("%s is of a Locust before 1.0, whose statistics know no percentiles: they are in its *_distribution.csv, rounded, and are not read.", name)
		return
	}
}

// readLogs takes the responses of every log: a run that was logged in pieces is one run.
func (r *Run) readLogs(names []string) {
	for _, name := range names {
		l, err := readLogFile(filepath.Join(r.Dir, name))
		if err != nil {
			r.problem("%s: %s.", name, reason(err))
			continue
		}
		if len(l.Responses) == 0 && l.Generator == "" {
			continue // some other text
		}
		for _, p := range l.Problems {
			r.problem("%s: %s", name, p)
		}
		if r.Generator == "" {
			r.Generator = l.Generator
		}
		if r.Spawned.IsZero() {
			r.Spawned = l.Spawned
		}
		r.Responses = append(r.Responses, l.Responses...)
	}
}

// check compares what the files say about each other, and brings their clocks together.
func (r *Run) check() {
	if len(r.Responses) == 0 {
		r.problem("No log line like \"Response time: 270.53 ms\" was found, so single requests are not known: there are no histograms and no split of cold from warm.")
	}
	total, ok := r.Total()
	switch {
	case ok && total.Requests == 0:
		r.problem("The run has no requests.")
	case ok && total.Failures == total.Requests:
		r.problem("No request succeeded: all %d failed.", total.Requests)
	case !ok && len(r.Responses) > 0 && !slices.ContainsFunc(r.Responses, func(q latency.Response) bool { return q.Status < 400 }):
		r.problem("No request succeeded: all %d failed.", len(r.Responses))
	case ok && len(r.Responses) > 0 && total.Requests != len(r.Responses):
		r.problem("The statistics count %d requests and the log %d: one of them was cut off, or some requests were not logged.", total.Requests, len(r.Responses))
	}
	r.alignClocks()
}

// alignClocks moves the history, whose times are since 1970, to the log's wall clock, which names no zone: the
// difference between the first history row and the first log line, to the nearest quarter of an hour, is the zone.
func (r *Run) alignClocks() {
	h := r.TotalHistory()
	if len(h) == 0 || len(r.Responses) == 0 || r.exact {
		return
	}
	first := r.Responses[0].At
	if !r.Spawned.IsZero() && r.Spawned.Before(first) {
		first = r.Spawned
	}
	offset := first.Sub(h[0].At).Round(15 * time.Minute)
	if offset < -14*time.Hour || offset > 14*time.Hour {
		r.problem("The log and the history are %v apart, so they are not of one run; they are shown on the history's own clock.", offset)
		return
	}
	zone := time.FixedZone(zoneName(offset), int(offset.Seconds()))
	for i := range r.History {
		r.History[i].At = r.History[i].At.In(zone)
	}
	move := func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		return t.Add(-offset).In(zone)
	}
	for i := range r.Responses {
		r.Responses[i].At = move(r.Responses[i].At)
	}
	r.Spawned = move(r.Spawned)
}

func zoneName(d time.Duration) string {
	sign := '+'
	if d < 0 {
		sign, d = '-', -d
	}
	return fmt.Sprintf("UTC%c%02d:%02d", sign, int(d.Hours()), int(d.Minutes())%60)
}

func (r *Run) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}
