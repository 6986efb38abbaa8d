package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Snapshot is what the init of a function needs that runs in its template.
type Snapshot struct {
	Env   map[string]string // what the function sees
	Log   string            // file for what init prints, appended to
	Limit time.Duration     // of init, with the hooks before a snapshot
}

// TakenKind is how taking a snapshot ended.
type TakenKind string

// The kinds of ends.
const (
	SnapshotKept    TakenKind = "kept"
	SnapshotRefused TakenKind = "refused" // init succeeded, but the process cannot be copied
	SnapshotFailed  TakenKind = "failed"  // init gave an error object
	SnapshotExited  TakenKind = "exited"  // the process ended
	SnapshotTimeout TakenKind = "timeout" // init took too long
)

// Taken is how taking a snapshot ended.
type Taken struct {
	Kind        TakenKind
	Begin, End  int64 // of init, nanoseconds since 1970
	MemoryMB    int
	Refused     string // why
	Failure     []byte // error object, JSON
	Exit        string // as Exit.Status
	OutOfMemory bool
}

// initReport is what a template says of the init that ran in it.
type initReport struct {
	Begin   int64           `json:"begin,omitempty"`
	End     int64           `json:"end,omitempty"`
	Memory  int             `json:"memory,omitempty"` // KiB
	Refused string          `json:"refused,omitempty"`
	Failure json.RawMessage `json:"failure,omitempty"`
	Exited  *int            `json:"exit,omitempty"`
}

func (r *initReport) taken() *Taken {
	t := &Taken{Kind: SnapshotKept, Begin: r.Begin, End: r.End, MemoryMB: (r.Memory + 1023) / 1024, Refused: r.Refused, Failure: r.Failure}
	switch {
	case r.Exited != nil:
		t.Kind = SnapshotExited
		if *r.Exited != 0 {
			t.Exit = fmt.Sprintf("exit status %d", *r.Exited)
		}
	case r.Failure != nil:
		t.Kind = SnapshotFailed
	case r.Refused != "":
		t.Kind = SnapshotRefused
	}
	return t
}

// lost says what became of a snapshot whose template gave no report.
func (t *template) lost(err error) *Taken {
	if t.spec.Snapshot == nil {
		return nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &Taken{Kind: SnapshotTimeout, End: time.Now().UnixNano()}
	}
	return &Taken{Kind: SnapshotExited, Exit: "signal: killed", OutOfMemory: t.group.outOfMemory(), End: time.Now().UnixNano()}
}

// sendInit tells a template what its init needs.
func (t *template) sendInit() error {
	s := t.spec.Snapshot
	var err error
	if t.scratch, err = t.makeTmp(t.name+"-snapshot", false); err != nil {
		return err
	}
	log, err := os.OpenFile(s.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	fds := []int{int(log.Fd())}
	if t.isolated {
		mount, err := t.scratch.mount()
		if err != nil {
			return err
		}
		defer mount.Close()
		fds = append(fds, int(mount.Fd()))
	}
	t.group = t.limit()
	fds = append(fds, t.group.passed()...)
	b, err := json.Marshal(struct {
		Op  string            `json:"op"`
		Env map[string]string `json:"env"`
	}{"init", s.Env})
	if err == nil {
		_, _, err = t.conn.WriteMsgUnix(b, unix.UnixRights(fds...), nil)
	}
	t.group.joined()
	return err
}

// makeTmp makes the /tmp of a clone, or finds it again. A new one holds what the init of a snapshot left in its own, as the
// disk of the machine would on AWS.
func (t *template) makeTmp(name string, fresh bool) (*scratch, error) {
	s, err := t.k.scratchAt(filepath.Join(t.spec.Tmps, name), t.spec.TmpMB, t.k.idsOf(t.spec.Tmps).Base)
	if err != nil || !fresh || t.scratch == nil {
		return s, err
	}
	return s, copyTree(t.scratch.dir, s.dir)
}

// copyTree copies directories, files and links with their owners and modes into an empty directory. Nothing else is copied,
// and no link is followed.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == from {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		target := filepath.Join(to, path[len(from):])
		switch {
		case d.IsDir():
			err = os.Mkdir(target, 0o700)
		case d.Type() == fs.ModeSymlink:
			var link string
			if link, err = os.Readlink(path); err == nil {
				err = os.Symlink(link, target)
			}
		case d.Type().IsRegular():
			err = copyFile(path, target)
		default:
			return nil
		}
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		if err := os.Lchown(target, int(st.Uid), int(st.Gid)); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
		if d.Type() == fs.ModeSymlink {
			return nil
		}
		return os.Chmod(target, info.Mode())
	})
}

func copyFile(from, to string) error {
	in, err := os.OpenFile(from, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
