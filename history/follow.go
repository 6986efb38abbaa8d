package history

import (
	"context"
	"iter"
	"strings"
	"sync"
)

// follower remembers which streams have news, and since which position. Its size is bounded by the number of streams,
// however far behind its reader is.
type follower struct {
	prefix string
	wake   chan struct{} // holds one

	mu struct {
		sync.Mutex
		order []Stream
		since map[Stream]uint64 // the first position not yet taken
	}
}

// Followed is an event with the stream it belongs to.
type Followed struct {
	Stream Stream
	Event
}

// Follow ranges over the events that are appended from now on to streams whose names begin with prefix: each stream's
// events in order and none left out. "From now" is the moment of this call. It ends with ctx, or when the loop is left.
// The reader's pace is its own: a writer only notes that a stream has news.
func (l *Log) Follow(ctx context.Context, prefix string) iter.Seq2[Followed, error] {
	f := &follower{prefix: prefix, wake: make(chan struct{}, 1)}
	f.mu.since = map[Stream]uint64{}
	l.mu.Lock()
	l.mu.followers[f] = struct{}{}
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.mu.followers, f)
	}
	context.AfterFunc(ctx, leave)
	return func(yield func(Followed, error) bool) {
		defer leave()
		for {
			select {
			case <-ctx.Done():
				return
			case <-f.wake:
			}
			for s, from := f.take(); s != ""; s, from = f.take() {
				for e, err := range l.Read(s, from) {
					if !yield(Followed{s, e}, err) || ctx.Err() != nil {
						return
					}
					if err == nil {
						f.seen(s, e.Pos)
					}
				}
			}
		}
	}
}

// tell notes for every follower that s has events from position first on.
func (l *Log) tell(s Stream, first uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for f := range l.mu.followers {
		if strings.HasPrefix(string(s), f.prefix) {
			f.note(s, first)
		}
	}
}

func (f *follower) note(s Stream, first uint64) {
	f.mu.Lock()
	if at, ok := f.mu.since[s]; !ok || at > first {
		if !ok {
			f.mu.order = append(f.mu.order, s)
		}
		f.mu.since[s] = first
	}
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// take gives the stream whose news is oldest, "" when there is none.
func (f *follower) take() (Stream, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.mu.order) == 0 {
		return "", 0
	}
	s := f.mu.order[0]
	f.mu.order = f.mu.order[1:]
	from := f.mu.since[s]
	delete(f.mu.since, s)
	return s, from
}

// seen forgets a note about events that a read begun before it has given already.
func (f *follower) seen(s Stream, pos uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at, ok := f.mu.since[s]; ok && at <= pos {
		f.mu.since[s] = pos + 1
	}
}
