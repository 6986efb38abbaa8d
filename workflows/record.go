package workflows

import (
	"encoding/binary"
	"time"

	"github.com/go-json-experiment/json"

	"anthill/asl/interp"
	"anthill/fault"
	"anthill/sandbox"
)

// The first byte of a record in an execution's stream says what it is.
const (
	eventRecord = 'E' // an interp.Event
	taskRecord  = 'T' // a TaskTrace, as JSON
	flushRecord = 'F' // the position of the last event of an earlier flush, and when it was durable (ns since 1970): two varints
)

// encode makes the records of events, and of what comes beside them.
func (r *run) encode(events []interp.Event, m message) [][]byte {
	out := make([][]byte, 0, len(events)+2)
	for i := range events {
		b := make([]byte, 1, 128)
		b[0] = eventRecord
		if events[i].Type.Enters() {
			r.s.transitions.Add(1)
		}
		out = append(out, events[i].Append(b))
	}
	if m.side != nil && len(events) > 0 {
		out = append(out, m.side)
	}
	return out
}

// eventOf reads a record; ok is false for records beside the events.
func eventOf(record []byte) (e interp.Event, ok bool, err error) {
	if len(record) == 0 || record[0] != eventRecord {
		return e, false, nil
	}
	e, err = interp.Decode(record[1:])
	if err != nil {
		return e, false, &fault.Error{Kind: fault.Internal, Noun: "history event", Reason: "damaged", Err: err}
	}
	return e, true, nil
}

// TaskTrace is what the platform knows of one attempt of a task. Instants are nanoseconds since 1970 by one machine's
// clock; zero means that it did not happen.
type TaskTrace struct {
	Task      uint64 `json:"-"` // the position of its *Scheduled event
	Scheduled int64  `json:"scheduledEventId"`
	State     string `json:"state"`
	RequestID string `json:"requestId,omitempty"`
	Start     string `json:"start,omitempty"`
	Queued    int64  `json:"queued"`
	Sent      int64  `json:"sent"`
	Entered   int64  `json:"entered"`
	Returned  int64  `json:"returned"`
	Received  int64  `json:"received"`
}

// storedTrace is TaskTrace in a record.
type storedTrace struct {
	Task      uint64          `json:"t"`
	State     string          `json:"s"`
	RequestID string          `json:"r"`
	Start     sandbox.Start   `json:"k"`
	Phases    *sandbox.Phases `json:"p"`
}

func encodeTrace(t *Task, start sandbox.Start, p *sandbox.Phases) []byte {
	b, err := json.Marshal(storedTrace{t.RunTask.Task, t.State, t.RequestID, start, p})
	if err != nil {
		return nil // the instants are lost, the task is not
	}
	return append([]byte{taskRecord}, b...)
}

// marks are the instants at which flushes ended, which are written with the next flush.
type marks struct {
	seq uint64
	at  int64
}

func (m *marks) flushed(seq uint64) { m.seq, m.at = seq, time.Now().UnixNano() }

// with adds the mark that is due to records.
func (m *marks) with(records [][]byte) [][]byte {
	if m.at == 0 {
		return records
	}
	b := make([]byte, 1, 20)
	b[0] = flushRecord
	b = binary.AppendUvarint(b, m.seq)
	b = binary.AppendUvarint(b, uint64(m.at))
	m.at = 0
	return append(records, b)
}

func decodeMark(record []byte) (seq uint64, at int64, ok bool) {
	seq, n := binary.Uvarint(record[1:])
	if n <= 0 {
		return 0, 0, false
	}
	ns, k := binary.Uvarint(record[1+n:])
	return seq, int64(ns), k > 0
}
