package sandboxtest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"anthill/sandbox"
)

// Shell is the bootstrap of a provided runtime whose event is a shell command and whose result is what it printed, in one
// line. It needs curl.
const Shell = `#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  head=$(mktemp)
  event=$(curl -sS -D "$head" "$api/invocation/next") || exit 1
  id=$(grep -i lambda-runtime-aws-request-id "$head" | tr -d '[:space:]' | cut -d: -f2)
  rm -f "$head"
  command=$(printf %s "$event" | sed 's/^"//; s/"$//; s/\\"/"/g; s/\\\\/\\/g')
  out=$(sh -c "$command" 2>/tmp/trouble | tr '\n' ' ' | tr -d '"\\')
  curl -sS -X POST "$api/invocation/$id/response" -d "\"$out\"" >/dev/null || exit 1
done
`

// Evaluate is a Node handler whose event is the body of an asynchronous function and whose result is what that returns.
const Evaluate = `
const AsyncFunction = (async () => {}).constructor;
exports.handler = (event) => new AsyncFunction("require", event)(require);
`

// Runtimes is what TestRuntimes needs of a driver's test: functions as Python of House makes them, of Shell as a provided
// runtime, and of Evaluate as "app.handler" of Node.
type Runtimes interface {
	House
	Shell(name string) sandbox.Spec
	Node(name string) sandbox.Spec
}

// TestRuntimes tries to break from other runtimes what TestPromises tries from Python. skip is as there.
func TestRuntimes(t *testing.T, h Runtimes, skip map[string]string) {
	makers := map[string]func(string) sandbox.Spec{"shell": h.Shell, "node": h.Node}
	for _, p := range attempts {
		t.Run(p.runtime+" "+p.name, func(t *testing.T) {
			if why := skip[p.name]; why != "" {
				t.Skip(why)
			}
			s := makers[p.runtime](p.runtime + strings.NewReplacer(" ", "", "/", "").Replace(p.name))
			s.Timeout = 20 * time.Second // machines that run tests are busy
			if p.ends {
				s.Timeout = 5 * time.Second
			}
			got, ok := attempt(t, h, s, p.command)
			if ok && got != p.want || !ok && !p.ends {
				t.Errorf("%q (answered: %v), want %q", got, ok, p.want)
			}
			if got, ok := attempt(t, h, s, map[string]string{"shell": "echo fine", "node": "return 'fine'"}[p.runtime]); strings.TrimSpace(got) != "fine" || !ok {
				t.Errorf("the next request: %q (answered: %v)", got, ok)
			}
		})
	}
	t.Run("a neighbour's Runtime API", func(t *testing.T) { strangers(t, h) })
	t.Run("shell the timeout", func(t *testing.T) { outlive(t, h) })
}

func attempt(t *testing.T, h House, s sandbox.Spec, command string) (string, bool) {
	t.Helper()
	var event strings.Builder
	e := json.NewEncoder(&event)
	e.SetEscapeHTML(false)
	if err := e.Encode(command); err != nil {
		t.Fatal(err)
	}
	r := result(t, h, s, strings.TrimSpace(event.String()))
	r.Release()
	var text string
	if r.FunctionError != "" || json.Unmarshal(r.Payload, &text) != nil {
		return string(r.Payload), false
	}
	return text, true
}

var attempts = [...]struct {
	name, runtime, command, want string
	ends                         bool // the environment need not live to answer
}{
	{"host files", "shell", "cat /etc/shadow && echo got", "", false},
	{"writing outside /tmp", "shell", "for d in / /var/task /opt /etc /usr /home /run /dev /proc; do (: > $d/mark) 2>/dev/null && echo $d; done", "", false},
	{"powers", "shell", "unshare -r true && echo a user namespace; mount -t tmpfs none /tmp && echo mount; kill -9 1; ulimit -n 999999 && echo files; grep CapEff /proc/self/status | grep -v 0000000000000000", "", false},
	{"memory", "shell", "head -c 2G /dev/zero | tail -n 1 | wc -c | grep 2147483648", "", true},
	{"filling /tmp", "shell", "head -c 600M /dev/zero > /tmp/big; s=$(stat -c %s /tmp/big); rm /tmp/big; [ $s -gt 400000000 ] && [ $s -le 536870912 ] && echo held", "held ", false},
	{"processes", "shell", "i=0; while [ $i -lt 1100 ]; do sleep 60 >/dev/null 2>&1 & i=$((i+1)); done; echo made them all", "", true},
	{"host files", "node", "try { return require('fs').readFileSync('/etc/shadow', 'utf8') } catch (e) { return e.code }", "ENOENT", false},
	{"memory", "node", "const all = []; for (let i = 0; i < 128; i++) all.push(Buffer.alloc(16 << 20, 1)); return 'had it'", "", true},
	{"powers", "node", "const {spawnSync} = require('child_process'); return [spawnSync('unshare', ['-r', 'true']).status, process.kill(process.pid, 0)].join()", "1,true", false},
}

// strangers has one function ask another's Runtime API for its work: at every port of the machine that listens.
func strangers(t *testing.T, h Runtimes) {
	victim, spy := h.Shell("victim"), h.Shell("stranger")
	victim.Timeout, spy.Timeout = 30*time.Second, time.Minute
	if got, ok := attempt(t, h, victim, "echo $AWS_LAMBDA_RUNTIME_API"); !ok || !strings.Contains(got, ":") {
		t.Fatalf("%q", got)
	} else if answer, ok := attempt(t, h, spy, "curl -sS --max-time 2 -o /dev/null -D - http://"+strings.TrimSpace(got)+"/2018-06-01/runtime/invocation/next; cat /tmp/trouble"); !ok || strings.Contains(answer, "HTTP") || !strings.Contains(answer, "curl:") {
		t.Errorf("%q", answer)
	}
	if got, ok := attempt(t, h, victim, "echo fine"); !ok || got != "fine " {
		t.Errorf("the victim afterwards: %q", got)
	}
}

// outlive leaves a process of a session of its own behind when the time is up.
func outlive(t *testing.T, h Runtimes) {
	s := h.Shell("outlive")
	s.Timeout = 2 * time.Second
	if got, ok := attempt(t, h, s, "setsid sh -c 'while :; do echo x >> /tmp/alive; sleep 0.01; done' & sleep 60"); ok || !strings.Contains(got, "Sandbox.Timedout") {
		t.Errorf("%q", got)
	}
	if got, _ := attempt(t, h, s, "a=$(stat -c %s /tmp/alive); sleep 0.3; echo $(($(stat -c %s /tmp/alive) - a))"); got != "0 " {
		t.Errorf("a child outlived the timeout, or /tmp was lost: %q", got)
	}
}
