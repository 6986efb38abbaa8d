package runtimeapi

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Word is what an adapter that waits is told on its control socket: to go on, with these variables.
type Word struct{ Env []string }

// waitsVariable tells a runtime of ours that it has to ask before it reads the function's code. It never sees it.
const waitsVariable = "_ANTHILL_WAITS"

// word waits for the word to go on.
func (l *link) word() (*Word, error) {
	buf := make([]byte, 256<<10)
	n, _, _, _, err := l.control.ReadMsgUnix(buf, nil)
	if err != nil || n == 0 {
		return nil, errors.New("the supervisor is gone")
	}
	w := &Word{}
	return w, json.Unmarshal(buf[:n], w)
}

// goOn lets the runtime read the function's code: its init begins.
func (a *api) goOn(w *Word) {
	had := map[string]string{}
	for _, v := range a.job.Env {
		name, value, _ := strings.Cut(v, "=")
		had[name] = value
	}
	set := map[string]string{}
	for _, v := range w.Env {
		name, value, _ := strings.Cut(v, "=")
		if old, ok := had[name]; !ok || old != value {
			set[name] = value
		}
	}
	b, _ := json.Marshal(set) // strings always marshal
	a.begin.Store(time.Now().UnixNano())
	a.word <- b // has room for the one
}
