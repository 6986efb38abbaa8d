package workflows

import (
	"encoding/binary"
	"time"

	"github.com/go-json-experiment/json"

	"anthill/asl/interp"
	"anthill/fault"
	"anthill/sandbox"
	"anthill/value"
)

// The first byte of a record in an execution's stream says what it is.
const (
	eventRecord = 'E' // an interp.Event
	taskRecord  = 't' // a TaskTrace
	flushRecord = 'F' // the position of the last event of an earlier flush, and when it was durable (ns since 1970): two varints

	oldTaskRecord = 'T' // a TaskTrace as JSON, as it was once written
)

// eventSize is what most events take as a record at the most, their payloads left out.
const eventSize = 384

// encode adds to records those of events, and of what comes beside them. They stand in room until it is given back. Those of
// an Express execution are kept instead, since they are written when it ends.
func (r *run) encode(room *eventRoom, records [][]byte, events []interp.Event, m *message) [][]byte {
	express := r.e.Type == Express
	for i := range events {
		if events[i].Type.Enters() {
			r.s.transitions.Add(1)
		}
		size := eventSize
		if k := events[i].Payload.Kind(); k == value.Object || k == value.Array {
			size += len(events[i].Payload.Raw())
		}
		space := &room.bytes
		if express {
			space = r.kept.space(size)
		}
		b := *space
		if cap(b)-len(b) < size { // what there is stays where it is
			b = make([]byte, 0, max(min(2*cap(b), 32<<10), 4*size))
		}
		from := len(b)
		b = events[i].Append(append(b, eventRecord))
		*space = b
		if express {
			r.kept.sizes = append(r.kept.sizes, int32(len(b)-from))
			continue
		}
		records = append(records, b[from:len(b):len(b)])
	}
	if m.side == nil || len(events) == 0 {
		return records
	}
	if !express {
		return append(records, m.side)
	}
	space := r.kept.space(len(m.side))
	*space = append(*space, m.side...)
	r.kept.sizes = append(r.kept.sizes, int32(len(m.side)))
	return records
}

// kept is records in few pieces of memory, in their order, none of them in two.
type kept struct {
	pieces [][]byte
	sizes  []int32
}

// space gives the piece for one more record of at least size bytes.
func (k *kept) space(size int) *[]byte {
	last := len(k.pieces) - 1
	if last < 0 || cap(k.pieces[last])-len(k.pieces[last]) < size {
		next := 1 << 10
		if last >= 0 {
			next = min(2*cap(k.pieces[last]), 32<<10)
		}
		k.pieces = append(k.pieces, make([]byte, 0, max(next, 2*size)))
		last++
	}
	return &k.pieces[last]
}

// records gives them one by one.
func (k *kept) records() [][]byte {
	records, piece, at := make([][]byte, len(k.sizes)), 0, 0
	for i, size := range k.sizes {
		for at == len(k.pieces[piece]) {
			piece, at = piece+1, 0
		}
		end := at + int(size)
		records[i] = k.pieces[piece][at:end:end]
		at = end
	}
	return records
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

// traceOf reads a record of either kind; ok is false for one that cannot be read.
func traceOf(record []byte) (t TaskTrace, ok bool) {
	if record[0] == oldTaskRecord {
		var old struct {
			Task      uint64         `json:"t"`
			State     string         `json:"s"`
			RequestID string         `json:"r"`
			Start     string         `json:"k"`
			Phases    sandbox.Phases `json:"p"`
		}
		if json.Unmarshal(record[1:], &old) != nil {
			return t, false
		}
		p := &old.Phases
		return TaskTrace{Task: old.Task, State: old.State, RequestID: old.RequestID, Start: old.Start,
			Queued: p.Queued, Sent: p.Sent, Entered: p.Entered, Returned: p.Returned, Received: p.Received}, true
	}
	b := record[1:]
	number := func() int64 {
		v, n := binary.Varint(b)
		if n <= 0 {
			n, b = 0, nil
		}
		b = b[n:]
		return v
	}
	t.Task = uint64(number())
	for _, text := range []*string{&t.State, &t.RequestID, &t.Start} {
		n := number()
		if n < 0 || n > int64(len(b)) {
			return t, false
		}
		*text, b = string(b[:n]), b[n:]
	}
	t.Queued = number()
	for _, at := range []*int64{&t.Sent, &t.Entered, &t.Returned, &t.Received} {
		if v := number(); v != 0 {
			*at = t.Queued + v
		}
	}
	return t, b != nil
}

// encodeTrace makes the record of an attempt: its numbers are varints, its texts follow their lengths, and its instants
// are relative to the first, 0 when they did not happen.
func encodeTrace(t *Task, start sandbox.Start, p *sandbox.Phases) []byte {
	b := make([]byte, 1, 64+len(t.State)+len(t.RequestID))
	b[0] = taskRecord
	b = binary.AppendVarint(b, int64(t.RunTask.Task))
	for _, text := range []string{t.State, t.RequestID, string(start)} {
		b = binary.AppendVarint(b, int64(len(text)))
		b = append(b, text...)
	}
	b = binary.AppendVarint(b, p.Queued)
	for _, at := range []int64{p.Sent, p.Entered, p.Returned, p.Received} {
		if at != 0 {
			at -= p.Queued
		}
		b = binary.AppendVarint(b, at)
	}
	return b
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
