package workflows

import (
	"sync"

	"anthill/asl/interp"
)

// eventRoom is where the events of one decision stand until they are written, and their records with them.
type eventRoom struct {
	events  []interp.Event
	used    int
	last    interp.Event // of those that were decided since it was taken
	bytes   []byte
	records [][]byte
}

const roomFor = 64 // events: more than most decisions give

// eventRooms are rooms that nobody uses: executions need them only while they are driven.
type eventRooms struct{ sync.Pool }

func newEventRooms() *eventRooms {
	return &eventRooms{sync.Pool{New: func() any { return &eventRoom{events: make([]interp.Event, roomFor)} }}}
}

// decide gives the events that follow from m. They are valid until the next decide or give.
func (r *eventRoom) decide(x *interp.Execution, m *message) []interp.Event {
	events := x.DecideInto(r.events, m.in, m.at)
	if len(events) > 0 {
		r.used = max(r.used, min(len(events), roomFor))
		r.last = events[len(events)-1]
	}
	return events
}

func (p *eventRooms) give(r *eventRoom) {
	clear(r.events[:r.used]) // nothing of an execution is kept alive by it
	r.used, r.last = 0, interp.Event{}
	clear(r.records)
	if r.bytes, r.records = r.bytes[:0], r.records[:0]; cap(r.bytes) > 64<<10 || cap(r.records) > 16*roomFor {
		r.bytes, r.records = nil, nil
	}
	p.Put(r)
}
