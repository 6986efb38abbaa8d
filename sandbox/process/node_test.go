package process_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"anthill/sandbox"
	"anthill/sandbox/process"
	"anthill/sandbox/runtimes"
)

// nodes are the Node.js runtimes whose own version is here. Those that npm can bring are brought into the cache, once;
// -short does without.
func nodes(t testing.TB) []string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("no node on this machine")
	}
	all := []string{"nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x"}
	if !testing.Short() {
		var wg sync.WaitGroup
		for _, id := range all {
			wg.Go(func() {
				if err := process.PrepareRuntimes(t.Context(), process.Config{}, []string{id}, func(line string) { t.Log(line) }); err != nil {
					t.Log(id, err)
				}
			})
		}
		wg.Wait()
	}
	cache, err := process.DefaultCache()
	if err != nil {
		t.Fatal(err)
	}
	catalog := &runtimes.Catalog{Cache: cache}
	var here []string
	for _, id := range all {
		if _, exact, err := catalog.Resolve(t.Context(), id); err == nil && exact {
			here = append(here, id)
		} else {
			t.Logf("%s has no version of its own here (%v)", id, err)
		}
	}
	return here
}

const nodeSource = `
let count = 0;
exports.handler = async (event, context) => {
  console.log("hello", event);
  if (event.fail) throw new TypeError("no");
  if (event.odd) throw Object.assign(new Error("no"), { name: "Übel\r\nX: y" });
  if (event.big) return "x".repeat(7 << 20);
  if (event.exit) process.exit(3);
  if (event.never) return new Promise(() => {});
  if (event.late) setTimeout(() => { throw new RangeError("late"); }, 0);
  if (event.reject) Promise.reject(new RangeError("nobody"));
  if (event.late || event.reject) await new Promise((resolve) => setTimeout(resolve, 1000));
  if (event.version) return process.version;
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
exports.says = async () => {
  const round = {}; round.round = round;
  console.trace("t"); console.log("of two", new RangeError("r")); console.log(round, 1n); console.debug("d"); console.info("i"); console.warn({ w: 1 }); console.error(new TypeError("e"));
};
`

// Every promise of a Node.js runtime, in each version of it.
func TestNode(t *testing.T) {
	for _, id := range nodes(t) {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			h := &house{t: t, dir: t.TempDir(), code: t.TempDir(), log: &lines{}, spares: -1}
			h.open()
			t.Cleanup(func() { h.Close() })
			s := h.function("node", "index.js", nodeSource, 0o644)
			s.Runtime, s.Handler = id, "index.handler"
			check := func(s sandbox.Spec, event, payload, errorType string) *sandbox.Result {
				t.Helper()
				r := h.invoke(s, event)
				r.Release()
				if !strings.Contains(string(r.Payload), payload) || r.ErrorType != errorType {
					t.Errorf("%s: %s %s\n%s", event, r.ErrorType, r.Payload, r.LogTail)
				}
				return r
			}
			major, _, _ := strings.Cut(strings.TrimPrefix(id, "nodejs"), ".")
			check(s, `{}`, `{"count":1,"name":"node","left":true,"id":"`, "")
			check(s, `{"version":1}`, `"v`+major+`.`, "")
			check(s, `{}`, `{"count":2,`, "")
			check(s, `{"odd":1}`, `{"errorType":"Übel\r\nX: y","errorMessage":"no"`, "Übel\r\nX: y")
			check(s, `{"big":1}`, `Response payload size exceeded`, "Function.ResponseSizeTooLarge")
			check(s, `{}`, `{"count":3,`, "")
			check(s, `{"fail":1}`, `{"errorType":"TypeError","errorMessage":"no","trace":["TypeError: no"`, "TypeError")
			check(s, `{"never":1}`, `Runtime.NodeJsExit`, "Runtime.NodeJsExit")
			check(s, `{"exit":1}`, `exit status 3`, "Runtime.ExitError")
			check(s, `{}`, `{"count":1,`, "")
			check(s, `{"late":1}`, `{"errorType":"RangeError","errorMessage":"late","trace":["RangeError: late"`, "RangeError")
			r := check(s, `{"reject":1}`, `{"errorType":"Runtime.UnhandledPromiseRejection","errorMessage":"RangeError: nobody","trace":["Runtime.UnhandledPromiseRejection: RangeError: nobody","    at `, "Runtime.UnhandledPromiseRejection")
			if want := "\tERROR\tUnhandled Promise Rejection \t{\"errorType\":\"Runtime.UnhandledPromiseRejection\",\"errorMessage\":\"RangeError: nobody\",\"reason\":{\"errorType\":\"RangeError\",\"errorMessage\":\"nobody\",\"stack\":["; !strings.Contains(string(r.LogTail), want) {
				t.Errorf("%s is not in\n%s", want, r.LogTail)
			}
			callbacks(t, s, major == "24", check)
			check(named(s, "index.nothing"), `{}`, "index.nothing is undefined or not exported", "Runtime.HandlerNotFound")
			check(named(s, "nowhere.handler"), `{}`, "Error: Cannot find module", "Runtime.ImportModuleError")
			check(named(s, "nowhere"), `{}`, "Bad handler", "Runtime.MalformedHandlerName")
			saying(t, named(s, "index.says"), check)
			modules(h, id, check)
			loading(h, id, major, check)
		})
	}
}

func named(s sandbox.Spec, handler string) sandbox.Spec {
	s.Handler, s.Key = handler, handler
	return s
}

type checker func(s sandbox.Spec, event, payload, errorType string) *sandbox.Result

func callbacks(t *testing.T, s sandbox.Spec, refused bool, check checker) {
	back := named(s, "index.back")
	if refused {
		check(back, `{}`, "AWS Lambda has removed support for callback-based function handlers", "Runtime.CallbackHandlerDeprecated")
		return
	}
	check(back, `{"free":1}`, `"at once, after undefined"`, "")
	check(back, `{"late":1}`, `"late"`, "")
	check(back, `{}`, `"at once, after late"`, "") // it waited for the loop to be empty,
	check(back, `{"free":1}`, `"at once, after late"`, "")
	check(back, `{"done":1}`, `"done"`, "")
	check(back, `{"silent":1}`, `null`, "")
	check(back, `{"fail":1}`, `{"errorType":"string","errorMessage":"handled","trace":[]}`, "string")
	check(back, `{"error":1}`, `{"errorType":"string","errorMessage":"no","trace":[]}`, "string")
}

// saying looks at what console writes, as text and as JSON, with levels.
func saying(t *testing.T, s sandbox.Spec, check checker) {
	t.Helper()
	said := func(s sandbox.Spec, lines []string, never string) {
		t.Helper()
		log := string(check(s, `{}`, "null", "").LogTail)
		for _, line := range lines {
			if !strings.Contains(log, line) {
				t.Errorf("%q is not in\n%s", line, log)
			}
		}
		if never != "" && strings.Contains(log, never) {
			t.Errorf("%q is in\n%s", never, log)
		}
	}
	said(s, []string{"\tTRACE\tt", "\tDEBUG\td", "\tINFO\ti", "\tWARN\t{ w: 1 }", "\tERROR\tTypeError: e\n    at "}, "")
	failing := s
	failing.LogFormat, failing.Key, failing.Handler = "JSON", "failing", "index.handler"
	r := check(failing, `{"fail":1}`, `"no"`, "TypeError")
	if !strings.Contains(string(r.LogTail), `"message":{"errorType":"TypeError","errorMessage":"no","stackTrace":["TypeError: no"`) {
		t.Errorf("%s", r.LogTail)
	}
	s.LogFormat, s.Key = "JSON", "json"
	said(s, []string{`"level":"INFO","requestId":"00000000-`, `"message":"i"}`, `"level":"WARN","requestId":"00000000-`, `"message":{"w":1}}`,
		`"errorType":"RangeError","errorMessage":"r","stackTrace":["RangeError: r"`, `[Circular *1]`,
		`"errorType":"TypeError","errorMessage":"e","stackTrace":["TypeError: e","    at `}, `"message":"d"`)
	s.ApplicationLogLevel, s.Key = "ERROR", "errors"
	said(s, []string{`"errorMessage":"e"`}, `"message":"i"`)
}

// modules looks at both kinds of modules, and where packages are found.
func modules(h *house, id string, check checker) {
	esm := h.function("esm", "app.mjs", "const meta = await Promise.resolve(import.meta.url);\nexport const handler = async () => meta;\n", 0o644)
	esm.Runtime, esm.Handler = id, "app.handler"
	check(esm, `{}`, `app.mjs"`, "")
	typed := h.function("typed", "app.js", "import x from 'x';\nexport const handler = async (event) => event.never ? new Promise(() => {}) : x;\n", 0o644)
	write(h.t, filepath.Join(typed.CodeDir, "package.json"), `{"type":"module"}`)
	layer := h.layer(map[string]string{
		"nodejs/node_modules/x/index.js": `module.exports = "of a layer"`,
		"nodejs/node" + strings.TrimSuffix(strings.TrimPrefix(id, "nodejs"), ".x") + "/node_modules/y/index.js": `module.exports = "of this version"`,
	})
	typed.Runtime, typed.Handler, typed.Layers = id, "app.handler", []string{layer}
	check(typed, `{}`, `"of a layer"`, "")
	check(typed, `{"never":1}`, `Runtime.NodeJsExit`, "Runtime.NodeJsExit")
	typed.Layers, typed.Key = nil, "bare"
	check(typed, `{}`, `Cannot find package 'x' imported from `, "Runtime.ImportModuleError")
	endless := h.function("endless", "app.mjs", "await new Promise(() => {});\n", 0o644)
	endless.Runtime, endless.Handler = id, "app.handler"
	check(endless, `{}`, `exit status 13`, "Runtime.ExitError")
	main := h.function("main", "app.js", "exports.handler = async () => [require.main === undefined, process.mainModule === undefined];\n", 0o644)
	main.Runtime, main.Handler = id, "app.handler"
	check(main, `{}`, `[true,true]`, "")
	common := h.function("common", "app.cjs", "exports.in = { deep: { handler: async () => require('x') + ', ' + require('y') } };\n", 0o644)
	common.Runtime, common.Handler, common.Layers = id, "app.in.deep.handler", []string{layer}
	check(common, `{}`, `"of a layer, of this version"`, "")
	broken := h.function("broken", "app.js", "exports.handler = async () => {\n", 0o644)
	broken.Runtime, broken.Handler = id, "app.handler"
	check(broken, `{}`, `"errorMessage":"SyntaxError: Unexpected end of input"`, "Runtime.UserCodeSyntaxError")
}

// loading looks at what AWS turns off, and at NODE_OPTIONS.
func loading(h *house, id, major string, check checker) {
	requires := h.function("requires", "app.js", "exports.handler = async () => require('./m.mjs').default;\n", 0o644)
	write(h.t, filepath.Join(requires.CodeDir, "m.mjs"), "export default 'an ES module';\n")
	write(h.t, filepath.Join(requires.CodeDir, "first.cjs"), "globalThis.first = 'before';\n")
	requires.Runtime, requires.Handler = id, "app.handler"
	check(requires, `{}`, `"errorMessage":"require() of ES Module `, "Error")
	requires.Environment, requires.Key = map[string]string{"NODE_OPTIONS": "--experimental-require-module"}, "asked for"
	if major != "18" { // which does not know the option
		check(requires, `{}`, `"an ES module"`, "")
	}
	guessed := h.function("guessed", "app.js", "import fs from 'node:fs';\nexport const handler = async () => 'guessed';\n", 0o644)
	guessed.Runtime, guessed.Handler = id, "app.handler"
	check(guessed, `{}`, `"errorMessage":"SyntaxError: Cannot use import statement outside a module"`, "Runtime.UserCodeSyntaxError")
	early := h.function("early", "app.js", "exports.handler = async () => globalThis.first;\n", 0o644)
	write(h.t, filepath.Join(early.CodeDir, "first.cjs"), "globalThis.first = 'before';\n")
	early.Runtime, early.Handler, early.Environment = id, "app.handler", map[string]string{"NODE_OPTIONS": "--require /var/task/first.cjs"}
	if noNamespaces() {
		early.Environment["NODE_OPTIONS"] = "--require " + filepath.Join(early.CodeDir, "first.cjs")
	}
	check(early, `{}`, `"before"`, "")
}
