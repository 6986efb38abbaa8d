package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"time"

	"anthill/fault"
	"anthill/history"
	"anthill/sandbox"
)

// lives keeps what is known of execution environments that are gone, so that a timeline holds them after a restart too. They are written behind, some
// milliseconds after their ends. Its goroutine ends with close.
type lives struct {
	log *slog.Logger
	to  *history.Log
	// before are those that ended under earlier platforms, in the order of their ends.
	before []sandbox.Info

	wake    chan struct{}
	wg      sync.WaitGroup
	writing sync.Mutex // held by whoever writes what is pending
	mu      struct {
		sync.Mutex
		pending []sandbox.Info
		closed  bool
	}
}

// livesStream holds one event for each environment that ended: sandbox.Info in JSON.
const livesStream = history.Stream("environments")

// keptEnvironments is how many environments of earlier platforms are remembered.
const keptEnvironments = 10_000

// gatherLives is how long ends are gathered before they are written together.
const gatherLives = 20 * time.Millisecond

func openLives(to *history.Log, log *slog.Logger) *lives {
	l := &lives{log: log, to: to, wake: make(chan struct{}, 1)}
	for e, err := range to.ReadBack(livesStream) {
		var i sandbox.Info
		if err != nil || len(l.before) == keptEnvironments {
			break
		}
		if json.Unmarshal(e.Data, &i) == nil {
			l.before = append(l.before, i)
		}
	}
	slices.SortStableFunc(l.before, func(a, b sandbox.Info) int { return a.Ended.Compare(b.Ended) })
	l.wg.Go(func() {
		for range l.wake {
			time.Sleep(gatherLives)
			l.write()
		}
	})
	return l
}

// add remembers an environment that ended; it costs its caller no disk.
func (l *lives) add(i sandbox.Info) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.closed {
		return
	}
	l.mu.pending = append(l.mu.pending, i)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *lives) write() {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	pending := l.mu.pending
	l.mu.pending = nil
	l.mu.Unlock()
	var events [][]byte
	for _, i := range pending {
		if b, err := json.Marshal(i); err == nil {
			events = append(events, b)
		}
	}
	if events == nil {
		return
	}
	if _, err := l.to.Append(context.Background(), livesStream, history.Behind, events); err != nil {
		l.log.Error("the ends of execution environments are lost", "environments", len(events), "err", err)
	}
}

// after are the environments of earlier platforms that ended after an instant.
func (l *lives) after(at time.Time) []sandbox.Info {
	i, _ := slices.BinarySearchFunc(l.before, at, func(e sandbox.Info, t time.Time) int {
		if e.Ended.After(t) {
			return 1
		}
		return -1
	})
	return slices.Clone(l.before[i:])
}

// retain forgets environments that ended before an instant, and of more than keptEnvironments the oldest. What this platform has read of them stays until its end.
func (l *lives) retain(before time.Time) error {
	from := uint64(1)
	if last := l.to.Last(livesStream); last > keptEnvironments {
		from = last - keptEnvironments + 1
	}
	for e, err := range l.to.Read(livesStream, from) {
		if err != nil {
			return fault.In("server.retain", err)
		}
		var i sandbox.Info
		if json.Unmarshal(e.Data, &i) == nil && !i.Ended.Before(before) {
			break
		}
		from = e.Pos + 1
	}
	if from == 1 {
		return nil
	}
	return fault.In("server.retain", l.to.Trim(livesStream, from))
}

func (l *lives) close() error {
	l.mu.Lock()
	l.mu.closed = true
	close(l.wake)
	l.mu.Unlock()
	l.wg.Wait()
	l.write()
	return nil
}
