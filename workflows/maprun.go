package workflows

import (
	"strings"
	"time"

	"anthill/fault"
)

// MapRun is one run of a distributed Map state: its child executions, and how they fare.
type MapRun struct {
	ARN            string
	Execution      string // ARN of the execution whose state it is
	MachineARN     string // with the label: what the children run
	Started        time.Time
	Stopped        time.Time `json:",omitzero"`
	Status         Status
	MaxConcurrency int64
	ToleratedCount int64
	ToleratedShare float64 // percent
	Items          Counts
	Executions     Counts
	Redrives       int
	Redriven       time.Time `json:",omitzero"`
}

// Counts are items or child executions by how they stand.
type Counts struct{ Total, Pending, Running, Succeeded, Failed, TimedOut, Aborted, ResultsWritten int64 }

// add moves n items from one status to another; "" is pending.
func (c *Counts) add(from, to Status, n int64) {
	*c.of(from) -= n
	*c.of(to) += n
}

func (c *Counts) of(s Status) *int64 {
	switch s {
	case Running:
		return &c.Running
	case Succeeded:
		return &c.Succeeded
	case Failed:
		return &c.Failed
	case TimedOut:
		return &c.TimedOut
	case Aborted:
		return &c.Aborted
	}
	return &c.Pending
}

func (s *Service) keepMapRun(d MapRun) error {
	return s.c.Store.Commit(s.mapRunDocs.Write(d.ARN, d), s.mapRunsOf.Write(d.Execution+"\x01"+d.Started.UTC().Format(time.RFC3339Nano)+"\x01"+d.ARN, struct{}{}))
}

// MapRun finds a map run.
func (s *Service) MapRun(mapRunARN string) (*MapRun, error) {
	const op = "workflows.MapRun"
	if _, err := parseARN(op, mapRunARN, "mapRun"); err != nil {
		return nil, err
	}
	s.mu.RLock()
	m := s.mu.mapRuns[mapRunARN]
	s.mu.RUnlock()
	if m != nil {
		d := m.doc()
		return &d, nil
	}
	d, ok, err := s.mapRunDocs.Get(mapRunARN)
	if err != nil {
		return nil, fault.In(op, err)
	}
	if !ok {
		return nil, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "resource", Name: mapRunARN, Detail: "Resource not found: '" + mapRunARN + "'"}
	}
	return &d, nil
}

// MapRuns lists the map runs of an execution, oldest first.
func (s *Service) MapRuns(executionARN string) ([]*MapRun, error) {
	const op = "workflows.MapRuns"
	if _, err := s.Get(executionARN); err != nil {
		return nil, err
	}
	var out []*MapRun
	for d, err := range s.mapRunsOf.Scan(executionARN + "\x01") {
		if err != nil {
			return nil, fault.In(op, err)
		}
		m, err := s.MapRun(d.Key[strings.LastIndex(d.Key, "\x01")+1:])
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// MapRunLimits changes a map run that runs; nil leaves what is there.
type MapRunLimits struct {
	MaxConcurrency *int64
	ToleratedCount *int64
	ToleratedShare *float64
}

// UpdateMapRun changes the limits of a map run that runs.
func (s *Service) UpdateMapRun(mapRunARN string, l MapRunLimits) error {
	const op = "workflows.UpdateMapRun"
	if _, err := s.MapRun(mapRunARN); err != nil {
		return err
	}
	s.mu.RLock()
	m := s.mu.mapRuns[mapRunARN]
	s.mu.RUnlock()
	if m == nil {
		return nil // it has ended: AWS accepts and ignores
	}
	m.mu.Lock()
	if l.MaxConcurrency != nil {
		m.mu.doc.MaxConcurrency = *l.MaxConcurrency
	}
	if l.ToleratedCount != nil {
		m.mu.doc.ToleratedCount = *l.ToleratedCount
	}
	if l.ToleratedShare != nil {
		m.mu.doc.ToleratedShare = *l.ToleratedShare
	}
	d := m.mu.doc
	close(m.mu.wake)
	m.mu.wake = make(chan struct{})
	m.mu.Unlock()
	return fault.In(op, s.keepMapRun(d))
}
