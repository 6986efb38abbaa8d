package supervisor

import (
	"testing"
	"time"
)

func TestDemand(t *testing.T) {
	at := time.Unix(1_000_000, 0)
	for _, c := range []struct {
		name   string
		told   int
		misses []time.Duration // when requests found no spare
		asked  time.Duration
		want   int
	}{
		{"none missed", 1, nil, 0, 1},
		{"one", 1, []time.Duration{0}, time.Second, 1},
		{"a burst of five", 1, []time.Duration{0, 1, 2, 3, 4}, time.Minute, 5},
		{"its time has passed", 1, []time.Duration{0, 1, 2, 3, 4}, 3 * time.Minute, 1},
		{"a larger burst than there may be spares", 1, make([]time.Duration, 100), time.Second, maxSpares},
		{"single requests, far apart", 1, []time.Duration{0, 20 * time.Second, 40 * time.Second}, 41 * time.Second, 1},
		{"the largest of two bursts", 1, []time.Duration{0, 1, 2, 20 * time.Second, 20 * time.Second}, time.Minute, 3},
		{"told to have none", 0, []time.Duration{0, 1, 2}, time.Second, 0},
		{"told to have more", 8, []time.Duration{0, 1, 2}, time.Second, 8},
	} {
		var d demand
		for _, m := range c.misses {
			d.miss(at.Add(m))
		}
		if got := d.wanted(c.told, at.Add(c.asked)); got != c.want {
			t.Errorf("%s: %d spares, want %d", c.name, got, c.want)
		}
	}
	if available() <= 0 {
		t.Error("no memory is available")
	}
}
