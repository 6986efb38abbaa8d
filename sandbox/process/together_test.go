package process

import (
	"cmp"
	"io"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"anthill/sandbox"
	"anthill/sandbox/supervisor"
)

// settled starts a shell script and gives its process when it has said something. further has it read a line, and returns
// when it has said something more.
func settled(t *testing.T, script string) (pid int, further func()) {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	out, err := cmd.StdoutPipe()
	in, inErr := cmd.StdinPipe()
	if err = cmp.Or(err, inErr); err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, pid := range append(supervisor.Below(cmd.Process.Pid), cmd.Process.Pid) {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		_ = cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid, func() {
		t.Helper()
		_, err := io.WriteString(in, "\n")
		if err == nil {
			_, err = out.Read(make([]byte, 16))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// alone is a process of one thread without children.
func alone(t *testing.T) int {
	pid, _ := settled(t, "echo; read x")
	return pid
}

func processorsOf(t *testing.T, pid int) int {
	t.Helper()
	var s unix.CPUSet
	if err := unix.SchedGetaffinity(pid, &s); err != nil {
		t.Fatal(err)
	}
	return s.Count()
}

func TestMate(t *testing.T) {
	all := newPrompts()
	if !all.several {
		t.Skip("one processor")
	}
	every := all.all.Count()
	send := func(c *conn, number uint64) {
		t.Helper()
		if err := c.invoke(number, &sandbox.Invocation{}, time.Now().Add(time.Minute), frameInvoke); err != nil {
			t.Fatal(err)
		}
	}
	prompt := func(pid int, p *prompts) (*conn, func(number uint64)) {
		c, far := pair(t)
		c.prompts, c.mu.mate.first = p, pid
		c.hurry()
		return c, func(number uint64) {
			t.Helper()
			if _, err := far.Write(response(number, nil)); err != nil {
				t.Fatal(err)
			}
			if f, err, came := c.soon(); err != nil || !came || f.number != number {
				t.Fatal(f, err, came)
			}
		}
	}

	t.Run("a lone invocation keeps it, others let it go", func(t *testing.T) {
		pid, p := alone(t), newPrompts()
		c, answer := prompt(pid, p)
		other, answerOther := prompt(alone(t), p)
		if n := processorsOf(t, pid); n != every {
			t.Fatalf("%d of %d processors before the first invocation", n, every)
		}
		send(c, 1)
		if n := processorsOf(t, pid); n != 1 {
			t.Errorf("%d processors with an invocation underway", n)
		}
		send(other, 1)
		answer(1)
		send(c, 2)
		if n := processorsOf(t, pid); n != every {
			t.Errorf("%d processors with another invocation underway", n)
		}
		answer(2)
		answerOther(1)
		if n := p.underway.Load(); n != 0 {
			t.Errorf("%d underway at the end", n)
		}
		send(c, 3)
		answer(3)
		if n := processorsOf(t, pid); n != 1 {
			t.Errorf("%d processors when it is alone again", n)
		}
		if _, err := c.patient(); err != nil || processorsOf(t, pid) != every {
			t.Errorf("%v, %d processors when its reader is patient", err, processorsOf(t, pid))
		}
	})
	t.Run("what it began is let go with it", func(t *testing.T) {
		pid, further := settled(t, "echo; read x; sleep 60 & sleep 60 & echo; wait")
		c, answer := prompt(pid, newPrompts())
		send(c, 1)
		further()
		answer(1)
		its := append(supervisor.Below(pid), pid)
		for _, each := range its {
			if n := processorsOf(t, each); n != 1 {
				t.Errorf("%d processors: the test shows nothing", n)
			}
		}
		c.meetAgain()
		for _, each := range its {
			if n := processorsOf(t, each); n != every {
				t.Errorf("%d processors", n)
			}
		}
		if send(c, 2); len(its) != 3 || processorsOf(t, pid) != every {
			t.Errorf("%v: a process with children is kept somewhere", its)
		}
		answer(2)
	})
	t.Run("who is left where it is", func(t *testing.T) {
		parent, _ := settled(t, "sleep 60 & sleep 60 & echo; wait")
		for name, pid := range map[string]int{
			"with children": parent,
			"with threads":  unix.Getpid(),
			"gone":          1 << 30,
		} {
			p := newPrompts()
			c, answer := prompt(pid, p)
			send(c, 1)
			answer(1)
			if c.mu.mate.pid != 0 {
				t.Error(name)
			}
		}
	})
	t.Run("what began it is not what answers", func(t *testing.T) {
		first, _ := settled(t, "(echo; exec sleep 60) & wait")
		c, answer := prompt(first, newPrompts())
		send(c, 1)
		below := supervisor.Below(first)
		if len(below) != 1 || processorsOf(t, below[0]) != 1 || processorsOf(t, first) != every {
			t.Errorf("%v below %d are kept elsewhere", below, first)
		}
		answer(1)
		c.prompts.stalled.Store(0)
		send(c, 2)
		if _, _, came := c.soon(); came { // no answer comes
			t.Fatal("a frame from nowhere")
		}
		if n := processorsOf(t, below[0]); n != every {
			t.Errorf("%d processors after a wait in vain", n)
		}
	})
	t.Run("the reader is where it was sent from, and free afterwards", func(t *testing.T) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		c, answer := prompt(alone(t), newPrompts())
		for n := range uint64(50) {
			send(c, n)
			answer(n)
		}
		if n := processorsOf(t, 0); n != every {
			t.Errorf("%d processors", n)
		}
	})
}
