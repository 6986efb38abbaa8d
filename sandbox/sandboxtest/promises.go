package sandboxtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"anthill/sandbox"
)

// House is what TestPromises needs of a driver's test: a pool over it, and a way to make a Python function of source whose
// handler is "app.handler", with 256 MB and a timeout of 5 seconds.
type House interface {
	Pool() *sandbox.Pool
	Python(name, source string) sandbox.Spec
}

// TestPromises tries to break what the driver promises about isolation and limits. skip, when not empty for a promise's
// name, says why this machine cannot keep it.
func TestPromises(t *testing.T, h House, skip map[string]string) {
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			if why := skip[p.name]; why != "" {
				t.Skip(why)
			}
			p.try(t, h)
		})
	}
}

var promises = [...]struct {
	name string
	try  func(t *testing.T, h House)
}{
	{"host files", func(t *testing.T, h House) {
		want(t, h, "secrets", `
def handler(event, context):
    try:
        return open("/etc/shadow").read()
    except OSError as e:
        return "refused"
`, `"refused"`)
	}},
	{"writing outside /tmp", func(t *testing.T, h House) {
		want(t, h, "writes", `
import os
def handler(event, context):
    wrote = []
    for d in ("/", "/var/task", "/opt", "/var/runtime", "/etc", "/usr", "/usr/local", "/home", "/run", "/dev", "/proc"):
        try:
            open(os.path.join(d, "mark"), "w").close()
            wrote.append(d)
        except OSError:
            pass
    open("/tmp/mark", "w").write("x")
    return wrote
`, `[]`)
	}},
	{"powers", func(t *testing.T, h House) {
		want(t, h, "powers", `
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def handler(event, context):
    got = []
    if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0: got.append("mount")
    if libc.sethostname(b"x", 1) == 0: got.append("hostname")
    if libc.umount2(b"/tmp", 2) == 0: got.append("umount")
    if libc.chroot(b"/tmp") == 0: got.append("chroot")
    if libc.unshare(0x10000000) == 0: got.append("a user namespace")
    if libc.ptrace(0, 0, None, None) == 0: got.append("ptrace")
    if libc.syscall(250, 0, -3, 0) >= 0: got.append("the keyring") # keyctl on x86-64
    for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        line = [l for l in open("/proc/self/status") if l.startswith(name)][0]
        if int(line.split()[1], 16) != 0: got.append(line)
    try:
        import resource
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard + 1, hard + 1)); got.append("more files")
    except (OSError, ValueError): pass
    try:
        if os.getuid() != 0: # it is where only one user can be mapped, without his powers
            os.setuid(0); got.append("setuid")
    except OSError: pass
    return got
`, `[]`)
	}},
	{"a neighbour's environment and processes", neighbours},
	{"a neighbour's files", func(t *testing.T, h House) {
		a := h.Python("writer", "def handler(e, c):\n    open('/tmp/secret', 'w').write('s3cret')\n    return 1\n")
		result(t, h, a, "").Release()
		want(t, h, "searcher", `
import os
def handler(event, context):
    found = []
    for top in ("/tmp", "/run", "/var/tmp", "/home", "/dev", "/proc/1/cwd"):
        for d, _, files in os.walk(top):
            found += [os.path.join(d, f) for f in files if f == "secret"]
    return found
`, `[]`)
	}},
	{"memory", func(t *testing.T, h House) {
		s := h.Python("greedy", `
def handler(event, context):
    if event.get("small"): return "small"
    b = bytearray()
    for i in range(2048):
        b += b"x" * (1 << 20)
        if i % 16 == 0: print(i, flush=True)
    return len(b)
`)
		r := result(t, h, s, "{}")
		r.Release()
		had := 0
		for _, line := range strings.Split(string(r.LogTail), "\n") {
			_, _ = fmt.Sscan(line, &had) // other lines are the platform's
		}
		if had > 400 { // limits on what a process may take for itself leave room for what it maps
			t.Errorf("%d MB were taken from 256 MB", had)
		}
		if r.FunctionError == "" || r.ErrorType == "Sandbox.Timedout" {
			t.Errorf("2 GB were taken from 256 MB: %.200s", r.Payload)
		}
		r = result(t, h, s, `{"small": true}`)
		r.Release()
		if string(r.Payload) != `"small"` {
			t.Errorf("the next invocation: %s", r.Payload)
		}
	}},
	{"filling /tmp", func(t *testing.T, h House) {
		s := h.Python("filler", `
import errno, os
def handler(event, context):
    wrote, problem = 0, None
    try:
        with open("/tmp/big", "wb") as f:
            for _ in range(600):
                f.write(b"x" * (1 << 20)); f.flush()
                wrote += 1
    except OSError as e:
        problem = errno.errorcode[e.errno]
    os.remove("/tmp/big")
    open("/tmp/small", "w").write("there is room again")
    return [problem, 500 <= wrote <= 512]
`)
		s.TmpMB, s.Timeout = 512, time.Minute // twice the function's memory, which /tmp is not counted for
		r := result(t, h, s, "{}")
		r.Release()
		if string(r.Payload) != `["ENOSPC", true]` {
			t.Errorf("%s\n%s", r.Payload, r.LogTail)
		}
	}},
	{"processes", func(t *testing.T, h House) {
		s := h.Python("bomb", `
import os, time
def handler(event, context):
    n = 0
    try:
        while n < 5000:
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
            n += 1
    except OSError:
        pass
    return n
`)
		r := result(t, h, s, "{}")
		r.Release()
		var n int
		if _, err := fmt.Sscan(string(r.Payload), &n); err == nil && n >= 1100 {
			t.Errorf("%d processes were made", n)
		}
	}},
	{"the timeout", func(t *testing.T, h House) {
		s := h.Python("stubborn", `
import os, signal, subprocess, time
def handler(event, context):
    for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(n, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True:
                open("/tmp/alive", "a").write("x")
                time.sleep(0.01)
        os._exit(0)
    while True:
        time.sleep(1)
`)
		s.Timeout = time.Second
		s.Key += "/stubborn"
		r := result(t, h, s, "{}")
		if r.ErrorType != "Sandbox.Timedout" {
			t.Errorf("%s", r.Payload)
		}
		r.Release()
		// The environment is used again, with its /tmp, and nothing in it writes any more.
		s2 := s
		s2.Handler = "app.handler"
		sizes := h.Python("stubborn", `
import os, time
def handler(event, context):
    a = os.path.getsize("/tmp/alive"); time.sleep(0.2); return os.path.getsize("/tmp/alive") - a
`)
		sizes.Key, sizes.Timeout = s.Key, s.Timeout
		r = result(t, h, sizes, "{}")
		r.Release()
		if string(r.Payload) != "0" {
			t.Errorf("a child outlived the timeout, or /tmp was lost: %s", r.Payload)
		}
	}},
	{"output without end", func(t *testing.T, h House) {
		s := h.Python("flood", `
import os
def handler(event, context):
    b = b"x" * 1000 + b"\n"
    while True:
        os.write(1, b * 100)
`)
		s.Timeout = 2 * time.Second
		r := result(t, h, s, "{}")
		r.Release()
		if r.ErrorType != "Sandbox.Timedout" {
			t.Errorf("%.200s", r.Payload)
		}
	}},
	{"large payloads", func(t *testing.T, h House) {
		s := h.Python("large", "def handler(event, context):\n    return event if event != 'more' else 'x' * 7000000\n")
		big := `"` + strings.Repeat("x", 6<<20-100) + `"`
		r := result(t, h, s, big)
		r.Release()
		if string(r.Payload) != big {
			t.Errorf("6 MB came back as %d bytes: %.100s", len(r.Payload), r.Payload)
		}
		r = result(t, h, s, `"more"`)
		r.Release()
		if r.ErrorType != "Function.ResponseSizeTooLarge" {
			t.Errorf("7 MB: %.100s", r.Payload)
		}
	}},
}

// neighbours has one function look for what another runs while it runs.
func neighbours(t *testing.T, h House) {
	a := h.Python("victim", "import os, time\ndef handler(e, c):\n    time.sleep(1)\n    return 1\n")
	a.Environment = map[string]string{"PASSWORD": "hunter2"}
	a.Key += "/victim"
	done := make(chan struct{})
	go func() {
		defer close(done)
		if r, err := h.Pool().Invoke(t.Context(), a, sandbox.Invocation{RequestID: "victim"}); err == nil {
			r.Release()
		}
	}()
	defer func() { <-done }()
	for range 500 {
		if busy(h.Pool(), a.Key) {
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	time.Sleep(200 * time.Millisecond)
	want(t, h, "spy", `
import os
def handler(event, context):
    seen, killed = [], []
    for p in os.listdir("/proc"):
        if p.isdigit():
            try:
                if b"hunter2" in open("/proc/%s/environ" % p, "rb").read():
                    seen.append(p)
            except OSError:
                pass
            if int(p) not in (1, os.getpid()):
                try:
                    if b"victim" not in open("/proc/%s/cmdline" % p, "rb").read(): continue
                    os.kill(int(p), 0)
                    killed.append(p)
                except OSError:
                    pass
    return [seen, killed]
`, `[[], []]`)
}

func busy(p *sandbox.Pool, key string) bool {
	for _, e := range p.Environments() {
		if e.Key == key && e.PID != 0 {
			return true
		}
	}
	return false
}

func result(t *testing.T, h House, s sandbox.Spec, event string) *sandbox.Result {
	t.Helper()
	r, err := h.Pool().Invoke(t.Context(), s, sandbox.Invocation{RequestID: s.FunctionName, Payload: []byte(event), LogTail: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func want(t *testing.T, h House, name, source, payload string) {
	t.Helper()
	s := h.Python(name, source)
	s.Timeout = time.Minute // machines that run tests are busy
	r := result(t, h, s, "{}")
	r.Release()
	if string(r.Payload) != payload {
		t.Errorf("%s, want %s\n%s", r.Payload, payload, r.LogTail)
	}
}
