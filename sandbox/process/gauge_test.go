package process

import "testing"

func TestRunnable(t *testing.T) {
	for stat, want := range map[string]int{
		"cpu  1 2\nctxt 9\nprocesses 4\nprocs_running 3\nprocs_blocked 0\n": 3,
		"cpu  1 2\n":                     -1,
		"cpu  1 2\nprocs_running many\n": -1,
	} {
		n, ok := runnable([]byte(stat))
		if !ok {
			n = -1
		}
		if n != want {
			t.Errorf("%q: %d, want %d", stat, n, want)
		}
	}
}
