package process

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	"anthill/sandbox"
	"anthill/sandbox/supervisor"
)

var _ sandbox.Ledger = (*Driver)(nil)

// generation is the file that names the supervisor in whose care environments are, and since when. It is not flushed: what
// it is about does not outlive the machine either.
type generation struct {
	Supervisor string
	Since      time.Time
}

const (
	generationFile = "generation"
	endedDir       = "ended"
	endedFor       = time.Hour // a supervisor without a platform ends long before
)

// inCare notes which supervisor d speaks with, and gives since when it is that one. With another than before it is since the
// instant given, from which on nothing was handed over but what this one will know.
func (d *Driver) inCare(c *supervisor.Client, since time.Time) time.Time {
	id := c.Identity()
	if id == "" {
		return time.Time{}
	}
	name := filepath.Join(d.c.Dir, generationFile)
	var g generation
	if b, err := os.ReadFile(name); err == nil && json.Unmarshal(b, &g) == nil && g.Supervisor == id {
		return g.Since
	}
	b, err := json.Marshal(generation{id, since})
	if err == nil {
		err = os.WriteFile(name+".new", b, 0o600)
	}
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err != nil { // what it would have told is then not known
		_ = os.Remove(name)
	}
	return time.Time{}
}

// Complete is the instant since when what was handed over is known.
func (d *Driver) Complete() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.complete
}

// Ended reports whether the environment of an invocation was stopped on the platform's word.
func (d *Driver) Ended(requestID string) bool {
	_, err := os.Stat(d.endedName(requestID))
	return err == nil
}

func (d *Driver) endedName(requestID string) string {
	h := sha256.Sum256([]byte(requestID))
	return filepath.Join(d.c.Dir, endedDir, hex.EncodeToString(h[:16]))
}

// noteEnd writes, before an environment is stopped, which invocation it has or had last: the supervisor will not know it
// any more, and the platform may end before the outcome is safe.
func (e *environment) noteEnd() {
	page, err := supervisor.ReadPage(e.statePath())
	if err != nil || page.RequestID == "" || page.State != supervisor.Running && page.State != supervisor.Kept {
		return
	}
	name := e.d.endedName(page.RequestID)
	err = os.WriteFile(name, nil, 0o600)
	if os.IsNotExist(err) {
		if err = os.MkdirAll(filepath.Dir(name), 0o700); err == nil {
			err = os.WriteFile(name, nil, 0o600)
		}
	}
	if err != nil { // then nothing is known any more
		_ = os.Remove(filepath.Join(e.d.c.Dir, generationFile))
	}
	if strings.HasPrefix(filepath.Base(name), "00") { // one time in 256
		e.d.forgetEnded()
	}
}

// forgetEnded drops old notes.
func (d *Driver) forgetEnded() {
	entries, err := os.ReadDir(filepath.Join(d.c.Dir, endedDir))
	if err != nil {
		return
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > endedFor {
			_ = os.Remove(filepath.Join(d.c.Dir, endedDir, entry.Name()))
		}
	}
}
