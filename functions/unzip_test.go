package functions

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

type zipEntry struct {
	name string
	mode fs.FileMode
	text string
}

func archive(t testing.TB, entries ...zipEntry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(e.mode)
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tree lists what is below dir: mode, name and text.
func tree(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		name, _ := filepath.Rel(dir, p)
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%v %s", info.Mode(), name)
		if d.Type().IsRegular() {
			text, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			line += " " + string(text)
		}
		out = append(out, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestUnzip(t *testing.T) {
	const link = fs.ModeSymlink | 0o777
	for _, c := range []struct {
		name    string
		entries []zipEntry
		want    []string // or
		err     error
	}{
		{name: "files and directories", entries: []zipEntry{{"app.py", 0o600, "x"}, {"lib/", fs.ModeDir | 0o700, ""}, {"lib/run", 0o711, "y"}},
			want: []string{"-rw-r--r-- app.py x", "drwxr-xr-x lib", "-rwxr-xr-x lib/run y"}},
		{name: "no directory entries", entries: []zipEntry{{"a/b/c.py", 0o644, "x"}}, want: []string{"drwxr-xr-x a", "drwxr-xr-x a/b", "-rw-r--r-- a/b/c.py x"}},
		{name: "link inside", entries: []zipEntry{{"a/x", 0o644, "x"}, {"b", link, "a/x"}}, want: []string{"drwxr-xr-x a", "-rw-r--r-- a/x x", "Lrwxrwxrwx b"}},
		{name: "twice", entries: []zipEntry{{"a", 0o644, "long text"}, {"a", 0o644, "x"}}, want: []string{"-rw-r--r-- a x"}},
		{name: "parent", entries: []zipEntry{{"../evil", 0o644, "x"}}, err: errZipEscapes},
		{name: "hidden parent", entries: []zipEntry{{"a/../../evil", 0o644, "x"}}, err: errZipEscapes},
		{name: "absolute", entries: []zipEntry{{"/etc/evil", 0o644, "x"}}, err: errZipEscapes},
		{name: "link to parent", entries: []zipEntry{{"a", link, "../.."}}, err: errZipEscapes},
		{name: "absolute link", entries: []zipEntry{{"a", link, "/etc"}}, err: errZipEscapes},
		{name: "link before parent", entries: []zipEntry{{"d/l", link, ".."}, {"x", link, "d/l/../.."}}, err: errZipEscapes},
		{name: "link below link", entries: []zipEntry{{"p/q/s", link, "../.."}, {"p/q/s/x", link, "../../.."}}, err: errZipEscapes},
		{name: "file through link", entries: []zipEntry{{"d/", fs.ModeDir | 0o755, ""}, {"a", link, "d"}, {"a/x", 0o644, "x"}},
			want: []string{"Lrwxrwxrwx a", "drwxr-xr-x d", "-rw-r--r-- d/x x"}},
		{name: "file over link", entries: []zipEntry{{"x", 0o644, "x"}, {"a", link, "x"}, {"a", 0o644, "y"}}, want: []string{"-rw-r--r-- a y", "-rw-r--r-- x x"}},
		{name: "directory through file", entries: []zipEntry{{"a", 0o644, "x"}, {"a/b", 0o644, "y"}}, err: errNoZip},
		{name: "device", entries: []zipEntry{{"null", fs.ModeDevice | fs.ModeCharDevice | 0o666, ""}}, err: errNoZip},
		{name: "pipe", entries: []zipEntry{{"p", fs.ModeNamedPipe | 0o666, ""}}, err: errNoZip},
		{name: "too large", entries: []zipEntry{{"a", 0o644, strings.Repeat("x", 1001)}}, err: errUnzipped},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := unzip(archive(t, c.entries...), dir, 1000)
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if got := tree(t, dir); c.err == nil && !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A header that lies about the size does not get past the limit.
func TestUnzipCountsWhatComes(t *testing.T) {
	b := archive(t, zipEntry{"a", 0o644, strings.Repeat("x", 5000)})
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	size := r.File[0].UncompressedSize64
	lie := bytes.ReplaceAll(b, []byte{byte(size), byte(size >> 8), 0, 0}, []byte{10, 0, 0, 0})
	if bytes.Equal(lie, b) {
		t.Fatal("the size was not found in the archive")
	}
	if _, err := unzip(lie, t.TempDir(), 1000); err == nil {
		t.Error("no error")
	}
}

// Whatever the bytes are, nothing appears beside the directory, and what is in it are files, directories and links that
// stay inside.
func FuzzUnzip(f *testing.F) {
	f.Add(archive(f, zipEntry{"a/b", 0o644, "x"}, zipEntry{"l", fs.ModeSymlink | 0o777, "a/b"}))
	f.Add(archive(f, zipEntry{"../x", 0o644, "x"}))
	f.Add(archive(f, zipEntry{"l", fs.ModeSymlink | 0o777, ".."}, zipEntry{"l/x", 0o644, "x"}))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		outer := t.TempDir()
		dir := filepath.Join(outer, "in")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := unzip(b, dir, 1<<20)
		if names, _ := os.ReadDir(outer); len(names) != 1 {
			t.Fatalf("beside the directory: %v", names)
		}
		if err != nil {
			return
		}
		walk := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			switch d.Type() {
			case 0, fs.ModeDir:
			case fs.ModeSymlink:
				to, err := os.Readlink(p)
				if err != nil {
					return err
				}
				if full := filepath.Join(filepath.Dir(p), to); filepath.IsAbs(to) || full != dir && !strings.HasPrefix(full, dir+"/") {
					t.Errorf("%s leads to %s", p, to)
				}
			default:
				t.Errorf("%s is a %v", p, d.Type())
			}
			return nil
		})
		if walk != nil {
			t.Fatal(walk)
		}
	})
}

// Compiled modules in a package are used: Python looks for the time of their sources in them.
func TestUnzipKeepsCompiledModules(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	from, to := t.TempDir(), t.TempDir()
	run := func(dir, script string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), python, "-S", "-B", "-c", script)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	source := filepath.Join(from, "m.py")
	then := time.Date(2024, 2, 3, 4, 5, 7, 0, time.UTC) // an odd second, which the old field of a zip file cannot hold
	for _, err := range []error{os.WriteFile(source, []byte("x = 'compiled'\n"), 0o644), os.Chtimes(source, then, then)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	run(from, "import py_compile; py_compile.compile('m.py')")
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Modified: info.ModTime()})
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && name == "m.py" {
			text = bytes.ReplaceAll(text, []byte("compiled"), []byte("a source")) // as long as it was
		}
		if err == nil {
			_, err = f.Write(text)
		}
		return err
	})
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := unzip(b.Bytes(), to, 1<<20); err != nil {
		t.Fatal(err)
	}
	if x := run(to, "import sys; sys.path.insert(0, ''); import m; print(m.x)"); x != "compiled" {
		t.Errorf("the module was read from %s", x)
	}
}
