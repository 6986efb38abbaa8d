package server

import "testing"

func TestMemoryIsGivenBackByAQuietPlatformThatHoldsMuch(t *testing.T) {
	const mb = 1 << 20
	for _, c := range []struct {
		name string
		now  memory
		want bool
	}{
		{"garbage", memory{allocated: 101 * mb, objects: 60 * mb, live: 30 * mb}, true},
		{"free pages", memory{allocated: 101 * mb, objects: 30 * mb, live: 30 * mb, free: 20 * mb}, true},
		{"busy", memory{allocated: 120 * mb, objects: 60 * mb, live: 30 * mb, free: 20 * mb}, false},
		{"little of both", memory{allocated: 101 * mb, objects: 32 * mb, live: 30 * mb, free: 2 * mb}, false},
		{"all of it alive", memory{allocated: 101 * mb, objects: 300 * mb, live: 301 * mb}, false},
	} {
		if got := c.now.slack(memory{allocated: 100 * mb}); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestTheRuntimeKnowsTheFiguresOfMemory(t *testing.T) {
	if m := readMemory(); m.allocated == 0 || m.objects == 0 {
		t.Errorf("%+v", m)
	}
}
