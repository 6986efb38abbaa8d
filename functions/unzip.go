package functions

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Limits of code packages in bytes (AWS: Lambda quotas).
const (
	maxZipped   = 52428800
	maxUnzipped = 262144000
)

var (
	errNoZip      = errors.New("not a zip file")
	errUnzipped   = errors.New("unzipped size over the limit")
	errZipEscapes = errors.New("an entry of the zip file leads out of it")
)

// unzip writes the entries of a zip file below dir, which must exist and be empty, and gives their size together.
// Whatever the file says, nothing is written outside dir, links do not lead out of it, and what is neither file,
// directory nor link is refused. Everybody may read what is written; of the modes only the right to execute is kept. Files keep
// their times: Python takes compiled modules only for sources of the very time that they were made of.
func unzip(archive []byte, dir string, limit int64) (size int64, err error) {
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return 0, errNoZip
	}
	for _, f := range r.File {
		if f.UncompressedSize64 > uint64(limit) || size+int64(f.UncompressedSize64) > limit {
			return 0, errUnzipped
		}
		size += int64(f.UncompressedSize64)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	u := unpacking{root: root, left: limit}
	for _, f := range r.File {
		if err := u.entry(f); err != nil {
			return 0, err
		}
	}
	return limit - u.left, nil
}

// unpacking writes below root at most left bytes more.
type unpacking struct {
	root *os.Root
	left int64
}

func (u *unpacking) entry(f *zip.File) error {
	name := strings.TrimSuffix(f.Name, "/")
	if name == "" || name == "." {
		return nil
	}
	if !filepath.IsLocal(name) || strings.ContainsRune(name, 0) {
		return errZipEscapes
	}
	name = path.Clean(name)
	mode := f.Mode()
	if strings.HasSuffix(f.Name, "/") || mode.IsDir() {
		return escapeOr(u.root.MkdirAll(name, 0o755))
	}
	if err := u.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return escapeOr(err)
	}
	switch mode.Type() {
	case 0:
		return u.file(f, name, 0o644|mode.Perm()&0o111)
	case fs.ModeSymlink:
		return u.link(f, name)
	}
	return errNoZip
}

func (u *unpacking) file(f *zip.File, name string, mode fs.FileMode) error {
	in, err := f.Open()
	if err != nil {
		return errNoZip
	}
	defer func() { _ = in.Close() }()
	if old, err := u.root.Lstat(name); err == nil && old.Mode().Type() == fs.ModeSymlink {
		if err := u.root.Remove(name); err != nil {
			return err
		}
	}
	out, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return escapeOr(err)
	}
	n, err := io.Copy(out, io.LimitReader(in, u.left+1))
	u.left -= n
	switch closed := out.Close(); {
	case u.left < 0:
		return errUnzipped
	case err != nil && isZipError(err):
		return errNoZip
	case err != nil:
		return err
	case closed != nil:
		return closed
	}
	if mode&0o111 != 0 {
		if err := u.root.Chmod(name, 0o755); err != nil { // the process's umask may have taken it away
			return err
		}
	}
	if t := f.Modified; t.Year() >= 1980 { // a zip file knows no earlier ones
		return u.root.Chtimes(name, t, t)
	}
	return nil
}

func (u *unpacking) link(f *zip.File, name string) error {
	in, err := f.Open()
	if err != nil {
		return errNoZip
	}
	defer func() { _ = in.Close() }()
	raw, err := io.ReadAll(io.LimitReader(in, 4096))
	if err != nil {
		return errNoZip
	}
	to := string(raw)
	// The target is judged by its words, which is only right when no link stands between: neither above the new one nor
	// before a "..".
	if path.IsAbs(to) || path.Clean(to) != to || !filepath.IsLocal(path.Join(path.Dir(name), to)) || u.linked(path.Dir(name)) {
		return errZipEscapes
	}
	_ = u.root.Remove(name) // an earlier entry of that name
	return escapeOr(u.root.Symlink(to, name))
}

// linked reports whether a link is on the way to dir.
func (u *unpacking) linked(dir string) bool {
	for ; dir != "."; dir = path.Dir(dir) {
		if info, err := u.root.Lstat(dir); err != nil || info.Mode().Type() == fs.ModeSymlink {
			return true
		}
	}
	return false
}

// escapeOr tells a path that leads out, or through a file, from trouble of ours.
func escapeOr(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "escapes"):
		return errZipEscapes
	case errors.Is(err, fs.ErrExist), strings.Contains(err.Error(), "not a directory"), strings.Contains(err.Error(), "is a directory"),
		strings.Contains(err.Error(), "name too long"), strings.Contains(err.Error(), "too many levels"):
		if errors.As(err, &p) || errors.As(err, &l) {
			return errNoZip
		}
	}
	return err
}

// isZipError reports whether err is the archive's fault and not the disk's.
func isZipError(err error) bool {
	var p *fs.PathError
	return !errors.As(err, &p)
}
