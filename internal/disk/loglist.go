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
// plus once the log is durably there, a minus before it goes. A minus ends with the manifest that lists the tables which hold
// what was in the log, and how much of it was flushed by then ("-000004.log MANIFEST-000007 812"), since Pebble takes
// damage in its manifest for the manifest's end, and then knows nothing of those tables.
const LogsFile = "LOGS"

// logList keeps LogsFile.
type logList struct {
	fs  FS
	dir string // of LogsFile; the logs are in its "db"

	mu struct {
		sync.Mutex
		file   vfs.File // nil before begin and after close
		closed bool
		tables mark
	}
}

// mark says how much of a manifest is durable. The zero value knows of none.
type mark struct {
	manifest string
	bytes    int64
}

// read gives the logs that must be there, in their order, and the manifest of the last log that went. Without a list both
// are empty.
func (l *logList) read() (live []string, tables mark, err error) {
	f, err := l.fs.Open(path.Join(l.dir, LogsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, tables, nil
	}
	if err != nil {
		return nil, tables, err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, tables, err
	}
	for line := range strings.Lines(string(text)) {
		line, whole := strings.CutSuffix(line, "\n")
		if !whole { // cut off by a crash: what it speaks of had not begun, or not gone
			break
		}
		var m mark
		var name string
		switch n, _ := fmt.Sscan(line, &name, &m.manifest, &m.bytes); {
		case strings.HasPrefix(line, "+") && n == 1:
			if !slices.Contains(live, name[1:]) {
				live = append(live, name[1:])
			}
		case strings.HasPrefix(line, "-") && n != 2:
			live = slices.DeleteFunc(live, func(n string) bool { return n == name[1:] })
			if n == 3 {
				tables = m
			}
		default:
			return nil, tables, fmt.Errorf("%s holds a line %q", LogsFile, line)
		}
	}
	return live, tables, nil
}

// missing names the logs that are listed and not there, and gives the manifest that the list speaks of.
func (l *logList) missing() ([]string, mark, error) {
	live, tables, err := l.read()
	return slices.DeleteFunc(live, func(n string) bool {
		_, err := l.fs.Stat(path.Join(l.dir, "db", n))
		return err == nil
	}), tables, err
}

// refuse gives the error for a directory in which a log is missing, or the list of the tables that stand for logs of before.
func (l *logList) refuse() error {
	if l == nil {
		return nil
	}
	gone, tables, err := l.missing()
	if err != nil {
		return err
	}
	if len(gone) == 0 {
		return l.refuseTables(tables)
	}
	return &fault.Error{Kind: fault.Conflict, Noun: "data directory", Name: l.dir, Reason: "damaged",
		Detail: fmt.Sprintf("%s is missing from db, and with it what was acknowledged last; `anthill doctor` says what is readable; "+
			"bring the file back, restore a backup, or remove the file %s to go on without, or choose another directory", strings.Join(gone, ", "), LogsFile)}
}

// refuseTables gives the error for a directory whose manifest cannot be read as far as it was flushed.
func (l *logList) refuseTables(tables mark) error {
	state, err := readManifest(l.fs, path.Join(l.dir, "db"))
	if err != nil || state.damage == nil || !tables.cut(state) {
		return nil // what cannot be read at all Pebble refuses
	}
	return &fault.Error{Kind: fault.Conflict, Noun: "data directory", Name: l.dir, Reason: "damaged",
		Detail: fmt.Sprintf("db/%s, the list of its tables, is damaged at byte %d, and tables that it names from there on would not be seen; `anthill doctor` says what is readable; "+
			"restore a backup, or remove the file %s to go on without, or choose another directory", state.name, state.whole, LogsFile)}
}

// cut reports whether something is missing of what was durable of a manifest.
func (m mark) cut(s manifestState) bool { return m.manifest == s.name && s.whole < m.bytes }

// flushed notes how much of a manifest is durable.
func (l *logList) flushed(manifest string, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.tables = mark{manifest, bytes}
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
	line := sign + l.fs.PathBase(name)
	if t := l.mu.tables; sign == "-" && t.manifest != "" {
		line += fmt.Sprintf(" %s %d", t.manifest, t.bytes)
	}
	if _, err := io.WriteString(l.mu.file, line+"\n"); err != nil {
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
