package supervisor

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"anthill/sandbox/runtimeapi"
)

// A runtime that speaks the Runtime API cannot be forked. What it needs of time is the start of its process, which knows
// nothing of the function: so a function that has been started lately has one more environment, whose runtime is up and has
// read nothing of the function's code. It waits for the word to go on, with its variables.

// aheadAtMost is how many of them there are, of all functions. Each is a process of its own, of some 10 to 40 MB.
const aheadAtMost = 8

// aheadAfter is when one is made after a start, whose own init comes first.
const aheadAfter = 300 * time.Millisecond

// aheadFor is how long one waits.
const aheadFor = 10 * time.Minute

// ahead is an environment that waits for its work. What it is is its environment's.
type ahead struct {
	key   string
	e     *environment
	dir   string // with its output and its state page
	data  *os.File
	tmp   string
	since time.Time
}

// takeAhead gives e's place to an environment that waits, if there is one.
func (k *keeper) takeAhead(c *Command, s *started) bool {
	if c.Adapter.Key == "" || c.Tmp != "" || c.Fresh {
		return false
	}
	k.ahead.Lock()
	i := slices.IndexFunc(k.ahead.all, func(a *ahead) bool { return a.key == c.Adapter.Key })
	if i < 0 {
		k.ahead.Unlock()
		return false
	}
	a := k.ahead.all[i]
	k.ahead.all = slices.Delete(k.ahead.all, i, i+1)
	k.ahead.Unlock()
	word, err := json.Marshal(runtimeapi.Word{Env: c.Adapter.Job.Env})
	if err == nil {
		err = os.Rename(a.e.log, c.Log)
	}
	if err == nil {
		err = os.Rename(a.e.state, c.State)
	}
	if err == nil {
		k.mu.Lock()
		if a.e.exit != nil {
			err = os.ErrProcessDone
		} else {
			delete(k.mu.environments, a.e.id)
			a.e.id, a.e.log, a.e.state, a.e.ahead = c.ID, c.Log, c.State, false
			k.mu.environments[c.ID] = a.e
			err = unix.Sendmsg(int(a.e.control.Fd()), word, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		}
		k.mu.Unlock()
	}
	if err != nil { // it died: the start goes on without
		k.endAhead(a)
		return false
	}
	_ = os.RemoveAll(a.dir)
	s.pid, s.data, s.method, s.tmp = a.e.pid, a.data, "spare", a.tmp
	return true
}

// makeAhead makes one for what c starts, unless there is one.
func (k *keeper) makeAhead(c *Command) error {
	if c.Adapter.Key == "" || c.Fresh || k.noNamespaces() != "" {
		return nil
	}
	k.ahead.Lock()
	if k.ahead.making[c.Adapter.Key] || slices.ContainsFunc(k.ahead.all, func(a *ahead) bool { return a.key == c.Adapter.Key }) {
		k.ahead.Unlock()
		return nil
	}
	k.ahead.making[c.Adapter.Key] = true
	k.ahead.n++
	name := fmt.Sprintf("ahead-%d-%d", os.Getpid(), k.ahead.n)
	k.ahead.Unlock()
	a, err := k.startAhead(c, name)
	k.ahead.Lock()
	delete(k.ahead.making, c.Adapter.Key)
	var longest *ahead
	if err == nil {
		k.ahead.all = append(k.ahead.all, a)
		if len(k.ahead.all) > aheadAtMost {
			longest = k.ahead.all[0]
			k.ahead.all = k.ahead.all[1:]
		}
	}
	k.ahead.Unlock()
	if longest != nil {
		k.endAhead(longest)
	}
	return err
}

func (k *keeper) startAhead(c *Command, name string) (*ahead, error) {
	a := &ahead{key: c.Adapter.Key, dir: filepath.Join(k.dir, "ahead", name), tmp: name, since: time.Now()}
	if err := os.MkdirAll(a.dir, 0o711); err != nil {
		return nil, err
	}
	adapter := *c.Adapter
	adapter.Job.Waits = true
	waiting := &Command{ID: name, Log: filepath.Join(a.dir, "log"), State: filepath.Join(a.dir, "state"), Adapter: &adapter, Tmp: name}
	a.e = &environment{id: name, log: waiting.Log, state: waiting.State, done: make(chan struct{}), memoryMB: adapter.MemoryMB, ahead: true}
	var s started
	log, inner, page, err := k.open(waiting, &s)
	if err == nil {
		err = k.startAdapter(a.e, waiting, &s, log, inner, page)
	}
	closeAll([]*os.File{log, inner, page})
	if a.data = s.data; err != nil {
		if s.data != nil {
			s.data.Close()
		}
		_ = os.RemoveAll(a.dir)
		return nil, err
	}
	return a, nil
}

// endAhead ends one that nobody wants.
func (k *keeper) endAhead(a *ahead) {
	k.mu.Lock()
	id, scratch := a.e.id, a.e.scratch
	k.mu.Unlock()
	_ = k.stop(id) // which forgets it
	a.data.Close()
	if scratch != nil {
		scratch.remove()
	}
	_ = os.RemoveAll(a.dir)
}

// forgetAhead ends those whose key begins with prefix, or that have waited for too long when prefix is "".
func (k *keeper) forgetAhead(prefix string, now time.Time) {
	k.ahead.Lock()
	var gone []*ahead
	k.ahead.all = slices.DeleteFunc(k.ahead.all, func(a *ahead) bool {
		old := prefix != "" && strings.HasPrefix(a.key, prefix) || now.Sub(a.since) > aheadFor
		if old {
			gone = append(gone, a)
		}
		return old
	})
	k.ahead.Unlock()
	for _, a := range gone {
		k.endAhead(a)
	}
}
