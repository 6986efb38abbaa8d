package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"anthill/fault"
)

// LogsFile lists the write-ahead logs that must be there, since Pebble cannot tell a log that is missing from one that
// never was. A line "+NAME" adds one and "-NAME" takes it off; it is begun anew at every start. Every line is flushed: a
// plus once the log is durably there, a minus before it goes.
const LogsFile = "LOGS"

// logList keeps LogsFile.
type logList struct {
	fs  FS
	dir string // of LogsFile; the logs are in its "db"

	mu struct {
		sync.Mutex
		file   vfs.File // nil before begin and after close
		closed bool
	}
}

// missing names the logs that are listed and not there. Without a list nothing is missing.
func (l *logList) missing() ([]string, error) {
	f, err := l.fs.Open(path.Join(l.dir, LogsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	var live []string
	for line := range strings.Lines(string(text)) {
		name, whole := strings.CutSuffix(line, "\n")
		switch {
		case !whole: // cut off by a crash: what it speaks of had not begun, or not gone
		case strings.HasPrefix(name, "+"):
			live = append(live, name[1:])
		case strings.HasPrefix(name, "-"):
			live = slices.DeleteFunc(live, func(n string) bool { return n == name[1:] })
		default:
			return nil, fmt.Errorf("%s holds a line %q", LogsFile, name)
		}
	}
	return slices.DeleteFunc(live, func(n string) bool {
		_, err := l.fs.Stat(path.Join(l.dir, "db", n))
		return err == nil
	}), nil
}

// refuse gives the error for a directory in which a log is missing.
func (l *logList) refuse() error {
	if l == nil {
		return nil
	}
	gone, err := l.missing()
	if err != nil || len(gone) == 0 {
		return err
	}
	return &fault.Error{Kind: fault.Conflict, Noun: "data directory", Name: l.dir, Reason: "damaged",
		Detail: fmt.Sprintf("%s is missing from db, and with it what was acknowledged last; `anthill doctor` says what is readable; "+
			"bring the file back, restore a backup, or remove the file %s to go on without, or choose another directory", strings.Join(gone, ", "), LogsFile)}
}

// begin writes the list anew, with the logs that are there now, unless Pebble's opening has begun it.
func (l *logList) begin() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.file != nil {
		return nil
	}
	return l.beginLocked()
}

func (l *logList) beginLocked() error {
	names, err := l.fs.List(path.Join(l.dir, "db"))
	if err != nil {
		return err
	}
	// A log that somebody has just made is listed here, before he made its name durable.
	if err := SyncDir(l.fs, path.Join(l.dir, "db")); err != nil {
		return err
	}
	slices.Sort(names)
	fresh := path.Join(l.dir, LogsFile+".new")
	f, err := l.fs.Create(fresh, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	for _, n := range names {
		if strings.HasSuffix(n, ".log") {
			_, werr := io.WriteString(f, "+"+n+"\n")
			err = errors.Join(err, werr)
		}
	}
	if err = errors.Join(err, f.Sync()); err == nil {
		if err = l.fs.Rename(fresh, path.Join(l.dir, LogsFile)); err == nil {
			err = SyncDir(l.fs, l.dir)
		}
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.mu.file = f
	return nil
}

// note flushes one line. Pebble makes and removes logs while it opens, when the directory is locked already: the list begins
// with the first of these, or a power cut then would leave one that names what is gone.
func (l *logList) note(sign, name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.closed {
		return nil
	}
	if l.mu.file == nil {
		if err := l.beginLocked(); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(l.mu.file, sign+l.fs.PathBase(name)+"\n"); err != nil {
		return err
	}
	return l.mu.file.SyncData()
}

// added makes a new log's name durable and lists it.
func (l *logList) added(name string) error {
	if err := SyncDir(l.fs, l.fs.PathDir(name)); err != nil {
		return err
	}
	return l.note("+", name)
}

func (l *logList) close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.closed = true
	if l.mu.file == nil {
		return nil
	}
	defer func() { l.mu.file = nil }()
	return l.mu.file.Close()
}
