package process_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"anthill/sandbox"
)

func TestNode(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("no node on this machine")
	}
	h := newHouse(t)
	s := h.function("node", "index.js", `
let count = 0;
exports.handler = async (event, context) => {
  console.log("hello", event);
  if (event.fail) throw new TypeError("no");
  if (event.exit) process.exit(3);
  if (event.never) return new Promise(() => {});
  return { count: ++count, name: context.functionName, left: context.getRemainingTimeInMillis() > 1000, id: context.awsRequestId };
};
let late;
exports.back = (event, context, callback) => {
  const before = late;
  late = undefined;
  if (event.free) context.callbackWaitsForEmptyEventLoop = false;
  setTimeout(() => { late = "late"; if (event.late) callback(null, late); }, 20);
  if (event.fail) return context.fail();
  if (event.done) return context.done(null, "done");
  if (event.error) return callback("no");
  if (!event.late && !event.silent) callback(null, "at once, after " + before);
};
`, 0o644)
	s.Runtime, s.Handler = "nodejs20.x", "index.handler"
	check := func(s sandbox.Spec, event, payload, errorType string) {
		t.Helper()
		r := h.invoke(s, event)
		r.Release()
		if !strings.Contains(string(r.Payload), payload) || r.ErrorType != errorType {
			t.Errorf("%s: %s %s\n%s", event, r.ErrorType, r.Payload, r.LogTail)
		}
	}
	check(s, `{}`, `{"count":1,"name":"node","left":true,"id":"`, "")
	check(s, `{}`, `{"count":2,`, "")
	check(s, `{"fail":1}`, `{"errorType":"TypeError","errorMessage":"no","trace":["TypeError: no"`, "TypeError")
	check(s, `{"never":1}`, `Runtime.NodeJsExit`, "Runtime.NodeJsExit")
	check(s, `{"exit":1}`, `exit status 3`, "Runtime.ExitError")
	check(s, `{}`, `{"count":1,`, "")
	back := s
	back.Handler, back.Key = "index.back", "back"
	check(back, `{"free":1}`, `"at once, after undefined"`, "")
	check(back, `{"late":1}`, `"late"`, "")
	check(back, `{}`, `"at once, after late"`, "") // it waited for the loop to be empty,
	check(back, `{"free":1}`, `"at once, after late"`, "")
	check(back, `{"done":1}`, `"done"`, "")
	check(back, `{"silent":1}`, `null`, "")
	check(back, `{"fail":1}`, `{"errorType":"string","errorMessage":"handled","trace":[]}`, "string")
	check(back, `{"error":1}`, `{"errorType":"string","errorMessage":"no","trace":[]}`, "string")
	newer := back
	newer.Runtime, newer.Key = "nodejs24.x", "newer"
	check(newer, `{}`, "AWS Lambda has removed support for callback-based function handlers", "Runtime.CallbackHandlerDeprecated")
	missing := s
	missing.Handler, missing.Key = "index.nothing", "missing"
	check(missing, `{}`, "index.nothing is undefined or not exported", "Runtime.HandlerNotFound")
	absent := s
	absent.Handler, absent.Key = "nowhere.handler", "absent"
	check(absent, `{}`, "Error: Cannot find module", "Runtime.ImportModuleError")
	esm := h.function("esm", "app.mjs", "export const handler = async () => import.meta.url;\n", 0o644)
	esm.Runtime, esm.Handler = "nodejs22.x", "app.handler"
	check(esm, `{}`, `app.mjs"`, "")
	typed := h.function("typed", "app.js", "import x from 'x';\nexport const handler = async (event) => event.never ? new Promise(() => {}) : x;\n", 0o644)
	write(t, filepath.Join(typed.CodeDir, "package.json"), `{"type":"module"}`)
	layer := filepath.Join(h.code, "layer")
	write(t, filepath.Join(layer, "nodejs/node_modules/x/index.js"), `module.exports = "of a layer"`)
	typed.Runtime, typed.Handler, typed.Layers = "nodejs22.x", "app.handler", []string{layer}
	check(typed, `{}`, `"of a layer"`, "")
	check(typed, `{"never":1}`, `Runtime.NodeJsExit`, "Runtime.NodeJsExit")
	typed.Layers, typed.Key = nil, "bare"
	check(typed, `{}`, `Cannot find package 'x' imported from `, "Runtime.ImportModuleError")
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (h *house) function(name, file, source string, mode os.FileMode) sandbox.Spec {
	h.t.Helper()
	s := h.python(name, "")
	if err := os.WriteFile(filepath.Join(s.CodeDir, file), []byte(source), mode); err != nil {
		h.t.Fatal(err)
	}
	return s
}
