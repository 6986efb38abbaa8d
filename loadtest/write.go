package loadtest

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"anthill/fault"
)

// WriteFiles writes r as Locust would: dir/prefix_stats.csv, _stats_history.csv, _failures.csv and _exceptions.csv.
// The log is written while a test runs and is not written again.
func (r *Run) WriteFiles(dir, prefix string) error {
	const op = "loadtest.WriteFiles"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fault.In(op, err)
	}
	for _, f := range []struct {
		suffix string
		write  func(io.Writer) error
	}{
		{"_stats.csv", r.writeStats}, {"_stats_history.csv", r.writeHistory},
		{"_failures.csv", r.writeFailures}, {"_exceptions.csv", r.writeExceptions},
	} {
		if err := writeFile(filepath.Join(dir, prefix+f.suffix), f.write); err != nil {
			return fault.In(op, err)
		}
	}
	return nil
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// newCSV writes as Python's csv module does: lines end in CR LF.
func newCSV(w io.Writer) *csv.Writer {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	return c
}

func (r *Run) writeStats(w io.Writer) error {
	c := newCSV(w)
	names, _ := percentileColumns()
	c.Write(append([]string{"Type", "Name", "Request Count", "Failure Count", "Median Response Time", "Average Response Time",
		"Min Response Time", "Max Response Time", "Average Content Size", "Requests/s", "Failures/s"}, names...))
	for _, s := range r.Stats {
		c.Write(append([]string{s.Type, s.Name, itoa(s.Requests), itoa(s.Failures), s.median(), pyFloat(s.Average), s.bound(s.Min),
			s.bound(s.Max), s.size(), pyFloat(s.PerSecond), pyFloat(s.FailuresPerSec)}, s.percentileFields()...))
	}
	c.Flush()
	return c.Error()
}

func (r *Run) writeHistory(w io.Writer) error {
	c := newCSV(w)
	names, _ := percentileColumns()
	header := append([]string{"Timestamp", "User Count", "Type", "Name", "Requests/s", "Failures/s"}, names...)
	c.Write(append(header, "Total Request Count", "Total Failure Count", "Total Median Response Time", "Total Average Response Time",
		"Total Min Response Time", "Total Max Response Time", "Total Average Content Size"))
	for _, h := range r.History {
		row := append([]string{strconv.FormatInt(h.At.Unix(), 10), itoa(h.User), h.Type, h.Name,
			fmt.Sprintf("%f", h.PerSecond), fmt.Sprintf("%f", h.FailuresPerSec)}, h.percentileFields()...)
		c.Write(append(row, itoa(h.Requests), itoa(h.Failures), h.median(), pyFloat(h.Average), h.bound(h.Min), h.bound(h.Max), h.size()))
	}
	c.Flush()
	return c.Error()
}

func (r *Run) writeFailures(w io.Writer) error {
	c := newCSV(w)
	c.Write([]string{"Method", "Name", "Error", "Occurrences"})
	for _, f := range r.Failures {
		c.Write([]string{f.Method, f.Name, f.Error, itoa(f.Occurrences)})
	}
	c.Flush()
	return c.Error()
}

func (r *Run) writeExceptions(w io.Writer) error {
	c := newCSV(w)
	c.Write([]string{"Count", "Message", "Traceback", "Nodes"})
	for _, e := range r.Exceptions {
		c.Write([]string{itoa(e.Count), e.Message, e.Traceback, e.Nodes})
	}
	c.Flush()
	return c.Error()
}

// An entry without requests has Python's integer 0 where others have floats.

func (s StatsRow) median() string { return s.bound(s.Median) }

func (s StatsRow) bound(v float64) string {
	if s.Requests == 0 {
		return "0"
	}
	return pyFloat(v)
}

func (s StatsRow) size() string { return s.bound(s.ContentSize) }

func (s StatsRow) percentileFields() []string {
	names, _ := percentileColumns()
	fields := make([]string, len(names))
	for i, name := range names {
		v, ok := s.Percentiles[name]
		if fields[i] = "N/A"; ok {
			fields[i] = strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	return fields
}
