package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"anthill/fault"
)

// entry is one of a layer: "dir/" is a directory, "a -> b" a symbolic link, "a = b" a hard link, "a! " a device, else a
// file whose text is its own name with the layer's.
func archive(t testing.TB, layer string, entries ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e, Mode: 0o644, Typeflag: tar.TypeReg}
		text := ""
		if name, to, ok := strings.Cut(e, " -> "); ok {
			h.Name, h.Linkname, h.Typeflag = name, to, tar.TypeSymlink
		} else if name, to, ok := strings.Cut(e, " = "); ok {
			h.Name, h.Linkname, h.Typeflag = name, to, tar.TypeLink
		} else if name, ok := strings.CutSuffix(e, "!"); ok {
			h.Name, h.Typeflag = name, tar.TypeChar
		} else if strings.HasSuffix(e, "/") {
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		} else {
			text = layer
			h.Size = int64(len(text))
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func layerOf(raw []byte) Layer {
	sum := sha256.Sum256(raw)
	return Layer{DiffID: hex.EncodeToString(sum[:]), Open: func() (io.ReadCloser, error) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write(raw)
		if err == nil {
			err = z.Close()
		}
		return io.NopCloser(&b), err
	}}
}

// listing is what there is below dir: directories with a slash, links with their target, files with their text. What
// every root is furnished with is left out.
func listing(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name := strings.TrimPrefix(path, dir+"/")
		switch top, _, _ := strings.Cut(name, "/"); top {
		case "dev", "proc", "tmp", "etc":
			return nil
		}
		switch {
		case d.IsDir():
			all = append(all, name+"/")
		case d.Type()&fs.ModeSymlink != 0:
			to, _ := os.Readlink(path)
			all = append(all, name+" -> "+to)
		default:
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			all = append(all, name+": "+string(b))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRoots(t *testing.T) {
	for name, c := range map[string]struct {
		layers [][]string
		want   []string
	}{
		"the last layer's file is seen": {[][]string{{"a/", "a/x", "a/y"}, {"a/", "a/x"}}, []string{"a/", "a/x: 1", "a/y: 0"}},
		"a whiteout hides":              {[][]string{{"a/", "a/x", "a/y"}, {"a/.wh.x"}}, []string{"a/", "a/y: 0"}},
		"a whiteout hides a tree":       {[][]string{{"a/", "a/b/", "a/b/x"}, {"a/.wh.b"}}, []string{"a/"}},
		"an opaque directory":           {[][]string{{"a/", "a/x"}, {"a/", "a/z", "a/.wh..wh..opq"}}, []string{"a/", "a/z: 1"}},
		"hidden and made anew":          {[][]string{{"a/", "a/x"}, {".wh.a"}, {"a/", "a/z"}}, []string{"a/", "a/z: 2"}},
		"a file becomes a directory":    {[][]string{{"a"}, {"a/", "a/x"}}, []string{"a/", "a/x: 1"}},
		"a directory becomes a file":    {[][]string{{"a/", "a/x"}, {"a"}}, []string{"a: 1"}},
		"hard links":                    {[][]string{{"x", "y = x"}, {"x"}}, []string{"x: 1", "y: 0"}},
		"a hard link to a lower layer":  {[][]string{{"a/", "a/x"}, {"b/", "b/y = a/x", "z = b/y"}}, []string{"a/", "a/x: 0", "b/", "b/y: 0", "z: 0"}},
		"a lower file renamed":          {[][]string{{"a/", "a/x"}, {"a/.wh.x", "a/y = a/x"}}, []string{"a/", "a/y: 0"}},
		"a link to what is replaced":    {[][]string{{"x"}, {"y = x", "x"}}, []string{"x: 1", "y: 0"}},
		"a link that is replaced":       {[][]string{{"x", "z"}, {"y = x", "y", "z = x"}}, []string{"x: 0", "y: 1", "z: 0"}},
		"a link below a lower link":     {[][]string{{"usr/", "usr/lib/", "usr/lib/x", "lib -> usr/lib"}, {"lib/y = lib/x"}}, []string{"lib -> usr/lib", "usr/", "usr/lib/", "usr/lib/x: 0", "usr/lib/y: 0"}},
		"through a lower layer's link":  {[][]string{{"usr/", "usr/lib/", "lib -> usr/lib"}, {"lib/x"}}, []string{"lib -> usr/lib", "usr/", "usr/lib/", "usr/lib/x: 1"}},
		"a directory replaces a link":   {[][]string{{"usr/", "usr/lib/", "lib -> usr/lib"}, {"lib/", "lib/x"}}, []string{"lib/", "lib/x: 1", "usr/", "usr/lib/"}},
		"links that climb stay inside":  {[][]string{{"up -> ../../../../..", "up/x", "abs -> /a/b", "abs/y"}}, []string{"a/", "a/b/", "a/b/y: 0", "abs -> /a/b", "up -> ../../../../..", "x: 0"}},
		"a lower link that climbs":      {[][]string{{"up -> ../../.."}, {"up/x", "up/.wh.y"}}, []string{"up -> ../../..", "x: 1"}},
		"devices under /dev":            {[][]string{{"dev/", "dev/null!", "x"}}, []string{"x: 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := Open(t.TempDir())
			var layers []Layer
			for i, entries := range c.layers {
				layers = append(layers, layerOf(archive(t, string(rune('0'+i)), entries...)))
			}
			key, err := s.Make(context.Background(), layers)
			if err != nil {
				t.Fatal(err)
			}
			if got := listing(t, s.Dir(key)); !slices.Equal(got, c.want) {
				t.Errorf("root %q, want %q", got, c.want)
			}
			if !s.Ready(key) || !Open(s.dir).Ready(key) {
				t.Error("the root is not ready")
			}
		})
	}
}

func TestBrokenImages(t *testing.T) {
	good := archive(t, "0", "x")
	wrong := layerOf(good)
	wrong.DiffID = strings.Repeat("0", 64)
	cut := layerOf(good[:512])
	garbage := layerOf([]byte(strings.Repeat("garbage", 1000)))
	for name, l := range map[string]Layer{
		"climbs out":            layerOf(archive(t, "0", "../x")),
		"a device":              layerOf(archive(t, "0", "x!")),
		"a link to a directory": layerOf(archive(t, "0", "y/", "x = y")),
		"link out":              layerOf(archive(t, "0", "x = ../../y")),
		"below a file":          layerOf(archive(t, "0", "x", "x/y")),
		"loops":                 layerOf(archive(t, "0", "a -> b", "b -> a", "a/x")),
		"another digest":        wrong,
		"cut short":             cut,
		"no archive":            garbage,
	} {
		s := Open(t.TempDir())
		if _, err := s.Make(context.Background(), []Layer{l}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
		for _, part := range []string{"layers", "roots"} {
			if left, _ := os.ReadDir(filepath.Join(s.dir, part)); len(left) > 0 {
				t.Errorf("%s: %v is left", name, left)
			}
		}
	}
}

// A link to nothing is seen once the layers come together; what was unpacked goes with what nobody uses.
func TestALinkToNothing(t *testing.T) {
	base := layerOf(archive(t, "0", "up -> ../../..", "d/"))
	for _, l := range []Layer{layerOf(archive(t, "1", "x = y")), layerOf(archive(t, "1", "x = d")), layerOf(archive(t, "1", "x = up/etc/hostname"))} {
		s := Open(t.TempDir())
		if _, err := s.Make(context.Background(), []Layer{base, l}); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "a link to") {
			t.Error(err)
		}
		if err := s.Keep(nil); err != nil {
			t.Error(err)
		}
		for _, part := range []string{"layers", "roots"} {
			if left, _ := os.ReadDir(filepath.Join(s.dir, part)); len(left) > 0 {
				t.Errorf("%v is left", left)
			}
		}
	}
}

// Layers are shared, and go with the last root that is made of them.
func TestKeep(t *testing.T) {
	s := Open(t.TempDir())
	base, one, two := layerOf(archive(t, "b", "base")), layerOf(archive(t, "1", "one")), layerOf(archive(t, "2", "two"))
	opened := 0
	counted := base
	counted.Open = func() (io.ReadCloser, error) { opened++; return base.Open() }
	var keys []string
	for _, top := range []Layer{one, two, one} {
		key, err := s.Make(context.Background(), []Layer{counted, top})
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	if opened != 1 || keys[0] != keys[2] {
		t.Errorf("the base was unpacked %d times", opened)
	}
	if err := s.Keep(map[string]bool{keys[1]: true}); err != nil {
		t.Fatal(err)
	}
	if s.Ready(keys[0]) || !s.Ready(keys[1]) {
		t.Error("the wrong root is kept")
	}
	if left, _ := os.ReadDir(filepath.Join(s.dir, "layers")); len(left) != 2 {
		t.Errorf("%d layers are kept, want 2", len(left))
	}
}

// Whatever a layer holds, nothing is written beside its directory, and a directory that was unpacked can be put into a root.
func FuzzLayer(f *testing.F) {
	f.Add(archive(f, "0", "a/", "a/x", "b -> a", "b/y", "c = a/x", "a/.wh.z"))
	f.Add(archive(f, "0", "up -> ../..", "up/x", "dev/null!"))
	f.Add(archive(f, "0", "a/x = b/y", "c = a/x", "c/", "up -> ../..", "d = up/etc/hostname"))
	f.Add([]byte("no archive"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 64<<10 {
			return
		}
		outer := t.TempDir()
		inner := filepath.Join(outer, "a", "b", "layer")
		root := filepath.Join(outer, "a", "root")
		if err := os.MkdirAll(root, 0o755); err != nil {
			t.Fatal(err)
		}
		m, err := unpack(inner, bytes.NewReader(raw), 1<<20)
		if err == nil {
			if err := merge(root, inner, &m); err != nil {
				t.Skip(err) // a name that the filesystem refuses
			}
			if err := furnish(root); err != nil {
				t.Skip(err)
			}
		}
		for dir, want := range map[string][]string{outer: {"a"}, filepath.Join(outer, "a"): {"b", "root"}, filepath.Join(outer, "a", "b"): {"layer"}} {
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, e := range entries {
				names = append(names, e.Name())
			}
			if !slices.Equal(names, want) {
				t.Errorf("%s holds %q", dir, names)
			}
		}
	})
}
