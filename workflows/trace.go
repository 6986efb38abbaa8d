package workflows

import (
	"github.com/go-json-experiment/json"

	"anthill/asl/interp"
	"anthill/fault"
)

// Event is one event of an execution's history. Its Type's String is AWS's name.
type Event = interp.Event

// History asks for events of an execution.
type History struct {
	Execution string // ARN
	Reverse   bool
	Limit     int    // 0 means 100
	After     string // the token of the page before
}

// Events gives the events that AWS shows, and the token of the next page, "" for none.
func (s *Service) Events(h History) (page []Event, next string, err error) {
	const op = "workflows.Events"
	e, err := s.Get(h.Execution)
	if err != nil {
		return nil, "", err
	}
	if h.Limit <= 0 {
		h.Limit = 100
	}
	from := uint64(0)
	if h.After != "" {
		if from, err = positionOf(h); err != nil {
			return nil, "", err
		}
	}
	read := s.c.History.Read
	if h.Reverse {
		read = s.c.History.ReadBackFrom
	}
	for rec, err := range read(e.stream(), from) {
		if err != nil {
			return nil, "", fault.In(op, err)
		}
		ev, ok, err := eventOf(rec.Data)
		if err != nil {
			return nil, "", fault.In(op, err)
		}
		if !ok || ev.Type.Hidden() {
			continue
		}
		if len(page) == h.Limit {
			return page, tokenAt(h, rec.Pos), nil
		}
		page = append(page, ev)
	}
	return page, "", nil
}

// cursor is what a page token of Events holds.
type cursor struct {
	Execution string
	Reverse   bool
	Pos       uint64
}

func tokenAt(h History, pos uint64) string {
	b, _ := json.Marshal(cursor{h.Execution, h.Reverse, pos}) // a struct of plain fields has no error
	return sealToken(string(b))
}

func positionOf(h History) (uint64, error) {
	text, ok := openToken(h.After)
	var c cursor
	if !ok || json.Unmarshal([]byte(text), &c) != nil || c.Execution != h.Execution || c.Reverse != h.Reverse {
		return 0, badToken("workflows.Events")
	}
	return c.Pos, nil
}

// Trace is one execution with every instant that is known of it, in nanoseconds since 1970. As JSON it is the answer of
// GET /_anthill/executions/{arn}/trace.
type Trace struct {
	ExecutionARN    string       `json:"executionArn"`
	StateMachineARN string       `json:"stateMachineArn"`
	Name            string       `json:"name"`
	Type            Type         `json:"type"`
	Status          Status       `json:"status"`
	Events          []TraceEvent `json:"events"`
	Tasks           []TaskTrace  `json:"tasks"`
}

// TraceEvent is one event of a Trace.
type TraceEvent struct {
	ID       int64  `json:"id"`
	Previous int64  `json:"previousEventId"`
	Type     string `json:"type"`
	State    string `json:"state,omitempty"`
	Instant  int64  `json:"instant"`           // when it was decided or, for TaskStarted, happened
	Durable  int64  `json:"durable,omitempty"` // when its flush had ended; the last flush of an execution is not recorded
}

// Trace gives every instant of an execution. Events of one decision share an instant and a flush.
func (s *Service) Trace(executionARN string) (*Trace, error) {
	const op = "workflows.Trace"
	e, err := s.traced(executionARN)
	if err != nil {
		return nil, err
	}
	t := &Trace{ExecutionARN: e.ARN, StateMachineARN: e.MachineARN, Name: e.Name, Type: e.Type, Status: e.Status, Events: []TraceEvent{}, Tasks: []TaskTrace{}}
	var seqs []uint64                                     // of t.Events
	ids, states := map[uint64]int64{}, map[int64]string{} // event ids by position; states by event id
	undated := 0                                          // the first event of t.Events without Durable
	for rec, err := range s.c.History.Read(e.stream(), 1) {
		if err != nil {
			return nil, fault.In(op, err)
		}
		switch rec.Data[0] {
		case taskRecord, oldTaskRecord:
			if task, ok := traceOf(rec.Data); ok {
				task.Scheduled = ids[task.Task]
				t.Tasks = append(t.Tasks, task)
			}
		case flushRecord:
			seq, at, ok := decodeMark(rec.Data)
			for ; ok && undated < len(seqs) && seqs[undated] <= seq; undated++ {
				t.Events[undated].Durable = at
			}
		case eventRecord:
			ev, _, err := eventOf(rec.Data)
			if err != nil {
				return nil, fault.In(op, err)
			}
			if ev.Type.Hidden() {
				continue
			}
			ids[ev.Seq] = ev.ID
			state := ev.Name
			if state == "" {
				state = states[ev.Prev]
			}
			states[ev.ID] = state
			seqs = append(seqs, ev.Seq)
			t.Events = append(t.Events, TraceEvent{ID: ev.ID, Previous: ev.Prev, Type: ev.Type.String(), State: state, Instant: ev.Time.UnixNano()})
		}
	}
	if e.Type == Express && len(t.Events) == 0 {
		return nil, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "execution", Name: executionARN, Detail: "Execution Does Not Exist: '" + executionARN + "'"}
	}
	return t, nil
}

// traced finds what a trace is about. Express executions have no document; their events are in history all the same, once
// they have ended.
func (s *Service) traced(executionARN string) (*Execution, error) {
	a, err := parseARN("workflows.Trace", executionARN, "execution", "express")
	if err != nil {
		return nil, err
	}
	parts := a.Split()
	if parts[0] != "express" || len(parts) < 3 {
		return s.Get(executionARN)
	}
	e := &Execution{ARN: executionARN, Name: parts[2], MachineName: parts[1], Type: Express, Status: Running}
	e.MachineARN = resource(Scope{a.Account, a.Region}, "stateMachine", parts[1])
	for rec, err := range s.c.History.ReadBack(e.stream()) {
		if err != nil {
			return nil, fault.In("workflows.Trace", err)
		}
		ev, ok, err := eventOf(rec.Data)
		if err != nil {
			return nil, fault.In("workflows.Trace", err)
		}
		if !ok {
			continue
		}
		switch ev.Type {
		case interp.ExecutionSucceeded:
			e.Status = Succeeded
		case interp.ExecutionFailed:
			e.Status = Failed
		case interp.ExecutionTimedOut:
			e.Status = TimedOut
		case interp.ExecutionAborted:
			e.Status = Aborted
		}
		break
	}
	return e, nil
}
