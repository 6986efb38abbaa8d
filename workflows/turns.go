package workflows

import (
	"context"
	"sync"
)

const defaultTasksAtOnce = 1000

// turns bounds the tasks that call functions at the same time. When there are more, the state machines that have some take
// turns, so that one with many does not starve the others; the tasks of one go in their order.
type turns struct {
	mu struct {
		sync.Mutex
		free   int
		queues map[string][]chan struct{} // by machine: tasks that wait, oldest first
		ring   []string                   // machines with tasks that wait, the next in turn first
	}
}

func newTurns(n int) *turns {
	t := &turns{}
	t.mu.free, t.mu.queues = n, map[string][]chan struct{}{}
	return t
}

// take waits for machine's turn. Each true needs a give; false means that ctx has ended.
func (t *turns) take(ctx context.Context, machine string) bool {
	t.mu.Lock()
	if t.mu.free > 0 {
		t.mu.free--
		t.mu.Unlock()
		return true
	}
	mine := make(chan struct{})
	if len(t.mu.queues[machine]) == 0 {
		t.mu.ring = append(t.mu.ring, machine)
	}
	t.mu.queues[machine] = append(t.mu.queues[machine], mine)
	t.mu.Unlock()
	select {
	case <-mine:
		return true
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	queue := t.mu.queues[machine]
	for i, c := range queue {
		if c == mine {
			t.setLocked(machine, append(queue[:i:i], queue[i+1:]...))
			return false
		}
	}
	t.nextLocked() // the turn came with the end: it is another's
	return false
}

// give ends a turn.
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.nextLocked()
}

// nextLocked hands a turn on. t.mu must be held.
func (t *turns) nextLocked() {
	if len(t.mu.ring) == 0 {
		t.mu.free++
		return
	}
	machine := t.mu.ring[0]
	queue := t.mu.queues[machine]
	close(queue[0])
	t.mu.ring = t.mu.ring[1:]
	if len(queue) > 1 {
		t.mu.queues[machine] = queue[1:]
		t.mu.ring = append(t.mu.ring, machine)
		return
	}
	delete(t.mu.queues, machine)
}

// setLocked puts what is left of a machine's queue in its place. t.mu must be held.
func (t *turns) setLocked(machine string, queue []chan struct{}) {
	if len(queue) > 0 {
		t.mu.queues[machine] = queue
		return
	}
	delete(t.mu.queues, machine)
	for i, m := range t.mu.ring {
		if m == machine {
			t.mu.ring = append(t.mu.ring[:i:i], t.mu.ring[i+1:]...)
			return
		}
	}
}
