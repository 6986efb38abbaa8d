package loadtest

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// percentileColumns are the percentiles of Locust's files, in their order.
func percentileColumns() ([]string, []float64) {
	return []string{"50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%", "99.9%", "99.99%", "100%"},
		[]float64{0.50, 0.66, 0.75, 0.80, 0.90, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0}
}

// windowSeconds is how far back "current" percentiles look.
const windowSeconds = 10

// entry counts the requests of one method and name as Locust's statistics do.
type entry struct {
	method, name   string
	start, last    time.Time // the first request's second counts from start
	n, failures    int
	total          float64 // ms
	min, max       float64 // ms
	times          buckets
	perSecond      map[int64]int
	failsPerSecond map[int64]int
	timesPerSecond map[int64]buckets // of the last seconds, for the current percentiles
	content        int64
}

func newEntry(method, name string, start time.Time) *entry {
	return &entry{method: method, name: name, start: start, times: buckets{}, perSecond: map[int64]int{},
		failsPerSecond: map[int64]int{}, timesPerSecond: map[int64]buckets{}}
}

func (e *entry) add(at time.Time, ms float64, length int64, failed bool) {
	sec := at.Unix()
	if e.n == 0 || ms < e.min {
		e.min = ms
	}
	e.max = max(e.max, ms)
	e.n++
	e.total += ms
	e.content += length
	e.last = at
	e.perSecond[sec]++
	b := bucketOf(ms)
	e.times[b]++
	if e.timesPerSecond[sec] == nil {
		e.timesPerSecond[sec] = buckets{}
		for s := range e.timesPerSecond {
			if s < sec-2*windowSeconds {
				delete(e.timesPerSecond, s)
			}
		}
	}
	e.timesPerSecond[sec][b]++
	if failed {
		e.failures++
		e.failsPerSecond[sec]++
	}
}

// median is the rounded median, kept between the exact minimum and maximum.
func (e *entry) median() float64 {
	if e.n == 0 {
		return 0
	}
	return min(max(float64(e.times.percentile(0.5)), e.min), e.max)
}

func (e *entry) perRun(n int) float64 {
	d := e.last.Sub(e.start).Seconds()
	if d <= 0 {
		return 0
	}
	return float64(n) / d
}

// current is the mean of per over the ten seconds that ended two seconds before the last request.
func (e *entry) current(per map[int64]int, last time.Time) float64 {
	if last.IsZero() {
		return 0
	}
	from, to := max(last.Unix()-windowSeconds-2, e.start.Unix()), last.Unix()-2
	if to <= from {
		return 0
	}
	sum := 0
	for s := from; s < to; s++ {
		sum += per[s]
	}
	return float64(sum) / float64(to-from)
}

// recent are the rounded times of the window that ends with now's second.
func (e *entry) recent(now time.Time) buckets {
	b := buckets{}
	for s, times := range e.timesPerSecond {
		if s > now.Unix()-windowSeconds && s <= now.Unix() {
			for ms, c := range times {
				b[ms] += c
			}
		}
	}
	return b
}

func (e *entry) row(times buckets) StatsRow {
	r := StatsRow{Type: e.method, Name: e.name, Requests: e.n, Failures: e.failures, Median: e.median(), Min: e.min, Max: e.max}
	if e.n > 0 {
		r.Average, r.ContentSize = e.total/float64(e.n), float64(e.content)/float64(e.n)
		r.Percentiles = map[string]float64{}
		names, ps := percentileColumns()
		for i, p := range ps {
			if len(times) > 0 {
				r.Percentiles[names[i]] = float64(times.percentile(p))
			} else {
				r.Percentiles[names[i]] = 0
			}
		}
	}
	return r
}

// recorder is the statistics of a running test. It is not safe for concurrent use.
type recorder struct {
	total    *entry
	entries  map[[2]string]*entry
	failures map[FailureRow]int // by its first three fields
	history  []HistoryRow
}

func newRecorder(start time.Time) *recorder {
	return &recorder{total: newEntry("", aggregated, start), entries: map[[2]string]*entry{}, failures: map[FailureRow]int{}}
}

// add counts one finished request. failure is Locust's text for it, "" for a success.
func (r *recorder) add(at time.Time, method, name string, ms float64, length int64, failure string) {
	k := [2]string{name, method}
	e := r.entries[k]
	if e == nil {
		e = newEntry(method, name, at.Add(-time.Duration(ms*float64(time.Millisecond))))
		r.entries[k] = e
	}
	r.total.add(at, ms, length, failure != "")
	e.add(at, ms, length, failure != "")
	if failure != "" {
		r.failures[FailureRow{Method: method, Name: name, Error: failure}]++
	}
}

func (r *recorder) sorted() []*entry {
	es := make([]*entry, 0, len(r.entries)+1)
	for _, e := range r.entries {
		es = append(es, e)
	}
	slices.SortFunc(es, func(a, b *entry) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.method, b.method)) })
	return append(es, r.total)
}

// tick adds the history rows of one second, for every entry and the total, as --csv-full-history does.
func (r *recorder) tick(now time.Time, users int) {
	for _, e := range r.sorted() {
		row := e.row(e.recent(now))
		row.PerSecond = e.current(e.perSecond, r.total.last)
		row.FailuresPerSec = e.current(e.failsPerSecond, r.total.last)
		r.history = append(r.history, HistoryRow{At: time.Unix(now.Unix(), 0), User: users, StatsRow: row})
	}
}

// rows are the rows of *_stats.csv.
func (r *recorder) rows() []StatsRow {
	var rows []StatsRow
	for _, e := range r.sorted() {
		row := e.row(e.times)
		row.PerSecond, row.FailuresPerSec = e.perRun(e.n), e.perRun(e.failures)
		rows = append(rows, row)
	}
	return rows
}

func (r *recorder) failureRows() []FailureRow {
	var rows []FailureRow
	for f, n := range r.failures {
		f.Occurrences = n
		rows = append(rows, f)
	}
	slices.SortFunc(rows, func(a, b FailureRow) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Method, b.Method), cmp.Compare(a.Error, b.Error))
	})
	return rows
}

// itoa keeps a whole count as Python prints an int.
func itoa(n int) string { return strconv.Itoa(n) }
