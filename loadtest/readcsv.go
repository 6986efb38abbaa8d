package loadtest

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"anthill/fault"
)

// maxRows bounds what is read of one file: a day of history rows of a hundred entries.
const maxRows = 10_000_000

// readFile opens a file and reads it as a table of T.
func readFile[T any](path string, read func(io.Reader) ([]T, []string, error)) ([]T, []string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	return read(f)
}

// table is a CSV file by column names, which differ in case and wording between Locust's versions.
type table struct {
	columns  map[string]int
	names    []string
	row      []string
	problems []string
}

// each calls do for every row of r. It returns a fault of kind Invalid when there is no header with the columns need.
func (t *table) each(r io.Reader, need []string, do func() bool) error {
	const op = "loadtest.Read"
	c := csv.NewReader(r)
	c.FieldsPerRecord = -1
	c.LazyQuotes = true
	c.ReuseRecord = true
	header, err := c.Read()
	if errors.Is(err, io.EOF) {
		return fault.Invalidf(op, "table", "the file is empty: the run ended before Locust wrote it")
	}
	if err != nil {
		return fault.Invalidf(op, "table", "this is no CSV: %v", err)
	}
	t.columns = map[string]int{}
	for i, name := range header {
		name = strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))
		t.names = append(t.names, name)
		if k := columnKey(name); k != "" {
			t.columns[k] = i
		}
	}
	for _, k := range need {
		if _, ok := t.columns[k]; !ok {
			return fault.Invalidf(op, "table", "there is no column %q; the columns are %s", k, strings.Join(t.names, ", "))
		}
	}
	broken := 0
	for n := 2; n < maxRows; n++ {
		t.row, err = c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.problems = append(t.problems, fmt.Sprintf("Row %d and what follows cannot be read: %v.", n, err))
			break
		}
		if len(t.row) == 1 && strings.TrimSpace(t.row[0]) == "" {
			continue
		}
		if len(t.row) < len(header) || !do() {
			if broken++; broken == 1 {
				t.problems = append(t.problems, fmt.Sprintf("Row %d is cut off or not in the header's form; it was left out.", n))
			}
		}
	}
	if broken > 1 {
		t.problems = append(t.problems, fmt.Sprintf("%d rows in all were left out.", broken))
	}
	return nil
}

// columnKey maps the names of Locust 2.x, 1.x and 0.x to one spelling.
func columnKey(name string) string {
	k := strings.ToLower(name)
	switch k {
	case "# requests":
		return "request count"
	case "# failures":
		return "failure count"
	case "method":
		return "type"
	}
	return k
}

func (t *table) text(key string) string {
	if i, ok := t.columns[key]; ok {
		return t.row[i]
	}
	return ""
}

// number reads a column; N/A, an empty field and a column that is not there are 0. ok is false for what is no number.
func (t *table) number(key string, ok *bool) float64 {
	s := strings.TrimSpace(t.text(key))
	if s == "" || s == "N/A" || s == "None" {
		return 0
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		*ok = false
		return 0
	}
	return v
}

func (t *table) count(key string, ok *bool) int {
	v := t.number(key, ok)
	if v < 0 || v > 1e15 || v != math.Trunc(v) {
		*ok = false
		return 0
	}
	return int(v)
}

func (t *table) percentiles(ok *bool) map[string]float64 {
	ps := map[string]float64{}
	for i, name := range t.names {
		if !strings.HasSuffix(name, "%") || i >= len(t.row) {
			continue
		}
		s := strings.TrimSpace(t.row[i])
		if s == "" || s == "N/A" {
			continue
		}
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			*ok = false
			continue
		}
		ps[name] = v
	}
	return ps
}

// ReadStats reads a *_stats.csv. The problems are sentences about rows that were left out.
func ReadStats(r io.Reader) (rows []StatsRow, problems []string, err error) {
	var t table
	err = t.each(r, []string{"name", "request count"}, func() bool {
		ok := true
		row := StatsRow{
			Type: t.text("type"), Name: t.text("name"),
			Requests: t.count("request count", &ok), Failures: t.count("failure count", &ok),
			Median: t.number("median response time", &ok), Average: t.number("average response time", &ok),
			Min: t.number("min response time", &ok), Max: t.number("max response time", &ok),
			ContentSize: t.number("average content size", &ok),
			PerSecond:   t.number("requests/s", &ok), FailuresPerSec: t.number("failures/s", &ok),
			Percentiles: t.percentiles(&ok),
		}
		if ok {
			rows = append(rows, row)
		}
		return ok
	})
	return rows, t.problems, err
}

// ReadHistory reads a *_stats_history.csv.
func ReadHistory(r io.Reader) (rows []HistoryRow, problems []string, err error) {
	var t table
	err = t.each(r, []string{"timestamp", "name"}, func() bool {
		ok := true
		at := t.number("timestamp", &ok)
		row := HistoryRow{User: t.count("user count", &ok), StatsRow: StatsRow{
			Type: t.text("type"), Name: t.text("name"),
			Requests: t.count("total request count", &ok), Failures: t.count("total failure count", &ok),
			Median: t.number("total median response time", &ok), Average: t.number("total average response time", &ok),
			Min: t.number("total min response time", &ok), Max: t.number("total max response time", &ok),
			ContentSize: t.number("total average content size", &ok),
			PerSecond:   t.number("requests/s", &ok), FailuresPerSec: t.number("failures/s", &ok),
			Percentiles: t.percentiles(&ok),
		}}
		if !ok || at <= 0 || at > 1e11 {
			return false
		}
		sec, frac := math.Modf(at)
		row.At = time.Unix(int64(sec), int64(frac*1e9)).UTC()
		rows = append(rows, row)
		return true
	})
	return rows, t.problems, err
}

// ReadFailures reads a *_failures.csv.
func ReadFailures(r io.Reader) (rows []FailureRow, problems []string, err error) {
	var t table
	err = t.each(r, []string{"name", "error"}, func() bool {
		ok := true
		row := FailureRow{Method: t.text("type"), Name: t.text("name"), Error: t.text("error"), Occurrences: t.count("occurrences", &ok)}
		if ok {
			rows = append(rows, row)
		}
		return ok
	})
	return rows, t.problems, err
}

// ReadExceptions reads a *_exceptions.csv.
func ReadExceptions(r io.Reader) (rows []ExceptionRow, problems []string, err error) {
	var t table
	err = t.each(r, []string{"message"}, func() bool {
		ok := true
		row := ExceptionRow{Count: t.count("count", &ok), Message: t.text("message"), Traceback: t.text("traceback"), Nodes: t.text("nodes")}
		if ok {
			rows = append(rows, row)
		}
		return ok
	})
	return rows, t.problems, err
}
