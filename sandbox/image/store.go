package image

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sys/unix"

	"anthill/fault"
)

// maxImage is how many bytes an image may have unpacked (AWS: Lambda quotas, "Container image code package size").
const maxImage = 10 << 30

// Layer is one layer of an image.
type Layer struct {
	DiffID string // SHA-256 in hex of what it unpacks to, as the image's configuration says
	// Open gives the layer as it is kept: a tar file, plain or through gzip.
	Open func() (io.ReadCloser, error)
}

// Store keeps what was unpacked in one directory, "layers/{DiffID}" and "roots/{key}".
type Store struct {
	dir string

	making sync.Mutex // one root at a time
	mu     struct {
		sync.Mutex
		ready map[string]bool // keys of roots that are known to be there
	}
}

// Open opens the store in dir, which it makes when it is first needed.
func Open(dir string) *Store {
	s := &Store{dir: dir}
	s.mu.ready = map[string]bool{}
	return s
}

// Key names the root of a chain of layers, base first.
func Key(diffIDs []string) string {
	sum := sha256.Sum256([]byte(strings.Join(diffIDs, "\n")))
	return hex.EncodeToString(sum[:])
}

// Dir is where the root of that key is, once it is made.
func (s *Store) Dir(key string) string { return filepath.Join(s.dir, "roots", key, "root") }

// Ready reports whether the root of that key is there.
func (s *Store) Ready(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.ready[key] {
		return true
	}
	if _, err := os.Stat(filepath.Join(s.dir, "roots", key)); err != nil {
		return false
	}
	s.mu.ready[key] = true
	return true
}

func bad(format string, args ...any) error {
	return &fault.Error{Kind: fault.Invalid, Op: "image.Make", Noun: "image", Detail: fmt.Sprintf(format, args...)}
}

// Make makes the root of layers, base first, unless it is there. A fault of kind Invalid says that the image is broken.
func (s *Store) Make(ctx context.Context, layers []Layer) (key string, err error) {
	const op = "image.Make"
	var ids []string
	for _, l := range layers {
		if raw, err := hex.DecodeString(l.DiffID); err != nil || len(raw) != sha256.Size {
			return "", bad("the configuration names a layer %q", l.DiffID)
		}
		ids = append(ids, l.DiffID)
	}
	key = Key(ids)
	s.making.Lock()
	defer s.making.Unlock()
	if s.Ready(key) {
		return key, nil
	}
	if err := s.unpackAll(ctx, layers); err != nil {
		return "", fault.In(op, err)
	}
	err = s.publish(filepath.Join("roots", key), func(temp string) error {
		root := filepath.Join(temp, "root")
		if err := os.Mkdir(root, 0o755); err != nil {
			return err
		}
		for _, id := range ids {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.addLayer(root, id); err != nil {
				return err
			}
		}
		if err := furnish(root); err != nil {
			return err
		}
		return writeJSON(filepath.Join(temp, "layers.json"), ids)
	})
	return key, fault.In(op, err)
}

// unpackAll unpacks the layers that are not there, as many at once as there are processors.
func (s *Store) unpackAll(ctx context.Context, layers []Layer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	var size atomic.Int64
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	seen := map[string]bool{}
	for _, l := range layers {
		if seen[l.DiffID] { // the empty layer comes often
			continue
		}
		seen[l.DiffID] = true
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			n, err := s.layer(ctx, l, maxImage)
			if err == nil && size.Add(n) > maxImage {
				err = bad("the image is larger than %d bytes", int64(maxImage))
			}
			if err != nil {
				cancel(err) // the first one counts
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// publish fills a new directory, flushes it, and gives it its name.
func (s *Store) publish(name string, fill func(temp string) error) error {
	target := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(target), ".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = remove(temp) }() // gone already when all went well
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	if err := fill(temp); err != nil {
		return err
	}
	d, err := os.Open(temp)
	if err != nil {
		return err
	}
	err = unix.Syncfs(int(d.Fd())) // thousands of files, at once
	if err = errors.Join(err, d.Close()); err != nil {
		return err
	}
	return os.Rename(temp, target)
}

// layer unpacks a layer unless it is there, and gives the bytes of its files.
func (s *Store) layer(ctx context.Context, l Layer, limit int64) (int64, error) {
	var m marks
	if err := readJSON(filepath.Join(s.dir, "layers", l.DiffID, "marks.json"), &m); err == nil {
		return m.Size, nil
	}
	err := s.publish(filepath.Join("layers", l.DiffID), func(temp string) error {
		r, err := l.Open()
		if err != nil {
			return err
		}
		defer r.Close()
		if m, err = unpackLayer(ctx, filepath.Join(temp, "files"), r, l.DiffID, limit); err != nil {
			return err
		}
		return writeJSON(filepath.Join(temp, "marks.json"), m)
	})
	return m.Size, err
}

// unpackLayer unpacks a layer as it is kept, and holds it against its digest.
func unpackLayer(ctx context.Context, dir string, in io.Reader, diffID string, limit int64) (marks, error) {
	b := bufio.NewReaderSize(in, 256<<10)
	var plain io.Reader = b
	if head, err := b.Peek(2); err == nil && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return marks{}, bad("a layer is no gzip file: %v", err)
		}
		plain = z
	}
	hash := sha256.New()
	// A layer of nothing but headers is bounded too: as many bytes again as its files may have.
	bounded := &io.LimitedReader{R: canceled{ctx, plain}, N: 2*limit + 1<<20}
	r := io.TeeReader(bounded, hash)
	m, err := unpack(dir, r, limit)
	if err == nil {
		_, err = io.Copy(io.Discard, r) // what follows the end of the archive counts for the digest
	}
	if ctx.Err() != nil {
		return m, ctx.Err()
	}
	if err != nil {
		if f := fault.Of(err); f.Kind == fault.Invalid || !corrupt(err) {
			return m, err
		}
		return m, bad("a layer is damaged: %v", err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != diffID {
		return m, bad("a layer unpacks to sha256:%s, and the configuration says sha256:%s", got, diffID)
	}
	return m, nil
}

// canceled ends a long read with its context.
type canceled struct {
	ctx context.Context
	r   io.Reader
}

func (c canceled) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// Keep removes the roots that used does not name, the layers that no other root is made of, and what a crash left.
func (s *Store) Keep(used map[string]bool) error {
	s.making.Lock()
	defer s.making.Unlock()
	layers := map[string]bool{}
	for key := range used {
		var ids []string
		if err := readJSON(filepath.Join(s.dir, "roots", key, "layers.json"), &ids); err != nil {
			continue // it is not made yet
		}
		for _, id := range ids {
			layers[id] = true
		}
	}
	s.mu.Lock()
	s.mu.ready = map[string]bool{}
	s.mu.Unlock()
	for part, keep := range map[string]map[string]bool{"roots": used, "layers": layers} {
		entries, err := os.ReadDir(filepath.Join(s.dir, part))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fault.In("image.Keep", err)
		}
		for _, e := range entries {
			if keep[e.Name()] {
				continue
			}
			if err := remove(filepath.Join(s.dir, part, e.Name())); err != nil {
				return fault.In("image.Keep", err)
			}
		}
	}
	return nil
}

// remove is os.RemoveAll for trees whose directories may forbid that to who is not root.
func remove(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

func writeJSON(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}
