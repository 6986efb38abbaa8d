package process_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"anthill/sandbox"
)

// inside is what a runtime in a container image tells of where it is.
type inside struct {
	User      int
	Powers    string // effective ones, as /proc shows them
	Processes int
	Root      []string
	Dir       string
	Writable  []string // of some directories
}

func tellInside() string {
	t := inside{User: os.Getuid()}
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "CapEff:\t")
	t.Powers, _, _ = strings.Cut(rest, "\n")
	processes, _ := filepath.Glob("/proc/[0-9]*")
	t.Processes = len(processes)
	entries, _ := os.ReadDir("/")
	for _, e := range entries {
		t.Root = append(t.Root, e.Name())
	}
	t.Dir, _ = os.Getwd()
	for _, dir := range []string{"/", "/dev", "/task", "/tmp"} {
		if os.WriteFile(dir+"/written", nil, 0o600) == nil {
			t.Writable = append(t.Writable, dir)
		}
	}
	b, _ := json.Marshal(t) // numbers and strings always marshal
	return string(b)
}

// A container image is isolated alike whoever starts it, and what goes wrong in it is told alike.
func TestImageEngines(t *testing.T) {
	if noNamespaces() {
		t.Skip("container images need namespaces")
	}
	for _, engine := range []string{"", "crun"} {
		t.Run("engine="+engine, func(t *testing.T) {
			path := ""
			if engine != "" {
				var err error
				if path, err = exec.LookPath(engine); err != nil {
					t.Skip(err)
				}
				if _, err := os.Stat("/sys/fs/cgroup/unified"); err == nil && os.Getuid() != 0 {
					t.Skip("crun does not run where both versions of control groups are mounted")
				}
			}
			root := t.TempDir()
			for _, dir := range []string{"dev", "proc", "tmp", "etc", "task"} {
				if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for name, content := range map[string][]byte{"bootstrap": program(t), "etc/hosts": nil} {
				if err := os.WriteFile(filepath.Join(root, name), content, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			h := newHouse(t)
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
			h.engine = path
			plain := filepath.Join(t.TempDir(), "process.test") // the adapter runs in the image, where no library of the race detector's is
			if err := os.WriteFile(plain, program(t), 0o755); err != nil {
				t.Fatal(err)
			}
			h.supervisor = []string{plain, "supervisor"}
			h.open()
			image := func(name string, entry ...string) sandbox.Spec {
				s := h.python(name, "")
				s.Key, s.Runtime, s.Handler, s.CodeDir, s.Timeout = name, "", "", "", patience*time.Second
				s.Image = &sandbox.Image{Root: root, EntryPoint: entry, Dir: "/task", Env: []string{"_HANDLER=" + name}}
				return s
			}
			var told inside
			if r := h.invoke(image("tells", "/bootstrap"), "{}"); r.FunctionError != "" || json.Unmarshal(r.Payload, &told) != nil {
				t.Fatalf("%s %s %s", r.FunctionError, r.Payload, h.log.text())
			}
			t.Logf("%+v", told)
			if told.User == 0 && os.Getuid() == 0 || strings.Trim(told.Powers, "0") != "" || told.Processes != 2 || told.Dir != "/task" {
				t.Errorf("%+v", told)
			}
			if got := strings.Join(told.Root, " "); got != "bootstrap dev etc proc task tmp" {
				t.Errorf("it sees %s", got)
			}
			if got := strings.Join(told.Writable, " "); got != "/tmp" {
				t.Errorf("it may write to %s", got)
			}
			for name, want := range map[string]string{"exit": "Runtime.ExitError", "answers nothing": "Sandbox.Timedout"} {
				s := image(name, "/bootstrap")
				if r := h.invoke(s, "{}"); !strings.Contains(string(r.Payload), want) {
					t.Errorf("%s: %s", name, r.Payload)
				}
				if r := h.invoke(s, `"well"`); r.FunctionError != "" {
					t.Errorf("after %s: %s", name, r.Payload)
				}
			}
			if r := h.invoke(image("gone", "/missing"), "{}"); !strings.Contains(string(r.Payload), "Runtime.InvalidEntrypoint") {
				t.Errorf("a program that is not there: %s", r.Payload)
			}
			if engine == "" {
				relative := image("relative", "/bootstrap")
				relative.Image.Dir = "task"
				for _, c := range []struct {
					spec       sandbox.Spec
					kind, says string
				}{
					{image("nothing"), "Runtime.InvalidEntrypoint", "Error: Couldn't find valid bootstrap(s): []"},
					{relative, "Runtime.InvalidWorkingDir", "Error: the working directory 'task' is invalid, it needs to be an absolute path"},
				} {
					r := h.invoke(c.spec, "{}")
					var told struct{ ErrorMessage, ErrorType string }
					if err := json.Unmarshal(r.Payload, &told); err != nil || told.ErrorType != c.kind || !strings.HasSuffix(told.ErrorMessage, c.says) {
						t.Errorf("%s: %s, want %s %s", c.spec.Key, r.Payload, c.kind, c.says)
					}
				}
			}
			left, _ := filepath.Glob(filepath.Join(h.dir, "*", "container-*"))
			if len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
