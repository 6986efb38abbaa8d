package history

import (
	"context"
	"iter"
	"strings"
	"sync"
	"sync/atomic"

	"anthill/fault"
	"anthill/internal/disk"
)

// Stream names one sequence of events: "execution/<account>/<region>/<machine>:<name>", "function/…". It holds no zero
// byte.
type Stream string

// Durability says when Append returns.
type Durability uint8

const (
	Flushed Durability = iota // once the events would survive a power cut
	Behind                    // at once; they are written soon
)

// Event is one entry of a stream. What the bytes mean is its writer's affair.
type Event struct {
	Pos  uint64 // from 1
	Data []byte
}

// hotStreams is how many streams keep their last position in memory when nobody uses them.
const hotStreams = 8192

// Log is every stream. Any number of goroutines may use it.
type Log struct {
	db *disk.DB

	mu struct {
		sync.Mutex
		tails     map[Stream]*tail
		followers map[*follower]struct{}
	}
}

// tail is the end of one stream. users is guarded by Log.mu; last and known are read by anyone and changed only with
// append held, so that readers never wait for a flush.
type tail struct {
	users  int
	append sync.Mutex
	last   atomic.Uint64 // position of the last event that readers may see
	known  atomic.Bool   // last was read from the database or written by us
}

// Open gives the happenings of db.
func Open(db *disk.DB) *Log {
	l := &Log{db: db}
	l.mu.tails = map[Stream]*tail{}
	l.mu.followers = map[*follower]struct{}{}
	return l
}

// Append adds events to the end of s and commits also in the same batch. It returns the position of the last. Appends
// to one stream wait for one another; appends to different streams share a flush. ctx is looked at only before the
// beginning: what was begun is finished. Without events it commits also and returns the last position there is.
func (l *Log) Append(ctx context.Context, s Stream, d Durability, events [][]byte, also ...disk.Write) (last uint64, err error) {
	return l.append(ctx, "history.Append", s, d, false, events, also)
}

// Begin is Append to a stream of which the caller knows that it has no events, as one that is named by a new UUID: the
// database is not asked. One that is known to have some is a Conflict.
func (l *Log) Begin(ctx context.Context, s Stream, d Durability, events [][]byte, also ...disk.Write) (last uint64, err error) {
	return l.append(ctx, "history.Begin", s, d, true, events, also)
}

func (l *Log) append(ctx context.Context, op string, s Stream, d Durability, fresh bool, events [][]byte, also []disk.Write) (last uint64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, &fault.Error{Kind: fault.Canceled, Op: op, Noun: "stream", Name: string(s), Err: err}
	}
	if s == "" || strings.IndexByte(string(s), 0) >= 0 {
		return 0, fault.Invalidf(op, "stream", "a stream's name is empty or holds a zero byte: %q", string(s))
	}
	t := l.take(s)
	defer l.give(s, t)
	t.append.Lock()
	defer t.append.Unlock()
	if fresh {
		t.known.Store(true)
	} else if err := l.learnLocked(s, t); err != nil {
		return 0, fault.In(op, err)
	}
	first := t.last.Load() + 1
	if fresh && first > 1 {
		return 0, &fault.Error{Kind: fault.Conflict, Op: op, Noun: "stream", Name: string(s), Detail: "the stream has events already"}
	}
	writes := also
	if len(events) > 0 {
		key := recordKey(s, first)
		writes = append(writes[:len(writes):len(writes)], disk.Write{Key: key, Value: encodeRecord(key, events)})
	}
	commit := l.db.Commit
	if d == Behind {
		commit = l.db.CommitBehind
	}
	if err := commit(writes...); err != nil {
		return 0, fault.In(op, err)
	}
	last = t.last.Add(uint64(len(events)))
	if len(events) > 0 {
		l.tell(s, first)
	}
	return last, nil
}

// Last is the position of the last event of s; 0 when it has none.
func (l *Log) Last(s Stream) uint64 {
	n, _ := l.last(s)
	return n
}

func (l *Log) last(s Stream) (uint64, error) {
	t := l.take(s)
	defer l.give(s, t)
	if !t.known.Load() {
		t.append.Lock()
		defer t.append.Unlock()
		if err := l.learnLocked(s, t); err != nil {
			return 0, err
		}
	}
	return t.last.Load(), nil
}

// take finds or makes the tail of s and counts a user of it.
func (l *Log) take(s Stream) *tail {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.mu.tails[s]
	if !ok {
		t = &tail{}
		l.mu.tails[s] = t
	}
	t.users++
	return t
}

// give ends a use. Of too many tails, half of those without users are forgotten: the database knows them.
func (l *Log) give(s Stream, t *tail) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.users--
	if len(l.mu.tails) <= hotStreams {
		return
	}
	for name, old := range l.mu.tails {
		if len(l.mu.tails) <= hotStreams/2 {
			break
		}
		if old.users == 0 {
			delete(l.mu.tails, name)
		}
	}
}

// learnLocked reads the last position of s once. t.append must be held.
func (l *Log) learnLocked(s Stream, t *tail) error {
	if t.known.Load() {
		return nil
	}
	lo, hi := span(s)
	c, err := l.db.Cursor(lo, hi)
	if err != nil {
		return err
	}
	defer c.Close()
	if c.Last() {
		p := c.Pair()
		events, err := decodeRecord(p.Key, p.Value)
		if err != nil {
			return damaged(s, positionOf(p.Key), err)
		}
		t.last.Store(positionOf(p.Key) + uint64(len(events)) - 1)
	}
	if err := c.Err(); err != nil {
		return err
	}
	t.known.Store(true)
	return nil
}

// Streams ranges over the names of the streams that begin with prefix, in order. It stops early when the database
// cannot be read.
func (l *Log) Streams(prefix string) iter.Seq[Stream] {
	return func(yield func(Stream) bool) {
		lo := append([]byte{keyspace}, prefix...)
		c, err := l.db.Cursor(lo, disk.After(lo))
		if err != nil {
			return
		}
		defer c.Close()
		for ok := c.First(); ok; {
			s := streamOf(c.Pair().Key)
			if !yield(s) {
				return
			}
			_, hi := span(s)
			ok = c.SeekGE(hi)
		}
	}
}

// Delete forgets streams, and flushes that. Nobody may append to them meanwhile.
func (l *Log) Delete(streams ...Stream) error {
	spans := make([][2][]byte, len(streams))
	for i, s := range streams {
		spans[i][0], spans[i][1] = span(s)
	}
	if err := l.db.DeleteRange(spans...); err != nil {
		return fault.In("history.Delete", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range streams {
		delete(l.mu.tails, s)
	}
	return nil
}
