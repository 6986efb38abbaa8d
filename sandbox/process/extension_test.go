package process_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// An external extension in shell: it notes the events that it gets.
const extensionScript = `#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
id=$(curl -sS -D - -o /dev/null -X POST "$api/register" -H "Lambda-Extension-Name: ${0##*/}" -d '{"events":["INVOKE","SHUTDOWN"]}' | grep -i lambda-extension-identifier | tr -d '[:space:]' | cut -d: -f2)
while true; do
  event=$(curl -sS "$api/event/next" -H "Lambda-Extension-Identifier: $id")
  echo "extension: $event handler=$_HANDLER"
  case "$event" in *SHUTDOWN*) exit 0 ;; esac
done
`

func (h *house) layer(files map[string]string) string {
	h.t.Helper()
	dir := h.t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			h.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			h.t.Fatal(err)
		}
	}
	return dir
}

func TestExtensions(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("the test's extension is written with curl")
	}
	h := newHouse(t)
	layer := h.layer(map[string]string{"extensions/noter": extensionScript})
	python := h.python("extended", "import os\ndef handler(event, context):\n    return os.environ['_HANDLER']\n")
	shell := promised{h}.Shell("extendedshell")
	shell.Handler = "app.handler"
	for _, s := range []struct {
		name, event, want string
	}{{"python", "{}", `"app.handler"`}, {"shell", `"echo $_HANDLER"`, `"app.handler "`}} {
		t.Run(s.name, func(t *testing.T) {
			spec := python
			if s.name == "shell" {
				spec = shell
			}
			spec.Layers = []string{layer}
			for range 2 {
				r := h.invoke(spec, s.event)
				r.Release()
				if string(r.Payload) != s.want {
					t.Fatalf("%s\n%s", r.Payload, h.log.text())
				}
			}
			h.Drop(spec.Key)
		})
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	log := h.log.text()
	for want, times := range map[string]int{`{"eventType":"INVOKE","deadlineMs":`: 4, `"tracing":{"type":"X-Amzn-Trace-Id"`: 4, "handler=\n": 4,
		"EXTENSION\tName: noter\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n": 2,
		`{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":`:  2} {
		if n := strings.Count(log, want); n < times {
			t.Errorf("%d times %q, want %d:\n%s", n, want, times, log)
		}
	}
}

func TestExtensionsThatFail(t *testing.T) {
	h := newHouse(t)
	s := h.python("failing", "def handler(event, context):\n    return 1\n")
	s.Layers = []string{h.layer(map[string]string{"extensions/quitter": "#!/bin/sh\nexit 3\n"})}
	r := h.invoke(s, "{}")
	r.Release()
	if r.ErrorType != "Extension.Crash" || !strings.Contains(string(r.Payload), "exit status 3") {
		t.Errorf("%s %s", r.ErrorType, r.Payload)
	}
}

func TestExecWrapper(t *testing.T) {
	h := newHouse(t)
	for _, runtime := range []string{"python3.11", "nodejs20.x"} {
		s := h.function("wrapped"+runtime[:4], "wrapper", "#!/bin/sh\nexport WRAPPED=\"by $(basename $0)\"\nexec \"$@\"\n", 0o755)
		for name, source := range map[string]string{"app.py": "import os\ndef handler(event, context):\n    print('hello')\n    return os.environ['WRAPPED']\n",
			"app.js": "exports.handler = async () => process.env.WRAPPED;\n"} {
			if err := os.WriteFile(filepath.Join(s.CodeDir, name), []byte(source), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		s.Runtime, s.Environment = runtime, map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}
		for range 2 {
			r := h.invoke(s, "{}")
			r.Release()
			if string(r.Payload) != `"by wrapper"` {
				t.Errorf("%s: %s\n%s", runtime, r.Payload, r.LogTail)
			}
		}
		s.Key += "/options" // AWS's own example of a wrapper puts them before the last argument
		option := map[string]string{"python3.11": "-q", "nodejs20.x": "--title=wrapped"}[runtime]
		if err := os.WriteFile(filepath.Join(s.CodeDir, "wrapper"), []byte("#!/bin/bash\nargs=(\"$@\")\nexport WRAPPED=\"${args[@]: -1}\"\nexec \"${args[@]:0:$#-1}\" "+option+" \"${args[@]: -1}\"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		o := h.invoke(s, "{}")
		o.Release()
		if !strings.Contains(string(o.Payload), "boot") || o.FunctionError != "" {
			t.Errorf("%s with %s: %s\n%s", runtime, option, o.Payload, o.LogTail)
		}
		s.Key += "/absent"
		s.Environment = map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/idontexist"}
		r := h.invoke(s, "{}")
		r.Release()
		if r.ErrorType != "Runtime.ExitError" || !strings.Contains(string(r.Payload), "exit status 127") {
			t.Errorf("%s without its wrapper: %s", runtime, r.Payload)
		}
	}
}
