package process

import "testing"

func TestRunnable(t *testing.T) {
	for load, want := range map[string]int{
		"0.80 1.53 2.14 3/1234 5678\n": 3,
		"0.80 1.53 2.14 10/20 1\n":     10,
		"0.80 1.53 2.14":               -1,
		"0.80 1.53 2.14 many/20 1\n":   -1,
	} {
		n, ok := runnable([]byte(load))
		if !ok {
			n = -1
		}
		if n != want {
			t.Errorf("%q: %d, want %d", load, n, want)
		}
	}
}
