package process_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"anthill/sandbox"
)

// A directory that an environment left serves another one, which finds nothing of it there.
func TestPlacesAreEmpty(t *testing.T) {
	h := newHouse(t)
	s := h.python("places", "print('init ' + '-' * 5000)\ndef handler(e, c):\n    print('served', e)\n")
	for n, want := range []string{"served 0", "served 1", "served 2"} {
		r, err := h.Invoke(context.Background(), s, sandbox.Invocation{RequestID: id(n), Payload: []byte{'0' + byte(n)}, InvokedARN: s.ARN, ForceCold: true})
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
		for range 500 { // it ends behind the caller's back
			if left, _ := os.ReadDir(filepath.Join(h.dir, "environments")); len(left) == 0 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if got := strings.Count(h.log.text(), want); got != 1 {
			t.Errorf("%q is there %d times:\n%s", want, got, h.log.text())
		}
		if left, _ := filepath.Glob(filepath.Join(h.dir, "places", "*")); len(left) != 1 {
			t.Errorf("places that are kept: %q", left)
		}
	}
	if n := strings.Count(h.log.text(), "init -"); n != 3 {
		t.Errorf("the init printed %d times", n)
	}
}
