package process_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"anthill/sandbox"
)

// bootstrapScript is a runtime in shell: it speaks the Runtime API with curl.
const bootstrapScript = `#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  h=$(mktemp)
  event=$(curl -sS -D "$h" "$api/invocation/next")
  id=$(grep -i lambda-runtime-aws-request-id "$h" | tr -d '[:space:]' | cut -d: -f2)
  echo "got $event"
  case "$event" in
    *fail*) curl -sS -X POST "$api/invocation/$id/error" -d '{"errorType":"Mine","errorMessage":"no"}' >/dev/null ;;
    *exit*) exit 7 ;;
    *) curl -sS -X POST "$api/invocation/$id/response" -d "[$event,\"$(id -u)\",\"$_HANDLER\"]" >/dev/null ;;
  esac
done
`

func TestProvidedRuntime(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("the test's runtime is written with curl")
	}
	h := newHouse(t)
	s := h.function("own", "bootstrap", bootstrapScript, 0o755)
	s.Runtime, s.Handler = "provided.al2023", "anything"
	for _, c := range []struct{ event, payload, errorType string }{
		{`{"a":1}`, `[{"a":1},"993","anything"]`, ""},
		{`{"b":1}`, `[{"b":1},"993","anything"]`, ""},
		{`"fail"`, `{"errorType":"Mine","errorMessage":"no"}`, "Mine"},
		{`"exit"`, `exit status 7`, "Runtime.ExitError"},
		{`{"c":1}`, `[{"c":1},"993","anything"]`, ""},
	} {
		r := h.invoke(s, c.event)
		r.Release()
		payload := string(r.Payload)
		if os.Geteuid() != 0 {
			payload = strings.ReplaceAll(payload, `"0"`, `"993"`)
		}
		if !strings.Contains(payload, c.payload) || r.ErrorType != c.errorType {
			t.Errorf("%s: %s %s\n%s", c.event, r.ErrorType, r.Payload, r.LogTail)
		}
		if !strings.Contains(string(r.LogTail), "got "+c.event+"\n") {
			t.Errorf("%s: log %s", c.event, r.LogTail)
		}
	}
	bad := h.function("none", "readme", "", 0o644)
	bad.Runtime = "provided.al2"
	r := h.invoke(bad, "{}")
	r.Release()
	if r.ErrorType != "Runtime.InvalidEntrypoint" {
		t.Errorf("without a bootstrap: %s %s", r.ErrorType, r.Payload)
	}
}

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

// What a runtime of the function's own can do wrong has AWS's error, and the next request is served.
func TestBadBootstraps(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("the test's runtimes are written with curl")
	}
	const api = "api=\"http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime\"\n"
	const next = "id=$(curl -sS -D - -o /dev/null $api/invocation/next | grep -i aws-request-id | tr -d '[:space:]' | cut -d: -f2)\n"
	h := newHouse(t)
	for _, c := range []struct{ name, source, errorType, says string }{
		{"exits at once", "exit 4\n", "Runtime.ExitError", "exit status 4"},
		{"exits without a reason", "exit 0\n", "Runtime.ExitError", "Runtime exited without providing a reason"},
		{"never asks for work", "sleep 60\n", "Sandbox.Timedout", "Task timed out after 2.00 seconds"},
		{"answers for another", api + next + "curl -sS -X POST $api/invocation/other/response -d 1\nexit 5\n", "Runtime.ExitError", "exit status 5"},
		{"is no program", "\x7fELF", "Runtime.InvalidEntrypoint", "bootstrap"},
		{"writes without end", api + next + "yes | head -c 8000000\nexit 6\n", "Runtime.ExitError", "exit status 6"},
	} {
		t.Run(c.name, func(t *testing.T) {
			source := c.source
			if !strings.HasPrefix(source, "\x7f") {
				source = "#!/bin/sh\n" + source
			}
			s := h.function("bad"+strings.ReplaceAll(c.name, " ", ""), "bootstrap", source, 0o755)
			s.Runtime, s.Timeout = "provided.al2023", 2*time.Second
			pool, err := sandbox.Open(t.Context(), sandbox.Config{Driver: h.d, Lines: h.log, InitLimit: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Abandon()
			for range 2 {
				r, err := pool.Invoke(t.Context(), s, sandbox.Invocation{RequestID: id(1), Payload: []byte("{}")})
				if err != nil {
					t.Fatal(err)
				}
				r.Release()
				if r.ErrorType != c.errorType || !strings.Contains(string(r.Payload), c.says) {
					t.Errorf("%s %s, want %s %s", r.ErrorType, r.Payload, c.errorType, c.says)
				}
			}
		})
	}
}
