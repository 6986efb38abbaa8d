package process_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// Of what a pickle holds only the names are read: the library that it is made with is there before the first init.
// Nothing of it is called, and the function's own modules are not imported.
const pickledModel = `
import pickle, sys
had = {name: name in sys.modules for name in ("wsgiref.headers", "fractions", "colorsys", "mine")}
from os.path import dirname, join
models = [pickle.load(open(join(dirname(__file__), "models", name), "rb")) for name in ("two.pkl", "four.sav")]
def handler(event, context):
    return had
`

const makePickles = `
import fractions, pickle, sys, wsgiref.headers
for name, protocol, of in (("two.pkl", 2, wsgiref.headers.Headers), ("four.sav", 4, [fractions.Fraction(1, 3), fractions.Fraction(1, 7)])):
    with open(sys.argv[1] + "/" + name, "wb") as f:
        pickle.dump(of, f, protocol=protocol)
open(sys.argv[1] + "/cut.pkl", "wb").write(pickle.dumps([1.5] * 9)[:20])
open(sys.argv[1] + "/evil.pkl", "wb").write(b"\x80\x02cos\n_exit\nK\x09\x85R.")
open(sys.argv[1] + "/mine.pkl", "wb").write(b"\x80\x02cmine\nThing\n.")
open(sys.argv[1] + "/text.pkl", "w").write("ccolorsys\nrgb_to_hls\n.")
`

func TestPicklesShowWhatTheyAreMadeWith(t *testing.T) {
	h := newHouse(t)
	s := h.python("model", pickledModel)
	models := filepath.Join(s.CodeDir, "models")
	if err := os.Mkdir(models, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.CodeDir, "mine.py"), []byte("class Thing: pass\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("python3", "-c", makePickles, models).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := h.Prepare(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	r, err := h.Invoke(t.Context(), s, sandbox.Invocation{RequestID: id(1), Payload: []byte("{}"), InvokedARN: s.ARN, ForceCold: true, Method: "template"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var had map[string]bool
	if err := json.Unmarshal(r.Payload, &had); err != nil {
		t.Fatalf("%v in %s", err, r.Payload)
	}
	want := map[string]bool{"wsgiref.headers": true, "fractions": true, "colorsys": false, "mine": false}
	if diff := cmp.Diff(want, had); diff != "" {
		t.Error(diff)
	}
}
