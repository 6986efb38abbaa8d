package supervisor

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"anthill/sandbox/runtimeapi"
)

// freeze stops what runs in an environment between its invocations, as AWS does: threads, children and timers of the
// function. It gives the processes that are stopped: a single thread that waits for its next invocation is left, and so is
// everything where there are no namespaces, which alone say what belongs to an environment, and where there are extensions,
// which have work of their own after an invocation. The platform may let them run on by itself, so that they are stopped is
// never certain here.
func (k *keeper) freeze(id string) []int {
	k.mu.Lock()
	e := k.mu.environments[id]
	if e == nil || e.exit != nil || e.stopping || e.polite || e.clone == nil && !e.isolated || e.clone != nil && !e.clone.t.isolated {
		k.mu.Unlock()
		return nil
	}
	k.mu.Unlock()
	var members func() []int
	if c := e.clone; c != nil {
		members = func() []int { return slices.Concat([]int{c.pid}, Below(c.pid), Below(c.first())) }
		if all := members(); len(all) == 1 && len(Threads(c.pid)) == 1 {
			return nil
		}
	} else {
		if !asking(e.state) {
			return nil
		}
		members = func() []int { return Below(e.pid) }
	}
	var stopped []int
	for range 10 { // what runs may fork until it is stopped
		grown := false
		for _, pid := range members() {
			if !slices.Contains(stopped, pid) && syscall.Kill(pid, syscall.SIGSTOP) == nil {
				stopped, grown = append(stopped, pid), true
			}
		}
		if !grown {
			break
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if e.frozen = stopped; e.stopping || e.exit != nil {
		e.thawLocked()
	}
	return e.frozen
}

// asking reports whether an adapter's runtime waits for an invocation.
func asking(page string) bool {
	b, err := os.ReadFile(page)
	return err == nil && len(b) >= runtimeapi.AskingAt+4 && binary.LittleEndian.Uint32(b[runtimeapi.AskingAt:]) == 1
}

// thaw lets an environment run on.
func (k *keeper) thaw(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.mu.environments[id]; e != nil {
		e.thawLocked()
	}
}

// thawAll lets all of them run on: the next platform does not know which are stopped.
func (k *keeper) thawAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.mu.environments {
		e.thawLocked()
	}
}

// thawLocked needs keeper.mu.
func (e *environment) thawLocked() {
	for _, pid := range e.frozen {
		_ = syscall.Kill(pid, syscall.SIGCONT) // one that was killed meanwhile is gone
	}
	e.frozen = nil
}

// Below are the processes that came of pid and are still below it.
func Below(pid int) (all []int) {
	if pid <= 0 {
		return nil
	}
	for _, thread := range Threads(pid) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, thread))
		if err != nil {
			continue // of a thread that has ended
		}
		for _, f := range strings.Fields(string(b)) {
			if child, err := strconv.Atoi(f); err == nil {
				all = append(append(all, child), Below(child)...)
			}
		}
	}
	return all
}

// Threads are a process's threads; none when it is gone.
func Threads(pid int) (all []int) {
	tasks, _ := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	for _, t := range tasks {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			all = append(all, id)
		}
	}
	return all
}
