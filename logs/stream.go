package logs

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"anthill/arn"
	"anthill/fault"
	"anthill/history"
)

// streamDoc is a log stream's definition and what describes its events.
type streamDoc struct {
	Place
	Group, Name string
	ID          string // tells it from others of the same name, before and after
	Created     int64  // milliseconds since 1970, like the other times
	First, Last int64  // of the events' own times
	Ingested    int64  // when the last event came
	Count       uint64
	Disordered  bool // some event is older than one before it
}

// stream is a log stream.
type stream struct {
	group *group
	disk  sync.Mutex // held while events go to history, and before Service.definitions and Service.mu

	written bool // guarded by disk: its document went with events

	// Guarded by Service.mu:
	streamDoc
	pending []Event // not in history yet; Count holds them already
	dirty   bool    // it is in Service.mu.dirty
	gone    bool    // it was deleted
}

func (st *stream) key() string { return streamKey(st.Place, st.streamDoc.Group, st.Name) + ":" + st.ID }

func (st *stream) history() history.Stream { return history.Stream("logs/" + st.key()) }

// durable is how many events are in history. Service.mu must be held.
func (st *stream) durable() uint64 { return st.Count - uint64(len(st.pending)) }

// Stream is what describes a log stream.
type Stream struct {
	Name        string
	ARN         string
	Created     int64 // milliseconds since 1970, like the other times
	First, Last int64 // of the oldest and the newest event; 0 without events
	Ingested    int64 // when the last event came
	Count       uint64
}

func (st *stream) describe() Stream {
	return Stream{Name: st.Name, ARN: arn.New("logs", st.Region, st.Account, "log-group:"+st.streamDoc.Group+":log-stream:"+st.Name).String(),
		Created: st.Created, First: st.First, Last: st.Last, Ingested: st.Ingested, Count: st.Count}
}

// CreateStream makes an empty stream.
func (s *Service) CreateStream(p Place, group, name string) error {
	const op = "logs.CreateStream"
	s.mu.Lock()
	g, err := s.groupLocked(op, p, group)
	if err == nil && g.streams[name] != nil {
		err = exists(op, "log stream", name)
	}
	if err != nil {
		s.mu.Unlock()
		return err
	}
	st := s.newStreamLocked(g, name)
	doc := st.streamDoc
	g.streams[name] = st
	s.mu.Unlock()
	st.disk.Lock()
	defer st.disk.Unlock()
	if st.written {
		return nil // with its first events
	}
	if err := s.streams.Put(st.key(), doc); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if g.streams[name] == st && st.Count == 0 {
			s.mu.newest = nil
			delete(g.streams, name)
		}
		return fault.In(op, err)
	}
	return nil
}

func (s *Service) newStreamLocked(g *group, name string) *stream {
	s.mu.serial++
	return &stream{group: g, streamDoc: streamDoc{Place: g.Place, Group: g.Name, Name: name, Created: s.millis(),
		ID: strconv.FormatInt(s.c.Now().UnixNano(), 36) + "-" + strconv.Itoa(s.mu.serial)}}
}

// DeleteStream forgets a stream with its events.
func (s *Service) DeleteStream(p Place, group, name string) error {
	const op = "logs.DeleteStream"
	s.mu.Lock()
	st, err := s.streamLocked(op, p, group, name)
	if err == nil {
		s.mu.newest = nil
		delete(st.group.streams, name)
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return fault.In(op, s.forget(st))
}

func (s *Service) streamLocked(op string, p Place, group, name string) (*stream, error) {
	g, err := s.groupLocked(op, p, group)
	if err != nil {
		return nil, err
	}
	st := g.streams[name]
	if st == nil {
		return nil, missing(op, "log stream", name)
	}
	return st, nil
}

// Streams gives the streams of a group whose name begins with prefix, by name, or, when byTime is set, by the time of
// their last event.
func (s *Service) Streams(p Place, group, prefix string, byTime bool) ([]Stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.groupLocked("logs.Streams", p, group)
	if err != nil {
		return nil, err
	}
	var out []Stream
	for name, st := range g.streams {
		if strings.HasPrefix(name, prefix) {
			out = append(out, st.describe())
		}
	}
	slices.SortFunc(out, func(a, b Stream) int {
		if byTime && a.Last != b.Last {
			return int(min(max(a.Last-b.Last, -1), 1))
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out, nil
}

// Event is one log event.
type Event struct {
	Pos      uint64 // in its stream, from 1
	Time     time.Time
	Ingested int64 // milliseconds since 1970
	Text     string
}

// Millis is the event's time as CloudWatch shows it.
func (e *Event) Millis() int64 { return e.Time.UnixMilli() }

// eventFormat is the first byte of an event's record: its time in nanoseconds since 1970 and the milliseconds until it
// came, as varints, and its text.
const eventFormat = 1

// size is what a record takes at the most.
func (e *Event) size() int { return 1 + 2*binary.MaxVarintLen64 + len(e.Text) }

func (e *Event) append(b []byte) []byte {
	b = append(b, eventFormat)
	b = binary.AppendVarint(b, e.Time.UnixNano())
	b = binary.AppendVarint(b, e.Ingested-e.Millis())
	return append(b, e.Text...)
}

func parseEvent(h history.Event) (Event, error) {
	bad := &fault.Error{Kind: fault.Internal, Op: "logs.parseEvent", Noun: "log event", Detail: "an event's record cannot be read"}
	if len(h.Data) == 0 || h.Data[0] != eventFormat {
		return Event{}, bad
	}
	nanos, n := binary.Varint(h.Data[1:])
	if n <= 0 {
		return Event{}, bad
	}
	delay, k := binary.Varint(h.Data[1+n:])
	if k <= 0 {
		return Event{}, bad
	}
	e := Event{Pos: h.Pos, Time: time.Unix(0, nanos), Text: string(h.Data[1+n+k:])}
	e.Ingested = e.Millis() + delay
	return e, nil
}
