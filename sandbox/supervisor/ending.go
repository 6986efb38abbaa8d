package supervisor

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// maxLog is how much output of an environment is kept until it is read.
const maxLog = 64 << 20

// stop ends every process of an environment and returns when none is left. It forgets how the runtime ended.
func (k *keeper) stop(id string) error {
	k.mu.Lock()
	e := k.mu.environments[id]
	if e == nil {
		k.mu.Unlock()
		return nil
	}
	e.stopping = true
	e.thawLocked() // extensions are told, and answer
	delete(k.mu.environments, id)
	pid, over := e.pid, e.exit != nil
	k.mu.Unlock()
	switch {
	case over:
	case e.clone != nil:
		e.clone.heed(e.state)
		e.clone.kill()
		for range 500 { // five seconds: a kill that the kernel cannot finish must not hold everything up
			if closedWithin(e.done, 10*time.Millisecond) {
				break
			}
			e.clone.kill()
		}
		return nil // its control socket closes with it
	default:
		if e.polite { // its extensions are told, and have two seconds
			_ = syscall.Kill(pid, syscall.SIGTERM)
			closedWithin(e.done, 2500*time.Millisecond)
		}
		if e.isolated {
			_ = syscall.Kill(pid, syscall.SIGKILL) // gone already is fine
		}
		killTree(pid, id, e.done)
	}
	k.mu.Lock()
	if e.control != nil && e.clone == nil {
		e.control.Close()
		e.control = nil
	}
	k.mu.Unlock()
	return nil
}

func closedWithin(done <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}

// endAll stops every environment and lets none start any more.
func (k *keeper) endAll() {
	k.mu.Lock()
	k.mu.ended = true
	var ids []string
	for id := range k.mu.environments {
		ids = append(ids, id)
	}
	k.mu.Unlock()
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() { _ = k.stop(id) })
	}
	wg.Wait()
	k.templates.Lock()
	all := k.templates.all
	k.templates.all = map[string]*template{}
	k.templates.Unlock() // they are gone when their forks are, which look there for their users
	for _, t := range all {
		wg.Go(t.end)
	}
	wg.Wait()
}

// close ends everything and waits for the keeper's goroutines.
func (k *keeper) close() {
	k.endAll()
	close(k.quit)
	done := make(chan struct{})
	go func() {
		k.wg.Wait()
		close(done)
	}()
	// What does not end by then ends with the process: templates and runtimes watch their control sockets.
	closedWithin(done, 5*time.Second)
	k.groups.close()
	k.roots.forget(time.Time{})
}

// endLate ends what runs past its deadline while no platform does.
func (k *keeper) endLate(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.mu.environments {
		if e.exit != nil {
			continue
		}
		if p, err := ReadPage(e.state); err == nil && p.State == Running && !p.Deadline.IsZero() && now.After(p.Deadline) {
			e.late = true
			if e.clone != nil {
				k.wg.Go(e.clone.kill) // it may have much to end
			} else {
				_ = syscall.Kill(-e.pid, syscall.SIGKILL) // gone already is fine
			}
		}
	}
}

// reapChildren collects every child that ends: runtimes, and orphans that came to us.
func (k *keeper) reapChildren() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	defer signal.Stop(ended)
	for {
		for k.reapOne() {
		}
		select {
		case <-k.quit:
			return
		case <-ended:
		}
	}
}

func (k *keeper) reapOne() bool {
	var w syscall.WaitStatus
	pid, err := syscall.Wait4(-1, &w, syscall.WNOHANG, nil)
	if err != nil || pid <= 0 {
		return err == syscall.EINTR
	}
	k.mu.Lock()
	e := k.mu.pids[pid]
	if e == nil {
		k.mu.Unlock()
		return true
	}
	delete(k.mu.pids, pid)
	id, state := e.id, e.state
	k.mu.Unlock()
	w = ownStatus(state, w)
	oom := w.Signaled() && e.group.outOfMemory()
	if !k.ended(e, Exit{PID: pid, Status: statusText(w), OutOfMemory: oom}) {
		killRest(pid, id)
	}
	if e.group != nil {
		k.wg.Go(e.group.remove)
	}
	return true
}

// ended notes that e's runtime has ended, and tells the platform unless that was asked for.
func (k *keeper) ended(e *environment, x Exit) (asked bool) {
	k.mu.Lock()
	x.Late = e.late
	x.OutOfMemory = x.OutOfMemory || e.starved
	e.exit = &x
	told, id := k.mu.exited, e.id
	asked = e.stopping || e.ahead
	k.mu.Unlock()
	close(e.done)
	if !asked && told != nil {
		told(id, x)
	}
	return asked
}

// kill ends e's runtime with every process that it started, as a kernel that is out of memory would.
func (k *keeper) kill(e *environment) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.killLocked(e)
}

func (k *keeper) killLocked(e *environment) {
	if e.exit == nil && e.pid > 0 {
		_ = syscall.Kill(-e.pid, syscall.SIGKILL) // gone already is fine
	}
}
