package process_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"anthill/sandbox"
)

// A handler whose imports nobody can see before it runs, as those of a pickled model.
const hiddenImports = `
import sys, time
had = "wsgiref.simple_server" in sys.modules
__import__("importlib").import_module("wsgiref.simple_server")
end = time.process_time() + 0.1
while time.process_time() < end:
    pass
def handler(event, context):
    return had
`

// What the first init of some code teaches, the next start has, and a later platform knows too, whatever became of the supervisor.
func TestWhatWasLearnedIsKept(t *testing.T) {
	h := newHouse(t)
	s := h.python("hidden", hiddenImports)
	cold := func(i int) string {
		r, err := h.Invoke(context.Background(), s, sandbox.Invocation{RequestID: id(i), Payload: []byte("{}"), InvokedARN: s.ARN, ForceCold: true})
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
		return string(r.Payload)
	}
	if had := cold(1); had != "false" {
		t.Errorf("the first init: %s", had)
	}
	for range 600 { // the template that holds it is made behind the invocation
		if found, _ := filepath.Glob(filepath.Join(h.dir, "learned", "*")); len(found) == 1 && filepath.Ext(found[0]) == "" {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if had := cold(2); had != "true" {
		t.Errorf("the template that was taught is not used: %s", had)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h.open()
	if had := cold(3); had != "true" {
		entries, _ := os.ReadDir(filepath.Join(h.dir, "learned"))
		t.Errorf("after a restart: %s, with %v", had, entries)
	}
}
