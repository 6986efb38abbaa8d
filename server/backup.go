package server

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"anthill/blobs"
	"anthill/fault"
	"anthill/internal/disk"
)

// A backup is a data directory by itself: the database as it was at one moment, the blobs it refers to, and the local CA.

// backup copies the durable rooms into dir, which must not exist, while the platform goes on. A backup that was not
// finished has another name.
func backup(db *disk.DB, b *blobs.Store, data, dir string) error {
	const op = "server.backup"
	if _, err := os.Stat(dir); err == nil {
		return &fault.Error{Kind: fault.Conflict, Op: op, Noun: "directory", Name: dir, Detail: dir + " exists already: name a new directory for the backup"}
	}
	part := dir + ".partial"
	if err := os.RemoveAll(part); err != nil {
		return fault.In(op, err)
	}
	err := b.Backup(filepath.Join(part, "blobs"), func() error { return db.Backup(databaseDir(part)) })
	if err == nil {
		err = copyDir(filepath.Join(data, "tls"), filepath.Join(part, "tls"))
	}
	if err == nil {
		err = settle(part, dir)
	}
	if err != nil {
		os.RemoveAll(part)
		return fault.In(op, err)
	}
	return nil
}

// settle gives a finished copy its name, durably.
func settle(part, dir string) error {
	if err := disk.SyncDir(disk.Machine(), part); err != nil {
		return err
	}
	if err := os.Rename(part, dir); err != nil {
		return err
	}
	return disk.SyncDir(disk.Machine(), filepath.Dir(dir))
}

// copyDir copies a tree and flushes it. One that does not exist is no trouble.
func copyDir(from, to string) error {
	err := filepath.WalkDir(from, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if e.IsDir() {
			return disk.MakeDir(disk.Machine(), filepath.Join(to, rel))
		}
		return copyFile(p, filepath.Join(to, rel), info.Mode().Perm())
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func copyFile(from, to string, mode fs.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = out.ReadFrom(in)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	return disk.SyncDir(disk.Machine(), filepath.Dir(to))
}

// Backup copies the data directory of a platform that is not running into dir, which must not exist.
func Backup(data, dir string) error {
	const op = "server.Backup"
	if _, err := os.Stat(databaseDir(data)); err != nil {
		return &fault.Error{Kind: fault.NotFound, Op: op, Noun: "data directory", Name: data, Detail: "there is no database in " + data, Err: err}
	}
	db, err := disk.Open(databaseDir(data), disk.Options{})
	if err != nil {
		return fault.In(op, explain(err, data))
	}
	defer db.Close()
	b, err := blobs.Open(filepath.Join(data, "blobs"), nil, db)
	if err != nil {
		return fault.In(op, err)
	}
	return fault.In(op, backup(db, b, data, dir))
}

// Restore makes a data directory of a backup. The backup must be whole, and data must hold nothing.
func Restore(dir, data string) error {
	const op = "server.Restore"
	if held, err := os.ReadDir(data); err == nil && len(held) > 0 {
		return &fault.Error{Kind: fault.Conflict, Op: op, Noun: "data directory", Name: data, Detail: data + " is not empty: move it away or name another with --data"}
	}
	d, err := Examine(dir)
	if err != nil {
		return fault.In(op, err)
	}
	if d.Lost() {
		var lost []string
		for _, f := range d.Findings {
			if f.Lost {
				lost = append(lost, f.Part+": "+f.Text)
			}
		}
		return &fault.Error{Kind: fault.Invalid, Op: op, Noun: "backup", Name: dir, Detail: "the backup is not restored: " + strings.Join(lost, "; ")}
	}
	part := filepath.Clean(data) + ".partial"
	if err := errors.Join(os.RemoveAll(part), copyDir(dir, part)); err != nil {
		os.RemoveAll(part)
		return fault.In(op, err)
	}
	if err := os.Remove(data); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.In(op, err)
	}
	return fault.In(op, settle(part, data))
}

// serveBackup answers POST /_anthill/backup {"directory": "/absolute"}.
func (h *house) serveBackup(data string, ephemeral bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Directory string `json:"directory"`
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || !filepath.IsAbs(in.Directory) {
			writeFault(w, fault.Invalidf("server.backup", "request", `say where to, with an absolute path: {"directory": "/there"}`))
			return
		}
		if ephemeral {
			writeFault(w, fault.Invalidf("server.backup", "platform", "an ephemeral platform keeps nothing to back up"))
			return
		}
		if err := backup(h.db, h.blobs, data, filepath.Clean(in.Directory)); err != nil {
			writeFault(w, err)
			return
		}
		writeJSON(w, http.StatusOK, map[string]string{"directory": in.Directory})
	}
}
