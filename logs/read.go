package logs

import (
	"container/heap"
	"iter"
	"slices"
	"sort"
	"strings"
	"time"
)

// snapshot is a stream as a reader sees it: what was there when it began.
type snapshot struct {
	s          *Service
	st         *stream
	durable    uint64
	pending    []Event
	disordered bool
}

func (s *Service) snapshotLocked(st *stream) snapshot {
	return snapshot{s, st, st.durable(), st.pending[:len(st.pending):len(st.pending)], st.Disordered}
}

func (v *snapshot) count() uint64 { return v.durable + uint64(len(v.pending)) }

// from ranges over the events from position pos on, as they came.
func (v *snapshot) from(pos uint64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		pos := max(pos, 1)
		if pos <= v.durable {
			for h, err := range v.s.c.History.Read(v.st.history(), pos) {
				if h.Pos > v.durable {
					break
				}
				var e Event
				if err == nil {
					e, err = parseEvent(h)
				}
				if !yield(e, err) || err != nil {
					return
				}
			}
			pos = v.durable + 1
		}
		for i := pos - v.durable - 1; i < uint64(len(v.pending)); i++ {
			if !yield(v.pending[i], nil) {
				return
			}
		}
	}
}

// seek is a position before which no event is as young as millis: that of the first that is, unless the stream is
// disordered. It searches as in a sorted list, so that who reads a page does not read those before it.
func (v *snapshot) seek(millis int64) (uint64, error) {
	if v.disordered || millis <= 0 {
		return 1, nil
	}
	lo, hi := uint64(1), v.count()+1
	for lo < hi {
		batch, err := v.around(lo + (hi-lo)/2)
		if err != nil {
			return 0, err
		}
		young := sort.Search(len(batch), func(i int) bool { return batch[i].Millis() >= millis })
		switch young {
		case 0:
			hi = batch[0].Pos
		case len(batch):
			lo = batch[len(batch)-1].Pos + 1
		default:
			return batch[young].Pos, nil
		}
	}
	return lo, nil
}

// around gives the event at position pos, which there is, with those that are read at the same cost.
func (v *snapshot) around(pos uint64) ([]Event, error) {
	if pos > v.durable {
		return v.pending, nil
	}
	records, err := v.s.c.History.Batch(v.st.history(), pos)
	if err != nil {
		return nil, err
	}
	batch := make([]Event, 0, len(records))
	for _, h := range records {
		e, err := parseEvent(h)
		if err != nil {
			return nil, err
		}
		batch = append(batch, e)
	}
	return batch, nil
}

// ordered ranges over the events in the order of their times, from the pos-th of that order on. It tells each event's
// place in the order.
func (v *snapshot) ordered(pos uint64) iter.Seq2[uint64, result] {
	return func(yield func(uint64, result) bool) {
		if !v.disordered {
			for e, err := range v.from(pos) {
				if !yield(e.Pos, result{e, err}) {
					return
				}
			}
			return
		}
		all := make([]Event, 0, v.count())
		for e, err := range v.from(1) {
			if err != nil {
				yield(0, result{err: err})
				return
			}
			all = append(all, e)
		}
		slices.SortStableFunc(all, func(a, b Event) int { return a.Time.Compare(b.Time) })
		for i := max(pos, 1) - 1; i < uint64(len(all)); i++ {
			if !yield(i+1, result{all[i], nil}) {
				return
			}
		}
	}
}

type result struct {
	Event
	err error
}

// Range is a span of time and a number of events.
type Range struct {
	Start int64 // milliseconds since 1970, included; 0 means the beginning
	End   int64 // excluded; 0 means no end
	Limit int   // 0 means 10,000
}

// maxEvents and maxBytes bound one answer, as at AWS.
const (
	maxEvents = 10_000
	maxBytes  = 1 << 20
)

func (r Range) limit() int {
	if r.Limit == 0 {
		return maxEvents
	}
	return r.Limit
}

// ended reports whether neither an event of that time nor any after it belongs to r.
func (r Range) ended(at int64) bool { return r.End != 0 && at >= r.End }

func (r Range) holds(at int64) bool { return at >= r.Start && (r.End == 0 || at < r.End) }

// Page is events of one stream, and where the pages after and before it begin.
type Page struct {
	Events []Event
	Next   uint64 // place, in the order of time, of the first event after the page
	Prev   uint64 // and of the page's first
}

// Get reads one page of a stream. forward pages begin at place from (1 is the first), others end before it; 0 is the
// first page in that direction.
func (s *Service) Get(p Place, group, name string, r Range, from uint64, forward bool) (Page, error) {
	const op = "logs.Get"
	s.mu.Lock()
	st, err := s.streamLocked(op, p, group, name)
	if err != nil {
		s.mu.Unlock()
		return Page{}, err
	}
	v := s.snapshotLocked(st)
	r.Start = max(r.Start, s.horizon(&st.group.Group))
	s.mu.Unlock()
	if forward {
		return v.forward(r, max(from, 1))
	}
	if from == 0 {
		from = v.count() + 1
	}
	return v.backward(r, from)
}

func (v *snapshot) forward(r Range, from uint64) (Page, error) {
	page, size := Page{Next: from, Prev: from}, 0
	start, err := v.seek(r.Start)
	if err != nil {
		return page, err
	}
	for place, e := range v.ordered(max(from, start)) {
		if e.err != nil {
			return page, e.err
		}
		if r.ended(e.Millis()) {
			break
		}
		if r.holds(e.Millis()) {
			if size += len(e.Text) + 26; len(page.Events) >= r.limit() || size > maxBytes && len(page.Events) > 0 {
				return page, nil
			}
			if len(page.Events) == 0 {
				page.Prev = place
			}
			page.Events = append(page.Events, e.Event)
		}
		page.Next = place + 1
	}
	return page, nil
}

// backward reads from the beginning and keeps the last events before the given place: the order of time can only be
// read forwards.
func (v *snapshot) backward(r Range, before uint64) (Page, error) {
	page, size := Page{Next: before, Prev: before}, 0
	var places []uint64
	first := uint64(1)
	if n := uint64(r.limit()); !v.disordered && r.End == 0 && before > n {
		first = before - n // those that are too old are left out
	} else if start, err := v.seek(r.Start); err != nil {
		return page, err
	} else {
		first = start
	}
	for place, e := range v.ordered(first) {
		if e.err != nil {
			return page, e.err
		}
		if place >= before || r.ended(e.Millis()) {
			break
		}
		if !r.holds(e.Millis()) {
			continue
		}
		page.Events, places = append(page.Events, e.Event), append(places, place)
		size += len(e.Text) + 26
		for len(page.Events) > r.limit() || size > maxBytes && len(page.Events) > 1 {
			size -= len(page.Events[0].Text) + 26
			page.Events, places = page.Events[1:], places[1:]
		}
	}
	if len(places) > 0 {
		page.Prev, page.Next = places[0], places[len(places)-1]+1
	}
	return page, nil
}

// Found is an event with its stream.
type Found struct {
	Event
	Stream string
}

// Cursor is the place between two events of a group: after all events before it.
type Cursor struct {
	At     int64 // nanoseconds since 1970
	Stream string
	Pos    uint64
}

func (c Cursor) compare(d Cursor) int {
	switch {
	case c.At != d.At:
		return int(min(max(c.At-d.At, -1), 1))
	case c.Stream != d.Stream:
		return strings.Compare(c.Stream, d.Stream)
	default:
		return int(min(max(int64(c.Pos)-int64(d.Pos), -1), 1))
	}
}

// Filter reads the events of a group in the order of their times, of all streams or of those that want accepts, that
// match, after the given place. more tells whether there are others, after next.
func (s *Service) Filter(p Place, group string, want func(stream string) bool, match func(text string) bool, r Range, after Cursor) (found []Found, next Cursor, more bool, err error) {
	s.mu.Lock()
	g, err := s.groupLocked("logs.Filter", p, group)
	if err != nil {
		s.mu.Unlock()
		return nil, after, false, err
	}
	r.Start = max(r.Start, s.horizon(&g.Group), time.Unix(0, after.At).UnixMilli())
	var views []snapshot
	for name, st := range g.streams {
		if st.Count > 0 && want(name) && st.Last >= r.Start && (r.End == 0 || st.First < r.End) {
			views = append(views, s.snapshotLocked(st))
		}
	}
	s.mu.Unlock()
	size := 0
	for e, err := range merge(views, r.Start) {
		if err != nil {
			return nil, after, false, err
		}
		if r.ended(e.Millis()) {
			break
		}
		at := Cursor{e.Time.UnixNano(), e.Stream, e.Pos}
		if at.compare(after) <= 0 || !r.holds(e.Millis()) || !match(e.Text) {
			continue
		}
		if size += len(e.Text) + 26; len(found) >= r.limit() || size > maxBytes && len(found) > 0 {
			return found, next, true, nil
		}
		found, next = append(found, e), at
	}
	return found, next, false, nil
}

// merge ranges over the events of several streams in the order of their times, and leaves out most that are older than
// start, in milliseconds since 1970.
func merge(views []snapshot, start int64) iter.Seq2[Found, error] {
	return func(yield func(Found, error) bool) {
		var h heads
		for i := range views {
			first, err := views[i].seek(start)
			if err != nil {
				yield(Found{}, err)
				return
			}
			next, stop := iter.Pull2(views[i].ordered(first))
			defer stop()
			hd := &head{name: views[i].st.Name, next: next}
			if hd.advance() {
				h = append(h, hd)
			}
		}
		heap.Init(&h)
		for len(h) > 0 {
			first := h[0]
			if !yield(Found{first.current.Event, first.name}, first.current.err) || first.current.err != nil {
				return
			}
			if first.advance() {
				heap.Fix(&h, 0)
			} else {
				heap.Pop(&h)
			}
		}
	}
}

// head is a stream of which the next event is known.
type head struct {
	name    string
	next    func() (uint64, result, bool)
	current result
}

func (h *head) advance() bool {
	_, e, ok := h.next()
	h.current = e
	return ok
}

func (h *head) cursor() Cursor {
	return Cursor{h.current.Time.UnixNano(), h.name, h.current.Pos}
}

// heads is a heap of streams by their next event.
type heads []*head

func (h heads) Len() int           { return len(h) }
func (h heads) Less(i, j int) bool { return h[i].cursor().compare(h[j].cursor()) < 0 }
func (h heads) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *heads) Push(x any)        { *h = append(*h, x.(*head)) }
func (h *heads) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
