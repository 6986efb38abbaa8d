package interp_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"anthill/asl"
	"anthill/asl/interp"
	"anthill/value"
)

var update = flag.Bool("update", false, "record what the scripts and language files give")

// TestScripts plays the scripts of testdata. A script is blocks of a command, "----", and all that follows from it: the
// events, then what is owed. Lines that begin with # are comments. Commands:
//
//	machine FILE              parse a definition
//	start JSON                start an execution of it
//	started N                 task N has been handed to whoever does it
//	submitted N JSON          the service has accepted task N
//	succeed N JSON            task N gives its output
//	fail N ERROR "cause"      task N fails
//	heartbeat N               task N gives a sign of life
//	map N JSON                map run N gives its output
//	fire N KIND               timer N fires: wait, retry, timeout, heartbeat, machine
//	after DURATION            time passes
//	stop ERROR "cause"        somebody stops the execution
//	redrive                   somebody redrives it
//	crash                     everything is forgotten but the events, which are applied again
//
// N is the position of the event that called for the task or timer; an event that AWS shows with another id has it in
// parentheses.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := playScript(t, string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(text) {
				t.Errorf("got\n%s\nwant\n%s", got, text)
			}
		})
	}
}

// player is a script being played.
type player struct {
	t       *testing.T
	machine *asl.Machine
	x       *interp.Execution
	events  []interp.Event
	now     time.Time
}

func playScript(t *testing.T, text string) string {
	p := &player{t: t, now: epoch}
	var out strings.Builder
	for i, block := range strings.Split(strings.TrimRight(text, "\n"), "\n\n") {
		if i > 0 {
			out.WriteString("\n")
		}
		command, _, _ := strings.Cut(block, "\n----")
		out.WriteString(command + "\n----\n")
		for _, line := range strings.Split(command, "\n") {
			if line != "" && !strings.HasPrefix(line, "#") {
				out.WriteString(p.do(line))
			}
		}
	}
	return out.String()
}

var kinds = map[string]interp.Kind{"wait": interp.WaitTimer, "retry": interp.RetryTimer, "timeout": interp.TimeoutTimer,
	"heartbeat": interp.HeartbeatTimer, "machine": interp.MachineTimer}

func (p *player) do(line string) string {
	name, rest, _ := strings.Cut(line, " ")
	first, more, _ := strings.Cut(rest, " ")
	n, _ := strconv.ParseUint(first, 10, 64)
	switch name {
	case "machine":
		text, err := os.ReadFile(filepath.Join("testdata", first))
		if err != nil {
			p.t.Fatal(err)
		}
		p.machine = machine(p.t, string(text))
		return ""
	case "start":
		p.x = newExecution(p.machine)
		return p.decide(interp.Start{Input: value.MustParse(rest), Seed: [16]byte{1}})
	case "started":
		return p.decide(interp.TaskStart{Task: n, Worker: more})
	case "submitted":
		return p.decide(interp.TaskSubmission{Task: n, Output: value.MustParse(more)})
	case "succeed":
		return p.decide(interp.TaskOutput{Task: n, Output: value.MustParse(more)})
	case "fail":
		e, cause, _ := strings.Cut(more, " ")
		return p.decide(interp.TaskFailure{Task: n, Error: e, Cause: unquoted(cause)})
	case "heartbeat":
		return p.decide(interp.Heartbeat{Task: n})
	case "map":
		return p.decide(interp.MapRunOutput{MapRun: n, Output: value.MustParse(more)})
	case "fire":
		k := interp.Key{Seq: n, Kind: kinds[more]}
		for _, e := range p.x.Pending() {
			if timer, ok := e.(*interp.Timer); ok && timer.Timer == k && timer.At.After(p.now) {
				p.now = timer.At
			}
		}
		return p.decide(interp.TimerFired{Timer: k})
	case "after":
		d, err := time.ParseDuration(rest)
		if err != nil {
			p.t.Fatal(err)
		}
		p.now = p.now.Add(d)
		return ""
	case "stop":
		return p.decide(interp.Stop{Error: first, Cause: unquoted(more)})
	case "redrive":
		return p.decide(interp.Redrive{})
	case "crash":
		p.x = newExecution(p.machine)
		for i := range p.events {
			e, err := interp.Decode(p.events[i].Append(nil))
			if err != nil {
				p.t.Fatal(err)
			}
			p.x.Apply(&e)
		}
		return p.decide(interp.Resume{})
	}
	p.t.Fatalf("no command %q", line)
	return ""
}

func unquoted(s string) string {
	if u, err := strconv.Unquote(s); err == nil {
		return u
	}
	return s
}

func (p *player) decide(in interp.Input) string {
	var b strings.Builder
	for _, e := range p.x.Decide(in, p.now) {
		p.events = append(p.events, e)
		b.WriteString(p.event(&e))
	}
	if p.x.Done() {
		fmt.Fprintf(&b, "%s\n", p.x.Status())
	}
	for _, e := range p.x.Pending() {
		switch e := e.(type) {
		case *interp.RunTask:
			fmt.Fprintf(&b, "owes: task %d %s %s", e.Task, e.State, e.Arguments.Raw())
			if e.Token != "" {
				b.WriteString(" token")
			}
			if e.Started {
				b.WriteString(" started")
			}
			b.WriteString("\n")
		case *interp.RunMap:
			fmt.Fprintf(&b, "owes: map run %d %s %s\n", e.MapRun, e.State.Name, e.Items.Raw())
		case *interp.Timer:
			for name, kind := range kinds {
				if kind == e.Timer.Kind {
					fmt.Fprintf(&b, "owes: timer %d %s at +%s\n", e.Timer.Seq, name, e.At.Sub(epoch))
				}
			}
		}
	}
	return b.String()
}

func (p *player) event(e *interp.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", e.Seq)
	if !e.Type.Hidden() && e.ID != int64(e.Seq) {
		fmt.Fprintf(&b, " (%d)", e.ID)
	}
	if e.Type.Hidden() {
		fmt.Fprintf(&b, " · %s", e.Type)
	} else {
		fmt.Fprintf(&b, " %s <%d", e.Type, e.Prev)
	}
	if e.Name != "" {
		b.WriteString(" " + e.Name)
	}
	if strings.HasPrefix(e.Type.String(), "MapIteration") {
		fmt.Fprintf(&b, "[%d]", e.Index)
	}
	if !e.Payload.IsAbsent() {
		b.WriteString(" " + e.Payload.Raw())
	}
	if e.Error != "" || e.Cause != "" {
		fmt.Fprintf(&b, " %s %q", e.Error, e.Cause)
	}
	for _, v := range e.Assigned {
		fmt.Fprintf(&b, " $%s=%s", v.Name, v.Value)
	}
	if !e.Until.IsZero() {
		fmt.Fprintf(&b, " until +%s", e.Until.Sub(epoch))
	}
	return b.String() + "\n"
}
