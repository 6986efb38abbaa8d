package process_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"anthill/sandbox"
)

// platformMain is a platform that is going to be killed: it runs one invocation and prints when the handler is in it.
func platformMain(args []string) int {
	dir, code := args[0], args[1]
	t := &inProcess{}
	h := &house{t: t, dir: dir, code: code, log: &lines{}}
	h.open()
	s := h.python(args[2], args[3])
	if args[2] == "two" {
		s.Timeout = 2 * time.Second
	}
	if args[4] == "twice" { // leave an idle environment behind, and one with a kept outcome
		a, b := h.invoke(s, `{"n": 0}`), h.invoke(s, `{"n": 1}`)
		fmt.Println(a.RequestID, b.RequestID)
		a.Release()
		time.Sleep(time.Hour)
	}
	h.invoke(s, `{"n": 0}`)
	return 0
}

// killedPlatform starts a platform that invokes source, waits until source has written /tmp/ran, and
// kills the platform.
func killedPlatform(t *testing.T, h *house, name, source, how string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "platform", h.dir, h.code, name, source, how)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		if len(h.find("ran")) > 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if len(h.find("ran")) == 0 {
		t.Fatal("the handler never ran")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, as it should be
}

// find gives the files of that name in the /tmp of environments. Their mounts are the supervisor's: its view of the
// machine is asked for them.
func (h *house) find(name string) []string {
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well-formed
	for _, c := range commands {
		b, err := os.ReadFile(c)
		if err == nil && strings.Contains(string(b), "supervisor\x00--dir\x00"+h.dir+"\x00") {
			found, _ := filepath.Glob(filepath.Join(filepath.Dir(c), "root", h.dir, "tmp/*/*", name))
			return found
		}
	}
	return nil
}

// read gives a file of the /tmp of the only environment that has it.
func (h *house) read(t *testing.T, name string) string {
	t.Helper()
	found := h.find(name)
	if len(found) != 1 {
		t.Fatalf("%v: want one %s", found, name)
	}
	b, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What a platform decided before its first environment came, when there was no supervisor yet, is certain not to have been
// handed over if the next platform finds nothing of it.
func TestNothingIsSentBeforeTheFirstSupervisor(t *testing.T) {
	h := &house{t: t, dir: t.TempDir(), code: t.TempDir(), log: &lines{}}
	before := time.Now()
	h.open()
	decided := time.Now()
	r := h.invoke(h.python("short", "def handler(event, context):\n    return 1\n"), "{}")
	r.Release()
	h.Abandon()
	h.d.Abandon()
	h.open()
	t.Cleanup(func() { h.Close() })
	if !h.NeverSent(t.Context(), "another", decided) {
		t.Error("what was never sent is taken for sent")
	}
	if h.NeverSent(t.Context(), "another", before) {
		t.Error("nobody knows what was sent before the platform opened")
	}
}

// The platform is killed with kill -9 while a handler runs. The handler runs on, once; the next platform has its outcome
// and its log.
func TestKilledPlatformLosesNothing(t *testing.T) {
	h := &house{t: t, dir: t.TempDir(), code: t.TempDir(), log: &lines{}}
	source := `
import time
def handler(event, context):
    print("began")
    open("/tmp/ran", "a").write("ran\n")
    time.sleep(` + fmt.Sprint(0.7*patience) + `)
    print("ended")
    return {"answer": 42}
`
	killedPlatform(t, h, "slow", source, "once")

	h.open()
	t.Cleanup(func() { h.Close() })
	r, found, err := h.Adopt(t.Context(), id(1))
	if err != nil || !found {
		t.Fatalf("Adopt: found %v, %v", found, err)
	}
	if string(r.Payload) != `{"answer": 42}` || r.FunctionError != "" {
		t.Errorf("outcome %s %s", r.Payload, r.FunctionError)
	}
	r.Release()
	if b := h.read(t, "ran"); b != "ran\n" {
		t.Errorf("the handler ran %q", b)
	}
	log := h.log.text()
	for _, want := range []string{"began\n", "ended\n", "END RequestId: " + id(1), "REPORT RequestId: " + id(1)} {
		if strings.Count(log, want) != 1 {
			t.Errorf("the log has not one %q:\n%s", want, log)
		}
	}
	// The environment serves on, warm.
	if r := h.invoke(h.python("slow", source), `{}`); r.Start != sandbox.Warm {
		t.Errorf("next invocation: %s", r.Start)
	}
}

// An outcome that nobody acknowledged is kept; an idle environment goes on serving.
func TestKilledPlatformLeavesOutcomes(t *testing.T) {
	h := &house{t: t, dir: t.TempDir(), code: t.TempDir(), log: &lines{}}
	source := `
import os
def handler(event, context):
    if event["n"] == 1:
        open("/tmp/ran", "w").close()
    return os.getpid()
`
	killedPlatform(t, h, "quick", source, "twice")
	h.open()
	t.Cleanup(func() { h.Close() })
	r, found, err := h.Adopt(t.Context(), id(2))
	if err != nil || !found || r.FunctionError != "" {
		t.Fatalf("Adopt: %+v, %v, %v", r, found, err)
	}
	r.Release()
	if n := len(h.Environments()); n != 2 {
		t.Errorf("%d environments survived, want 2", n)
	}
}

// A handler that crashes, or runs out of time, while there is no platform has AWS's outcome too.
func TestWhatEndsWithoutAPlatform(t *testing.T) {
	for _, c := range []struct {
		name, action, want string
	}{
		{"crash", "time.sleep(1); os._exit(7)", "Runtime exited with error: exit status 7"},
		{"hang", "time.sleep(60)", "Task timed out after 2.00 seconds"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := &house{t: t, dir: t.TempDir(), code: t.TempDir(), log: &lines{}}
			source := "import os, time\ndef handler(event, context):\n    open('/tmp/ran', 'w').close()\n    " + c.action + "\n"
			killedPlatform(t, h, "two", source, "once")
			time.Sleep(3500 * time.Millisecond) // real processes end in real time
			h.open()
			t.Cleanup(func() { h.Close() })
			r, found, err := h.Adopt(t.Context(), id(1))
			if err != nil || !found {
				t.Fatalf("Adopt: %v, %v", found, err)
			}
			if !strings.Contains(string(r.Payload), c.want) {
				t.Errorf("outcome %s, want %q", r.Payload, c.want)
			}
			r.Release()
			if r := h.invoke(h.python("two", "def handler(e, c):\n    return 1\n"), `{}`); string(r.Payload) != "1" {
				t.Errorf("afterwards: %s", r.Payload)
			}
		})
	}
}

// When the platform closes, nothing is left running.
func TestCloseLeavesNothing(t *testing.T) {
	h := &house{t: t, dir: t.TempDir(), code: t.TempDir(), log: &lines{}}
	h.open()
	s := h.python("forks", `
import os, subprocess, time
def handler(event, context):
    a = subprocess.Popen(["sleep", "1000"])
    b = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execvp("sleep", ["sleep", "1000"])
        os._exit(0)
    time.sleep(0.1)
    return os.getpid()
`)
	r := h.invoke(s, `{}`)
	r.Release()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	left := 0
	dirs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, d := range dirs {
		if b, err := os.ReadFile(d); err == nil && strings.Contains(string(b), r.EnvironmentID) {
			left++
		}
	}
	if left != 0 {
		t.Errorf("%d processes are left", left)
	}
	if _, err := os.Stat(filepath.Join(h.dir, "control-1.sock")); err == nil {
		t.Error("the supervisor's socket is left")
	}
}

// inProcess is the testing.TB of the platform that is killed.
type inProcess struct{ testing.TB }

func (*inProcess) Helper()           {}
func (*inProcess) Fatal(args ...any) { fmt.Fprintln(os.Stderr, args...); os.Exit(1) }

// A platform that ends while a template is being made leaves no supervisor behind.
func TestCloseWhileATemplateStarts(t *testing.T) {
	h := &house{t: t, dir: t.TempDir(), code: t.TempDir(), log: &lines{}}
	h.open()
	s := h.python("early", "import decimal, email, http.client, asyncio\ndef handler(e, c):\n    return 1\n")
	go h.Prepare(t.Context(), s) // whether it succeeds is not the question
	for range 400 {
		if found, _ := filepath.Glob(filepath.Join(h.dir, "templates/*/root")); len(found) > 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		alive := false
		procs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, p := range procs {
			b, _ := os.ReadFile(p)
			alive = alive || strings.Contains(string(b), "--dir\x00"+h.dir)
		}
		if !alive {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the supervisor lives on")
}
