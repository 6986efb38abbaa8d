package logs

import (
	"context"
	"time"

	"anthill/fault"
	"anthill/history"
)

// Line is one line of a function's output. Its fields are those of sandbox.Line.
type Line struct {
	Group, Stream string
	Account       string
	Region        string
	Time          time.Time
	Text          string
}

// Write takes lines in: groups and streams that are not there are made. It waits for no disk. Lines that find memory
// full, because the disk is full or stuck, are lost and counted in the platform's log.
func (s *Service) Write(lines []Line) {
	if len(lines) == 0 {
		return
	}
	now := s.millis()
	news := false
	s.mu.Lock()
	for i := range lines {
		l := &lines[i]
		if s.mu.pending+len(l.Text) > maxPending {
			s.mu.lost++
			continue
		}
		st := s.mu.newest
		if st == nil || !st.is(l) {
			st = s.streamForLocked(l)
			s.mu.newest = st
		}
		s.addLocked(st, Event{Time: l.Time, Ingested: now, Text: l.Text})
		if !st.dirty {
			st.dirty, news = true, true
			s.mu.dirty = append(s.mu.dirty, st)
		}
	}
	s.mu.Unlock()
	if !news {
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// is reports whether st is where l goes. Service.mu must be held.
func (st *stream) is(l *Line) bool {
	return st.Name == l.Stream && st.streamDoc.Group == l.Group && st.Account == l.Account && st.Region == l.Region && !st.gone && !st.group.gone
}

func (s *Service) streamForLocked(l *Line) *stream {
	p := Place{l.Account, l.Region}
	key := groupKey(p, l.Group)
	g := s.mu.groups[key]
	if g == nil {
		g = &group{Group: Group{Place: p, Name: l.Group, Created: s.millis(), Class: "STANDARD"}, streams: map[string]*stream{}}
		s.mu.groups[key] = g
	}
	st := g.streams[l.Stream]
	if st == nil {
		st = s.newStreamLocked(g, l.Stream)
		g.streams[l.Stream] = st
	}
	return st
}

// addLocked appends e to the stream's pending events.
func (s *Service) addLocked(st *stream, e Event) {
	st.Count++
	e.Pos = st.Count
	at := e.Millis()
	if at < st.Last {
		st.Disordered = true
	}
	if st.First == 0 || at < st.First {
		st.First = at
	}
	st.Last, st.Ingested = max(st.Last, at), e.Ingested
	st.pending = append(st.pending, e)
	s.mu.pending += len(e.Text)
}

// dropLocked forgets the first n pending events: they are in history, or nowhere any more.
func (s *Service) dropLocked(st *stream, n int) {
	for _, e := range st.pending[:n] {
		s.mu.pending -= len(e.Text)
	}
	if st.pending = st.pending[n:]; len(st.pending) == 0 {
		st.pending = nil
	}
}

// writeBehind moves pending lines to history until ctx ends, and then once more.
func (s *Service) writeBehind(ctx context.Context) {
	gather := behind
	for {
		select {
		case <-ctx.Done():
			s.writeDirty()
			return
		case <-s.wake:
		}
		select { // more lines will come in the same moment
		case <-ctx.Done():
		case <-time.After(gather):
		}
		streams, ok := s.writeDirty()
		gather = min(max(behind, time.Duration(streams)*perStream), behindMost)
		if !ok {
			select { // the disk refuses: ask again soon
			case <-ctx.Done():
			case <-time.After(time.Second):
				select {
				case s.wake <- struct{}{}:
				default:
				}
			}
		}
	}
}

// writeDirty writes every dirty stream, and gives how many those were and whether all could be written.
func (s *Service) writeDirty() (streams int, ok bool) {
	s.mu.Lock()
	dirty, lost := s.mu.dirty, s.mu.lost
	s.mu.dirty, s.mu.lost = nil, 0
	for _, st := range dirty {
		st.dirty = false
	}
	s.mu.Unlock()
	if lost > 0 {
		s.c.Log.Error("log lines were lost: memory for lines that wait for the disk is full", "lines", lost)
	}
	ok = true
	for _, st := range dirty {
		st.disk.Lock()
		err := s.flushStream(st, history.Behind)
		st.disk.Unlock()
		if err != nil {
			ok = false
			s.c.Log.Error("log lines could not be written and are kept in memory", "group", st.streamDoc.Group, "stream", st.Name, "err", err)
			s.mu.Lock()
			if !st.dirty {
				st.dirty = true
				s.mu.dirty = append(s.mu.dirty, st)
			}
			s.mu.Unlock()
		}
	}
	return len(dirty), ok
}

// flushStream writes the pending events of a stream with its document, and its group's when that is new. st.disk must be
// held; s.mu must not.
func (s *Service) flushStream(st *stream, d history.Durability) error {
	s.mu.Lock()
	newGroup := !st.group.kept
	s.mu.Unlock()
	if newGroup {
		s.definitions.Lock()
		defer s.definitions.Unlock()
	}
	s.mu.Lock()
	batch, doc, g := st.pending, st.streamDoc, st.group
	newGroup = !g.kept && !g.gone && newGroup
	groupDoc := g.Group.clone()
	gone := st.gone
	s.mu.Unlock()
	if gone || len(batch) == 0 {
		return nil
	}
	records := recordsOf(batch)
	also := s.streams.Write(st.key(), doc)
	var err error
	if newGroup {
		_, err = s.c.History.Append(context.Background(), st.history(), d, records, also, s.groups.Write(groupKey(g.Place, g.Name), groupDoc))
	} else {
		_, err = s.c.History.Append(context.Background(), st.history(), d, records, also)
	}
	if err != nil {
		return fault.In("logs.flush", err)
	}
	st.written = true
	s.mu.Lock()
	defer s.mu.Unlock()
	g.kept = g.kept || newGroup
	s.subscribedLocked(st, batch)
	s.dropLocked(st, len(batch))
	return nil
}

// recordsOf makes the records of events, in as few pieces of memory as that takes.
func recordsOf(events []Event) [][]byte {
	size := 0
	for i := range events {
		size += events[i].size()
	}
	records, b := make([][]byte, len(events)), make([]byte, 0, size)
	for i := range events {
		from := len(b)
		b = events[i].append(b)
		records[i] = b[from:len(b):len(b)]
	}
	return records
}

// Put flushes events to a stream, after what it may still have in memory. They must be in the order of their times.
func (s *Service) Put(p Place, group, name string, events []Event) error {
	const op = "logs.Put"
	s.mu.Lock()
	st, err := s.streamLocked(op, p, group, name)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	st.disk.Lock()
	defer st.disk.Unlock()
	s.mu.Lock()
	if st.gone {
		s.mu.Unlock()
		return missing(op, "log stream", name)
	}
	before, had := st.streamDoc, len(st.pending)
	now := s.millis()
	for _, e := range events {
		e.Ingested = now
		s.addLocked(st, e)
	}
	s.mu.Unlock()
	if err := s.flushStream(st, history.Flushed); err != nil {
		s.unput(st, before, had, len(events))
		return fault.In(op, err)
	}
	return nil
}

// unput takes back n events that could not be flushed and that stand after the first had pending ones.
func (s *Service) unput(st *stream, before streamDoc, had, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	later := st.pending[had+n:]
	for _, e := range st.pending[had:] {
		s.mu.pending -= len(e.Text)
	}
	st.pending, st.streamDoc = st.pending[:had:had], before
	for _, e := range later {
		s.addLocked(st, e)
	}
}
