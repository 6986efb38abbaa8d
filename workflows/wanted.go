package workflows

import (
	"context"
	"sync"
	"time"
)

// wanted is a Context that ends when nobody wants a task any more, or with the service. Most tasks are over before anybody
// asks when that will be: until then it costs nothing.
type wanted struct {
	of context.Context // without a deadline
	mu struct {
		sync.Mutex
		over   bool
		made   context.Context // of which of is the parent; nil until somebody asks
		cancel context.CancelFunc
	}
}

// end says that nobody wants it any more.
func (w *wanted) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.over = true
	if w.mu.cancel != nil {
		w.mu.cancel()
	}
}

// Deadline is none.
func (w *wanted) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done is closed when it has ended.
func (w *wanted) Done() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.made == nil {
		w.mu.made, w.mu.cancel = context.WithCancel(w.of)
		if w.mu.over {
			w.mu.cancel()
		}
	}
	return w.mu.made.Done()
}

// Err is context.Canceled once it has ended.
func (w *wanted) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.over {
		return context.Canceled
	}
	return w.of.Err()
}

// Value is the parent's. Contexts that are made of this one find the one behind Done by it.
func (w *wanted) Value(key any) any {
	w.mu.Lock()
	made := w.mu.made
	w.mu.Unlock()
	if made != nil {
		return made.Value(key)
	}
	return w.of.Value(key)
}
