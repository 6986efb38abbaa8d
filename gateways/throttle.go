package gateways

import (
	"sync"
	"time"
)

// throttles are token buckets by name. A bucket that was never used is full.
type throttles struct {
	mu struct {
		sync.Mutex
		byName map[string]*bucket
	}
}

type bucket struct {
	tokens float64
	at     time.Time
}

// take takes one token of the bucket that fills at rate a second up to burst. It reports whether there was one.
func (t *throttles) take(name string, rate, burst float64, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.byName == nil {
		t.mu.byName = map[string]*bucket{}
	}
	b, ok := t.mu.byName[name]
	if !ok {
		b = &bucket{tokens: burst, at: now}
		t.mu.byName[name] = b
	}
	b.tokens = min(burst, b.tokens+rate*max(0, now.Sub(b.at).Seconds()))
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// throttled reports whether the stage's settings refuse the call. AWS: the most specific setting decides.
func (p *Proxy) throttled(c *call) bool {
	path := settingPath(c.resource.Path)
	for _, key := range []string{path + "/" + c.r.Method, "*/*"} {
		if set, ok := c.stage.Settings[key]; ok {
			return !p.s.throttles.take(c.api.ID+"/"+c.stage.Name+"/"+key, set.Rate, float64(set.Burst), p.s.now())
		}
	}
	return false
}
