package image

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
)

// marks is what a layer says beside its files (OCI image specification, "Image Layer Filesystem Changeset").
type marks struct {
	Gone     []string `json:",omitempty"` // what lower layers have there is hidden
	Opaque   []string `json:",omitempty"` // directories of which nothing of lower layers is seen
	Implicit []string `json:",omitempty"` // directories that no entry names: what is there below stays as it is
	Links    []link   `json:",omitempty"` // hard links to files of lower layers, in their order
	Size     int64    // bytes of its files
}

// link is a hard link At, a path below the directory of the layer's files, to a file To of the layers below, which has that
// name before this layer hides anything, or to an earlier link of the same layer.
type link struct{ At, To string }

const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
	maxLinks = 40 // symbolic links that are followed on the way to one name, as the kernel does
)

// corrupt reports whether an error of reading an archive is the archive's fault.
func corrupt(err error) bool {
	var syntax flate.CorruptInputError
	return errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, gzip.ErrChecksum) ||
		errors.Is(err, gzip.ErrHeader) || errors.As(err, &syntax) || strings.HasPrefix(err.Error(), "archive/tar:")
}

// unpacker writes one layer below dir, which is its own: nobody else changes anything there.
type unpacker struct {
	dir   string
	m     marks
	left  int64             // bytes that may still be written
	known map[string]string // directories of the layer, by name, with the path that they are at
	named map[string]bool   // directories that an entry names
	buf   []byte
}

// unpack writes the files of a layer below dir, which it makes. limit bounds their bytes.
func unpack(dir string, r io.Reader, limit int64) (marks, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return marks{}, err
	}
	u := &unpacker{dir: dir, left: limit, named: map[string]bool{}, buf: make([]byte, 256<<10)}
	u.forget()
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return u.m, err
		}
		if err := u.entry(h, t); err != nil {
			return u.m, err
		}
	}
	u.m.Size = limit - u.left
	return u.m, nil
}

// forget drops what is known of directories: one of them was replaced.
func (u *unpacker) forget() { u.known = map[string]string{"": u.dir} }

// clean gives a name of an archive without its leading and doubled slashes and dots. A name that climbs out is refused.
func clean(name string) (string, error) {
	if strings.ContainsRune(name, 0) {
		return "", bad("the layer has a file whose name holds a zero byte")
	}
	rel := path.Clean(strings.TrimLeft(name, "/"))
	if rel == ".." || strings.HasPrefix(rel, "../") {
		return "", bad("the layer has a file %q, which climbs out of the image", name)
	}
	if rel == "." {
		rel = ""
	}
	return rel, nil
}

func (u *unpacker) entry(h *tar.Header, r io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := clean(h.Name)
	if err != nil {
		return err
	}
	if name == "" {
		return nil // the root itself
	}
	dir, base := path.Split(name)
	dir = strings.TrimSuffix(dir, "/")
	if hidden, ok := strings.CutPrefix(base, whiteout); ok {
		return u.whiteout(dir, base, hidden)
	}
	parent, err := u.parent(dir, 0)
	if err != nil {
		return err
	}
	at := filepath.Join(parent, base)
	mode := fs.FileMode(h.Mode).Perm()
	switch h.Typeflag {
	case tar.TypeDir:
		return u.directory(name, at, mode)
	case tar.TypeReg:
		return u.file(at, mode, h, r)
	case tar.TypeSymlink:
		if err := u.clear(at); err != nil {
			return err
		}
		if h.Linkname == "" {
			return bad("the layer has a link %q to nothing", name)
		}
		return os.Symlink(h.Linkname, at)
	case tar.TypeLink:
		return u.link(name, at, h.Linkname)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		if dir == "dev" || strings.HasPrefix(dir, "dev/") {
			return nil // every environment has its own /dev
		}
		if h.Typeflag == tar.TypeFifo {
			return bad("the layer has a named pipe %q", name)
		}
		return bad("the layer has a device file %q", name)
	}
	return bad("the layer has %q, of a kind %q that is not supported", name, h.Typeflag)
}

func (u *unpacker) whiteout(dir, base, hidden string) error {
	switch {
	case base == opaque:
		u.m.Opaque = append(u.m.Opaque, dir)
	case strings.HasPrefix(hidden, whiteout): // what a filesystem of old kept for itself
	case hidden == "" || hidden == "." || hidden == "..":
		return bad("the layer hides %q", base)
	default:
		u.m.Gone = append(u.m.Gone, path.Join(dir, hidden))
	}
	return nil
}

// parent gives where a directory of the layer is, through the layer's own links, and makes it when no entry did.
func (u *unpacker) parent(name string, followed int) (string, error) {
	if at, ok := u.known[name]; ok {
		return at, nil
	}
	dir, base := path.Split(name)
	above, err := u.parent(strings.TrimSuffix(dir, "/"), followed)
	if err != nil {
		return "", err
	}
	at := filepath.Join(above, base)
	info, err := os.Lstat(at)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.Mkdir(at, 0o755); err != nil {
			return "", err
		}
		if !u.named[name] {
			u.m.Implicit = append(u.m.Implicit, u.rel(at))
		}
	case err != nil:
		return "", err
	case info.Mode()&fs.ModeSymlink != 0:
		if followed >= maxLinks {
			return "", bad("the layer has too many links on the way to %q", name)
		}
		if at, err = u.follow(above, at, followed); err != nil {
			return "", err
		}
	case !info.IsDir():
		return "", bad("the layer has a file below %q, which is no directory", name)
	}
	u.known[name] = at
	return at, nil
}

// follow gives the directory that the link at leads to, inside the layer whatever it says.
func (u *unpacker) follow(above, at string, followed int) (string, error) {
	to, err := os.Readlink(at)
	if err != nil {
		return "", err
	}
	if !path.IsAbs(to) {
		to = path.Join("/", u.rel(above), to)
	}
	return u.parent(strings.TrimPrefix(path.Clean(to), "/"), followed+1)
}

// rel is the name in the layer of a path below dir.
func (u *unpacker) rel(at string) string {
	return strings.TrimPrefix(strings.TrimPrefix(at, u.dir), "/")
}

// clear makes room for a new entry: the last of one name counts.
func (u *unpacker) clear(at string) error {
	info, err := os.Lstat(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() || info.Mode()&fs.ModeSymlink != 0 {
		u.forget()
		return remove(at)
	}
	return os.Remove(at)
}

// directory makes one. Its owner may always change it: it has to be put into roots, and removed.
func (u *unpacker) directory(name, at string, mode fs.FileMode) error {
	u.named[name] = true
	info, err := os.Lstat(at)
	if err == nil && !info.IsDir() {
		if err := u.clear(at); err != nil {
			return err
		}
		err = fs.ErrNotExist
	}
	if err != nil {
		if err := os.Mkdir(at, 0o755); err != nil {
			return err
		}
	}
	for i, implicit := range u.m.Implicit {
		if implicit == u.rel(at) {
			u.m.Implicit = append(u.m.Implicit[:i], u.m.Implicit[i+1:]...)
			break
		}
	}
	return os.Chmod(at, mode|0o700)
}

func (u *unpacker) file(at string, mode fs.FileMode, h *tar.Header, r io.Reader) error {
	if err := u.clear(at); err != nil {
		return err
	}
	f, err := os.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{f}, io.LimitReader(r, u.left+1), u.buf)
	if u.left -= n; err == nil && u.left < 0 {
		err = bad("the image is larger than %d bytes", int64(maxImage))
	}
	if err := errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return err
	}
	return os.Chtimes(at, h.ModTime, h.ModTime) // Python holds its bytecode against it
}

// link makes a hard link to another file of the layer, or notes one to a file of the layers below.
func (u *unpacker) link(name, at, target string) error {
	to, err := clean(target)
	if err != nil {
		return err
	}
	dir, base := path.Split(to)
	parent, err := u.parent(strings.TrimSuffix(dir, "/"), 0)
	if err != nil {
		return err
	}
	from := filepath.Join(parent, base)
	if from == at {
		return nil
	}
	info, err := os.Lstat(from)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		u.m.Links = append(u.m.Links, link{At: u.rel(at), To: to})
		return u.clear(at)
	case err != nil:
		return err
	case info.IsDir():
		return bad("the layer has %q, a link to %q, which is a directory", name, target)
	}
	if err := u.clear(at); err != nil {
		return err
	}
	return os.Link(from, at)
}
