package supervisor

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"anthill/fault"
)

// A supervisor that nobody needs ends; a platform that comes at that moment is sent away and starts another, instead of
// being left with one that is gone.
func TestAPlatformComesAsTheSupervisorEnds(t *testing.T) {
	dir := t.TempDir()
	name, release, err := socketIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: name, Net: "unixpacket"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := &server{k: newKeeper(dir), dir: dir, patience: time.Minute}
	type dialed struct {
		c   *Client
		err error
	}
	dial := func() chan dialed { // it waits for the greeting
		out := make(chan dialed, 1)
		go func() {
			c, err := Dial(dir, func(string, Exit) {})
			out <- dialed{c, err}
		}()
		return out
	}
	accept := func() *net.UnixConn {
		c, err := l.AcceptUnix()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := dial()
	s.connect(t.Context(), accept())
	a := <-first
	if a.err != nil {
		t.Fatal(a.err)
	}
	if away, over := s.alone(time.Now().Add(time.Hour)); away || over {
		t.Errorf("with a platform: away %v, over %v", away, over)
	}
	a.c.Close()
	s.k.wg.Wait() // it has seen that
	second := dial()
	late := accept()
	if away, over := s.alone(time.Now()); !away || !over {
		t.Errorf("without platform and environments: away %v, over %v", away, over)
	}
	s.connect(t.Context(), late)
	if b := <-second; !fault.Is(b.err, fault.NotFound) {
		t.Errorf("whoever came as it ended: %v", b.err)
	}
	if _, err := Dial(dir, func(string, Exit) {}); !fault.Is(err, fault.NotFound) {
		t.Errorf("whoever comes now: %v", err)
	}
}

// What a platform that was killed had stopped runs on, though the next one came before its end was noticed.
func TestTheNextPlatformComesBeforeTheLastHasGone(t *testing.T) {
	stopped := exec.Command("sleep", "60")
	if err := stopped.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = stopped.Process.Kill()
		_ = stopped.Wait()
	}()
	pid := stopped.Process.Pid
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(stateOf(t, pid), "T") {
		time.Sleep(time.Millisecond)
	}
	s := &server{k: newKeeper(t.TempDir()), patience: time.Minute}
	s.k.mu.environments["e"] = &environment{id: "e", frozen: []int{pid}}
	var platforms []*os.File
	for range 2 {
		ours, platform, err := packetPair()
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.FileConn(ours)
		if err != nil {
			t.Fatal(err)
		}
		ours.Close()
		platforms = append(platforms, platform)
		s.connect(t.Context(), c.(*net.UnixConn))
	}
	for end := time.Now().Add(10 * time.Second); strings.Contains(stateOf(t, pid), "T"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Error("it is still stopped")
			break
		}
	}
	for _, p := range platforms {
		p.Close()
	}
	s.k.wg.Wait()
}

// stateOf is a process's state, a letter (proc_pid_stat(5)).
func stateOf(t *testing.T, pid int) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, ok := strings.Cut(string(b), ") ")
	if err != nil || !ok {
		t.Fatal(err)
	}
	return rest[:1]
}
