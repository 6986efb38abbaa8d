package history

import (
	"bytes"
	"iter"

	"anthill/fault"
)

// Read ranges over the events of s from position from (1 is the first; 0 too). It ends at the last event there was when
// the loop began. An error comes last, with a zero Event. The caller owns the events.
func (l *Log) Read(s Stream, from uint64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		err := l.walk(s, from, false, func(e Event) bool { return yield(e, nil) })
		if err != nil {
			yield(Event{}, fault.In("history.Read", err))
		}
	}
}

// ReadBack ranges over the events of s from the last to the first.
func (l *Log) ReadBack(s Stream) iter.Seq2[Event, error] { return l.ReadBackFrom(s, 0) }

// ReadBackFrom is ReadBack that begins at position from instead of the last; 0 is the last.
func (l *Log) ReadBackFrom(s Stream, from uint64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		err := l.walk(s, from, true, func(e Event) bool { return yield(e, nil) })
		if err != nil {
			yield(Event{}, fault.In("history.ReadBack", err))
		}
	}
}

// Batch gives the events that were appended together with the one at position pos of s, in order and with it. It gives none
// when there is no such position.
func (l *Log) Batch(s Stream, pos uint64) ([]Event, error) {
	const op = "history.Batch"
	last, err := l.last(s)
	if err != nil || pos == 0 || pos > last {
		return nil, fault.In(op, err)
	}
	lo, hi := span(s)
	c, err := l.db.Cursor(lo, hi)
	if err != nil {
		return nil, fault.In(op, err)
	}
	defer c.Close()
	if !c.SeekLT(recordKey(s, pos+1)) {
		return nil, fault.In(op, c.Err())
	}
	first := positionOf(c.Pair().Key)
	records, err := decodeRecord(c.Pair().Key, bytes.Clone(c.Pair().Value))
	if err != nil {
		return nil, fault.In(op, damaged(s, first, err))
	}
	events := make([]Event, 0, len(records))
	for i, data := range records {
		events = append(events, Event{first + uint64(i), data})
	}
	return events, nil
}

// walk gives each visible event of s to visit until it returns false.
func (l *Log) walk(s Stream, from uint64, backward bool, visit func(Event) bool) error {
	last, err := l.last(s)
	if err != nil || last == 0 || from > last && !backward {
		return err
	}
	if backward && from != 0 {
		last, from = min(last, from), 0
	}
	lo, hi := span(s)
	c, err := l.db.Cursor(lo, hi)
	if err != nil {
		return err
	}
	defer c.Close()
	var ok bool
	step := c.Next
	switch {
	case backward:
		ok, step = c.SeekLT(recordKey(s, last+1)), c.Prev
	case from <= 1:
		ok = c.First()
	default: // the record that holds from begins at it or before it
		ok = c.SeekLT(recordKey(s, from+1))
	}
	for ; ok; ok = step() {
		p := c.Pair()
		first := positionOf(p.Key)
		events, err := decodeRecord(p.Key, bytes.Clone(p.Value))
		if err != nil {
			return damaged(s, first, err)
		}
		for i := range events {
			at := i
			if backward {
				at = len(events) - 1 - i
			}
			pos := first + uint64(at)
			if pos < from || pos > last {
				continue
			}
			if !visit(Event{pos, events[at]}) {
				return nil
			}
		}
	}
	return c.Err()
}
