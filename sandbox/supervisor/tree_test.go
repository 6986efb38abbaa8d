package supervisor

import (
	"bufio"
	"os/exec"
	"testing"
	"time"
)

// Whatever came of a process goes before it, daemons that left its session too.
func TestKillBelow(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", "for i in 1 2 3 4 5; do sleep 300 & done; setsid sleep 300 & (sleep 300 & wait) & echo; read _")
	if _, err := cmd.StdinPipe(); err != nil { // it stays when its children have gone
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	all := Below(cmd.Process.Pid)
	if len(all) < 7 {
		t.Errorf("%d processes below the shell", len(all))
	}
	if n := killBelow(cmd.Process.Pid); n < len(all) {
		t.Errorf("%d were signalled, %d were there", n, len(all))
	}
	if p, ok := stat(cmd.Process.Pid); !ok || p.zombie {
		t.Error("the first process went before the others")
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
			killBelow(cmd.Process.Pid)
			time.Sleep(time.Millisecond)
		}
	}
	for _, pid := range all {
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) { // a signal takes its time
			if p, ok := stat(pid); !ok || p.zombie {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("process %d lives", pid)
			}
		}
	}
}

// A process that is gone has number 0, which is the session of others.
func TestNobodyIsKilledForOneThatIsGone(t *testing.T) {
	if n := killOnce(0, "", true) + killBelow(0); n != 0 {
		t.Errorf("%d processes", n)
	}
}

// A template that is ended while it starts is not waited for: what waits for its end sees it.
func TestTemplateEndsWhileItStarts(t *testing.T) {
	k := newKeeper(t.TempDir())
	k.mu.plain = "it is not needed here"
	k.wg.Go(k.spawner)
	k.wg.Go(k.reapChildren)
	defer k.close()
	spec := &Template{Key: "slow", Tmps: t.TempDir(), Plain: Variant{Argv: []string{"/bin/sleep", "300"}}}
	failed := make(chan error, 1)
	go func() {
		_, err := k.template(spec)
		failed <- err
	}()
	var slow *template
	for slow == nil {
		time.Sleep(time.Millisecond)
		k.templates.Lock()
		if found := k.templates.all["slow"]; found != nil {
			found.mu.Lock()
			if found.mu.pid > 0 {
				slow = found
			}
			found.mu.Unlock()
		}
		k.templates.Unlock()
	}
	slow.end()
	select {
	case <-slow.gone:
	default:
		t.Error("nobody said that it is gone")
	}
	if err := <-failed; err == nil {
		t.Error("it is ready")
	}
}

// A template is gone when its forks are, which may still have to look for their user.
func TestTheEndDoesNotHoldUpForks(t *testing.T) {
	k := newKeeper(t.TempDir())
	cmd := exec.Command("/bin/sleep", "300")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last := &template{k: k, spec: &Template{}, gone: make(chan struct{})}
	last.mu.pid = cmd.Process.Pid
	k.templates.all["last"] = last
	go func() {
		_ = cmd.Wait()
		k.idsOf("/tmp")
		k.forget("", time.Now())
		close(last.gone)
	}()
	k.endAll()
	select {
	case <-last.gone:
	default:
		t.Error("it was given up while a fork waited for us")
	}
	<-last.gone
}
