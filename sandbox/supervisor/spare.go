package supervisor

import (
	"bytes"
	"fmt"
	"os"
	"time"
)

// Spares go by demand: a template has as many as it was told to, and after requests that found none as many as those were
// together, for some time and as long as the machine has memory to spare.

const (
	calm        = 500 * time.Millisecond
	maxSpares   = 16               // of one template
	demandFor   = 2 * time.Minute  // how long they are kept after the last request that found none
	oneBurst    = 10 * time.Second // requests that are no further apart come together
	spareMemory = int64(1 << 30)   // bytes that have to be available for more spares than a template was told to have
)

// demand is how many requests found no spare.
type demand struct {
	missed int // in the newest burst of them
	most   int // in any burst, since demandFor
	last   time.Time
}

func (d *demand) miss(now time.Time) {
	if now.Sub(d.last) > oneBurst {
		d.missed = 0
	}
	if now.Sub(d.last) > demandFor {
		d.most = 0
	}
	d.missed++
	d.most, d.last = max(d.most, d.missed), now
}

// wanted is how many spares there should be of a template that was told to have told.
func (d *demand) wanted(told int, now time.Time) int {
	if told == 0 || now.Sub(d.last) > demandFor {
		return told
	}
	return max(told, min(d.most, maxSpares))
}

func (t *template) wantedLocked() int {
	n := t.mu.demand.wanted(t.spec.Spares, time.Now())
	if n > t.spec.Spares && len(t.mu.spares) >= t.spec.Spares && available() < spareMemory {
		return t.spec.Spares
	}
	return n
}

// pause puts the next spare off: one that the template was told to have, a little, for what was started last comes first;
// others until the burst is over that they are made after.
func (t *template) pause() {
	for begun := time.Now(); ; {
		select {
		case <-t.k.quit:
			return
		case <-time.After(20 * time.Millisecond):
		}
		t.mu.Lock()
		told := len(t.mu.spares) < t.spec.Spares
		t.mu.Unlock()
		if told || time.Since(begun) > calm {
			return
		}
	}
}

// available is the memory that the machine could give to new processes, in bytes (proc(5), "MemAvailable").
func available() int64 {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(b, []byte("MemAvailable:"))
	var kb int64
	_, _ = fmt.Sscan(string(rest[:min(len(rest), 32)]), &kb) // what says nothing has none
	return kb << 10
}

// shrink ends the spares that nobody is likely to ask for any more.
func (t *template) shrink() {
	t.mu.Lock()
	n := min(t.wantedLocked(), len(t.mu.spares))
	more := t.mu.spares[n:]
	t.mu.spares = t.mu.spares[:n:n]
	t.mu.Unlock()
	for _, s := range more {
		s.kill()
	}
}

// spare gives a clone that was made ahead; nil when there is none.
func (t *template) spare() *clone {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.mu.spares)
	if n == 0 {
		t.mu.demand.miss(time.Now())
		return nil
	}
	c := t.mu.spares[n-1]
	t.mu.spares = t.mu.spares[:n-1]
	t.mu.used = time.Now()
	return c
}

// refill makes spares, a little later: what was started last comes first.
func (t *template) refill() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.filling || t.mu.err != nil || t.mu.dropped || len(t.mu.spares) >= t.wantedLocked() {
		return
	}
	t.mu.filling = true
	t.k.wg.Go(func() {
		for {
			t.pause()
			c, err := t.fork("", nil)
			t.mu.Lock()
			if err == nil {
				t.mu.spares = append(t.mu.spares, c)
			}
			if err != nil || len(t.mu.spares) >= t.wantedLocked() || t.mu.dropped {
				t.mu.filling = false
				t.mu.Unlock()
				return
			}
			t.mu.Unlock()
		}
	})
}
