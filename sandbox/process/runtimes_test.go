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
exports.back = (event, context, callback) => setTimeout(() => callback(null, "called back"), 10);
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
	check(back, `{}`, `"called back"`, "")
	missing := s
	missing.Handler, missing.Key = "index.nothing", "missing"
	check(missing, `{}`, "index.nothing is undefined or not exported", "Runtime.HandlerNotFound")
	absent := s
	absent.Handler, absent.Key = "nowhere.handler", "absent"
	check(absent, `{}`, "Error: Cannot find module", "Runtime.ImportModuleError")
	esm := h.function("esm", "app.mjs", "export const handler = async () => import.meta.url;\n", 0o644)
	esm.Runtime, esm.Handler = "nodejs22.x", "app.handler"
	check(esm, `{}`, `app.mjs"`, "")
}

func (h *house) function(name, file, source string, mode os.FileMode) sandbox.Spec {
	h.t.Helper()
	s := h.python(name, "")
	if err := os.WriteFile(filepath.Join(s.CodeDir, file), []byte(source), mode); err != nil {
		h.t.Fatal(err)
	}
	return s
}
