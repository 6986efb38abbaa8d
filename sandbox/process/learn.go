package process

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"anthill/sandbox"
)

// learned is what the first init of a function's code showed that its template lacks.
type learned struct {
	modules []string
}

// learnedFor is how long a list that nothing asks for is kept.
const learnedFor = 30 * 24 * time.Hour

// codeKey names the code that an init of spec runs, whatever function and version it belongs to.
func codeKey(spec *sandbox.Spec) string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{spec.Runtime, spec.Handler, spec.CodeDir}, spec.Layers...), "\x00")))
	return hex.EncodeToString(sum[:12])
}

func (d *Driver) learnedDir() string { return filepath.Join(d.c.Dir, "learned") }

// lesson gives what is known of spec's code: nil when nothing is. It outlives the platform and the machine's restarts.
func (d *Driver) lesson(spec *sandbox.Spec) *learned {
	key := codeKey(spec)
	d.mu.Lock()
	l, asked := d.mu.learned[key]
	d.mu.Unlock()
	if asked {
		return l
	}
	path := filepath.Join(d.learnedDir(), key)
	if b, err := os.ReadFile(path); err == nil {
		l = &learned{modules: strings.Fields(string(b))}
		now := time.Now()
		_ = os.Chtimes(path, now, now) // it is in use; without this it is learned again one day
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if have := d.mu.learned[key]; have != nil {
		return have
	}
	d.mu.learned[key] = l
	return l
}

// remember keeps what was learned.
func (d *Driver) remember(spec *sandbox.Spec, l *learned) {
	key := codeKey(spec)
	d.mu.Lock()
	d.mu.learned[key] = l
	d.mu.Unlock()
	if os.MkdirAll(d.learnedDir(), 0o700) != nil {
		return // it is learned again after a restart
	}
	path := filepath.Join(d.learnedDir(), key)
	if os.WriteFile(path+".new", []byte(strings.Join(l.modules, "\n")+"\n"), 0o600) == nil {
		_ = os.Rename(path+".new", path)
	}
}

// pruneLearned removes lists that nothing has asked for in a long time.
func (d *Driver) pruneLearned(now time.Time) {
	entries, err := os.ReadDir(d.learnedDir())
	if err != nil {
		return // there are none
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > learnedFor {
			_ = os.Remove(filepath.Join(d.learnedDir(), e.Name()))
		}
	}
}

// learning reports whether the next init of spec may teach its template.
func (d *Driver) learning(spec *sandbox.Spec) bool {
	return spec.Method == "" && d.lesson(spec) == nil
}

// first is the first init of some code, which may teach its template.
type first struct {
	over chan struct{} // closed when a template was taught, or there is nothing to teach
	once sync.Once
}

func (f *first) end() {
	if f != nil {
		f.once.Do(func() { close(f.over) })
	}
}

// goFirst is asked before an init. It gives what the caller has to end when no init of the code has begun yet; otherwise it
// waits for the first to end, as long as the machine has no processor to spare: inits that import the same libraries would
// only hold each other up. It waits for half of the time that ctx leaves at most.
func (e *environment) goFirst(ctx context.Context) *first {
	d := e.d
	if e.runtime.interpreter.Language != "python" || wraps(&e.spec) || d.restores(&e.spec) || !d.learning(&e.spec) {
		return nil
	}
	key := codeKey(&e.spec)
	d.mu.Lock()
	f := d.mu.firsts[key]
	if f == nil {
		f = &first{over: make(chan struct{})}
		d.mu.firsts[key] = f
		d.mu.Unlock()
		return f
	}
	d.mu.Unlock()
	until := time.Now().Add(time.Minute)
	if deadline, ok := ctx.Deadline(); ok {
		until = time.Now().Add(time.Until(deadline) / 2)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-f.over:
			return nil
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if now.After(until) || d.Spare() {
				return nil
			}
		}
	}
}

// learn takes the modules that a slow init, or a slow first invocation, brought into memory. A template that holds them is
// made, and later environments are forked from it. It ends f then, or at once.
func (d *Driver) learn(e *environment, modules []byte, f *first) {
	if len(modules) == 0 || !d.learning(&e.spec) {
		f.end()
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.closed {
		f.end()
		return
	}
	l := &learned{modules: strings.Split(string(modules), "\n")}
	d.wg.Go(func() {
		defer f.end()
		spec, ctx := e.spec, context.Background()
		t, err := d.templateWith(ctx, &spec, e.runtime, libraryKey(&spec, true), l.modules)
		if err != nil {
			return
		}
		client, err := d.supervisor(ctx)
		if err != nil {
			return
		}
		if _, err := client.Warm(ctx, t); err != nil {
			return
		}
		d.remember(&spec, l)
	})
}
