package disk

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"

	"anthill/fault"
)

// Finding is what an examination has to say about one part of a data directory.
type Finding struct {
	Part string // "log 000004.log", "stream execution/…"
	Lost bool   // something that was acknowledged cannot be read, or may be missing
	Text string // what is the matter, in a sentence
}

// Span is the keys with Lo <= key <= Hi.
type Span struct{ Lo, Hi []byte }

// Examination is a database that nobody writes to, with what is damaged in it.
type Examination struct {
	Findings []Finding
	Tables   int // that can be read whole
	Commits  int // in the logs that can be read

	db      *DB    // nil when it cannot be opened
	damaged []Span // keys of tables that cannot be read whole
}

// Examine looks at every byte of the database in dir that matters and changes nothing. An error means that it could not
// even look: there is no database, or it is open in another process.
func Examine(dir string, fs FS) (*Examination, error) {
	const op = "disk.Examine"
	if fs == nil {
		fs = vfs.Default
	}
	x := &Examination{}
	if _, err := fs.Stat(path.Join(dir, "db")); err != nil {
		return nil, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "data directory", Name: dir, Detail: "there is no database in " + dir, Err: err}
	}
	if err := checkFormat(fs, dir); err != nil {
		x.lost(FormatFile, "%s", fault.Of(err).Detail)
	} else if _, err := fs.Stat(path.Join(dir, FormatFile)); err != nil {
		x.lost(FormatFile, "it is missing: the format of this directory is a guess")
	}
	list := &logList{fs: fs, dir: dir}
	gone, tables, err := list.missing()
	for _, name := range gone {
		x.lost("log "+name, "it is missing")
	}
	if err != nil {
		x.lost(LogsFile, "%v", err)
	}
	d := &DB{cache: pebble.NewCache(blockCache), dead: make(chan struct{})}
	d.fence = newFence(fs, dir, d.fail)
	o := d.options(fs)
	o.ReadOnly = true
	p, err := pebble.Open(path.Join(dir, "db"), o)
	switch {
	case err == nil:
		d.pebble, x.db = p, d
	case fault.Of(openFailure(dir, err)).Reason != "damaged":
		d.cache.Unref()
		return nil, fault.In(op, openFailure(dir, err))
	default:
		d.cache.Unref()
		x.lost("database", "it cannot be opened: %v", err)
	}
	x.logs(fs, path.Join(dir, "db"))
	x.manifest(fs, path.Join(dir, "db"), tables)
	x.tables(fs, path.Join(dir, "db"), o)
	return x, nil
}

func (x *Examination) lost(part, format string, args ...any) {
	x.Findings = append(x.Findings, Finding{part, true, fmt.Sprintf(format, args...)})
}

func (x *Examination) note(part, format string, args ...any) {
	x.Findings = append(x.Findings, Finding{part, false, fmt.Sprintf(format, args...)})
}

// DB is the database for reading, nil when it cannot be opened.
func (x *Examination) DB() *DB { return x.db }

// Close ends the examination.
func (x *Examination) Close() error {
	if x.db == nil {
		return nil
	}
	defer x.db.cache.Unref()
	return fault.In("disk.Examine", x.db.pebble.Close())
}

// logs reads the write-ahead logs from their beginning to where they end.
func (x *Examination) logs(fs FS, dir string) {
	all, err := wal.Scan(wal.Dir{FS: fs, Dirname: dir})
	if err != nil {
		x.lost("logs", "they cannot be listed: %v", err)
		return
	}
	for i, l := range all {
		x.log(fs, l, i == len(all)-1)
	}
}

func (x *Examination) log(fs FS, l wal.LogicalLog, newest bool) {
	part := "log " + l.Num.String() + ".log"
	r := l.OpenForRead()
	defer r.Close()
	for {
		body, at, err := r.NextRecord()
		if err == nil {
			if _, err = io.Copy(io.Discard, body); err == nil {
				x.Commits++
				continue
			}
		}
		switch {
		case errors.Is(err, io.EOF):
		case !errors.Is(err, record.ErrUnexpectedEOF):
			x.lost(part, "it is damaged at byte %d: commits after it cannot be read (%v)", at.Physical, err)
		case !newest:
			x.lost(part, "it ends at byte %d without its end mark: what followed is missing", at.Physical)
		case torn(fs, at, uint32(l.Num)):
			x.note(part, "its last commit is cut off at byte %d: one that was never acknowledged, unless the disk damaged it afterwards", at.Physical)
		}
		return
	}
}

// torn reports whether something of the log numbered num begins where its reading ended. After a kill there are zeros, or
// what an older log left in the file.
func torn(fs FS, at wal.Offset, num uint32) bool {
	f, err := fs.Open(at.PhysicalFile)
	if err != nil {
		return true
	}
	defer f.Close()
	const header = 11 // checksum 4, length 2, type 1, log number 4
	b := make([]byte, header)
	if n, err := f.ReadAt(b, at.Physical); n < header {
		return err != io.EOF || n > 0
	}
	if strings.Trim(string(b), "\x00") == "" {
		return false
	}
	return binary.LittleEndian.Uint32(b[7:]) == num
}

// manifest reads the list of tables. Pebble takes a damaged entry for the end of the list. tables is what was durable of it
// when a log last went.
func (x *Examination) manifest(fs FS, dir string, tables mark) {
	s, err := readManifest(fs, dir)
	switch {
	case err != nil || s.name == "":
		x.lost("manifest", "the list of tables cannot be found: %v", err)
	case s.damage == nil:
	case tables.manifest == s.name && !tables.cut(s):
		x.note("manifest "+s.name, "its last entry is cut off at byte %d: tables that it names are not seen, and what they hold is in the logs", s.whole)
	default:
		x.lost("manifest "+s.name, "entry %d of the list of tables is damaged or cut off; tables that it or later ones name are not seen (%v)", s.entries+1, s.damage)
	}
}

// tables checks every block of every table: of those the database uses, or of all files when it cannot be opened.
func (x *Examination) tables(fs FS, dir string, o *pebble.Options) {
	used := map[string]Span{}
	if x.db != nil {
		levels, err := x.db.pebble.SSTables()
		if err != nil {
			x.lost("tables", "they cannot be listed: %v", err)
		}
		for _, level := range levels {
			for _, t := range level {
				used[t.BackingSSTNum.String()+".sst"] = Span{t.Smallest.UserKey, t.Largest.UserKey}
			}
		}
	}
	names, err := fs.List(dir)
	if err != nil {
		x.lost("tables", "they cannot be listed: %v", err)
	}
	for _, name := range names {
		span, known := used[name]
		if !strings.HasSuffix(name, ".sst") || x.db != nil && !known {
			continue
		}
		if err := checkTable(fs, path.Join(dir, name), o.MakeReaderOptions()); err != nil {
			x.lost("table "+name, "it is damaged; its keys are %q to %q (%v)", span.Lo, span.Hi, err)
			x.damaged = append(x.damaged, span)
			continue
		}
		x.Tables++
	}
}

func checkTable(fs FS, name string, o sstable.ReaderOptions) (err error) {
	defer func() {
		if r := recover(); r != nil { // the reader trusts what passed its checksum
			err = fmt.Errorf("%v", r)
		}
	}()
	f, err := fs.Open(name)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		f.Close()
		return err
	}
	r, err := sstable.NewReader(context.Background(), readable, o)
	if err != nil {
		readable.Close()
		return err
	}
	defer r.Close()
	return r.ValidateBlockChecksums()
}

// Readable ranges over the pairs with lo <= key < hi that lie outside damaged tables. An error is given where it occurs
// and ends the loop.
func (x *Examination) Readable(lo, hi []byte) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		bad := slices.Clone(x.damaged)
		slices.SortFunc(bad, func(a, b Span) int { return bytes.Compare(a.Lo, b.Lo) })
		for _, s := range append(bad, Span{Lo: hi, Hi: hi}) { // what lies before each
			end := s.Lo
			if hi != nil && (end == nil || bytes.Compare(end, hi) > 0) {
				end = hi
			}
			if end == nil || bytes.Compare(lo, end) < 0 {
				for p, err := range x.db.Scan(lo, end, false) {
					if !yield(p, err) || err != nil {
						return
					}
				}
			}
			if next := append(slices.Clone(s.Hi), 0); bytes.Compare(lo, next) < 0 {
				lo = next
			}
		}
	}
}
