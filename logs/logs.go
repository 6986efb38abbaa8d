package logs

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"anthill/fault"
	"anthill/history"
	"anthill/store"
)

// Config says what a Service stands on.
type Config struct {
	Store   *store.Store
	History *history.Log

	// Deliver hands a batch of a subscription to a function: payload is the event {"awslogs": {"data": …}}. Nil refuses
	// subscriptions.
	Deliver func(ctx context.Context, account, region, functionARN string, payload []byte) error

	// Log gets our own trouble. Nil means slog.Default().
	Log *slog.Logger

	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// Place is where groups live.
type Place struct{ Account, Region string }

// Service is every log group.
type Service struct {
	c        Config
	groups   *store.Collection[Group]
	streams  *store.Collection[streamDoc]
	policies *store.Collection[Policy]

	// definitions is held while a group's document changes, after stream.disk and before mu, so that Write, which takes
	// mu only, waits for no disk.
	definitions sync.Mutex

	mu struct {
		sync.Mutex
		serial  int               // of streams that were made
		groups  map[string]*group // by groupKey
		newest  *stream           // that lines were written to
		dirty   []*stream         // with pending lines, each once
		pending int               // bytes of lines in memory
		lost    int               // lines that found no room
		queries map[string]*Query // by id; they do not survive a restart
	}
	wake    chan struct{} // capacity 1: there are dirty streams
	deliver chan delivery
	stop    context.CancelFunc
	wg      sync.WaitGroup
}

// Bounds of what waits in memory.
const (
	maxPending = 64 << 20               // bytes of lines that a full or slow disk may leave in memory
	behind     = 50 * time.Millisecond  // how long lines gather before they are written
	perStream  = time.Millisecond       // and for how much longer when there are many streams, each of which is a write of its own
	behindMost = 100 * time.Millisecond // docs/operating.md says so
)

// Open reads the definitions and starts the writer. The writer ends with Close.
func Open(_ context.Context, c Config) (*Service, error) {
	const op = "logs.Open"
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	s := &Service{c: c, groups: store.Of[Group](c.Store, "log-groups"), streams: store.Of[streamDoc](c.Store, "log-streams"),
		policies: store.Of[Policy](c.Store, "log-policies"), wake: make(chan struct{}, 1), deliver: make(chan delivery, 1024)}
	s.mu.groups, s.mu.queries = map[string]*group{}, map[string]*Query{}
	for d, err := range s.groups.Scan("") {
		if err != nil {
			return nil, fault.In(op, err)
		}
		s.mu.groups[d.Key] = &group{Group: d.Doc, streams: map[string]*stream{}, kept: true}
	}
	for d, err := range s.streams.Scan("") {
		if err != nil {
			return nil, fault.In(op, err)
		}
		if g := s.mu.groups[groupKey(d.Doc.Place, d.Doc.Group)]; g != nil {
			g.streams[d.Doc.Name] = &stream{group: g, streamDoc: d.Doc}
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.wg.Go(func() { s.writeBehind(ctx) })
	s.wg.Go(func() { s.deliverAll(ctx) })
	return s, nil
}

// Close writes what is in memory and ends the writer.
func (s *Service) Close() error {
	s.stop()
	s.wg.Wait()
	return nil
}

func groupKey(p Place, name string) string { return p.Account + ":" + p.Region + ":" + name }

func streamKey(p Place, group, name string) string { return groupKey(p, group) + ":" + name }

func (s *Service) millis() int64 { return s.c.Now().UnixMilli() }

func missing(op, noun, name string) error {
	return &fault.Error{Kind: fault.NotFound, Op: op, Noun: noun, Name: name, Detail: "The specified " + noun + " does not exist."}
}

func exists(op, noun, name string) error {
	return &fault.Error{Kind: fault.Exists, Op: op, Noun: noun, Name: name, Detail: "The specified " + noun + " already exists"}
}

func invalid(op, detail string) error {
	return &fault.Error{Kind: fault.Invalid, Op: op, Noun: "request", Detail: detail}
}
