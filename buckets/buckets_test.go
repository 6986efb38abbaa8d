package buckets_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"anthill/blobs"
	"anthill/buckets"
	"anthill/fault"
	"anthill/internal/disk"
	"anthill/store"

	"pgregory.net/rapid"
)

// house is buckets over a memory disk that can crash.
type house struct {
	t  testing.TB
	fs *disk.Memory
	db *disk.DB
	*buckets.Service
}

func open(t testing.TB, fs *disk.Memory) *house {
	t.Helper()
	db, err := disk.Open("db", disk.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	bl, err := blobs.Open("blobs", fs, db)
	if err != nil {
		t.Fatal(err)
	}
	s, err := buckets.Open(context.Background(), buckets.Config{Store: store.Open(db), Blobs: bl})
	if err != nil {
		t.Fatal(err)
	}
	return &house{t, fs, db, s}
}

func (h *house) put(bucket, key, text string) {
	h.t.Helper()
	if _, err := h.Put(context.Background(), bucket, key, strings.NewReader(text), buckets.Putting{}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) read(bucket, key string) string {
	h.t.Helper()
	b, err := h.Read(context.Background(), bucket, key, 1<<20)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(b)
}

func TestAReaderKeepsItsObject(t *testing.T) {
	h := open(t, disk.NewMemory())
	defer h.db.Close()
	if _, err := h.Create(buckets.Bucket{Name: "bucket"}); err != nil {
		t.Fatal(err)
	}
	h.put("bucket", "k", "one")
	_, r, err := h.Get(t.Context(), "bucket", "k")
	if err != nil {
		t.Fatal(err)
	}
	h.put("bucket", "k", "two")
	if err := h.Delete("bucket", "k"); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); string(b) != "one" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
	r.Close()
	if _, err := h.Head("bucket", "k"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a deleted object: %v", err)
	}
}

func TestNamesOfBuckets(t *testing.T) {
	h := open(t, disk.NewMemory())
	defer h.db.Close()
	for name, ok := range map[string]bool{"abc": true, "a.b-c1": true, "ab": false, "Abc": false, "a_b": false, "-abc": false, "abc-": false, "a..b": false,
		"192.168.1.1": false, strings.Repeat("a", 63): true, strings.Repeat("a", 64): false, "a/b": false} {
		if _, err := h.Create(buckets.Bucket{Name: name}); (err == nil) != ok {
			t.Errorf("%q: %v, want ok %v", name, err, ok)
		}
	}
}

// A listing in pages of any size gives what a plain walk over sorted keys gives.
func TestListingTwin(t *testing.T) {
	h := open(t, disk.NewMemory())
	defer h.db.Close()
	if _, err := h.Create(buckets.Bucket{Name: "bucket"}); err != nil {
		t.Fatal(err)
	}
	letters := []rune("ab/é")
	all := map[string]bool{}
	rapid.Check(t, func(rt *rapid.T) {
		for _, k := range rapid.SliceOfN(rapid.StringOfN(rapid.SampledFrom(letters), 1, 5, -1), 0, 5).Draw(rt, "keys") {
			if all[k] = !all[k]; all[k] {
				h.put("bucket", k, k)
			} else if err := h.Delete("bucket", k); err != nil {
				rt.Fatal(err)
			}
		}
		l := buckets.Listing{Prefix: rapid.StringOfN(rapid.SampledFrom(letters), 0, 3, -1).Draw(rt, "prefix"), Max: rapid.IntRange(1, 4).Draw(rt, "max"),
			Delimiter: rapid.SampledFrom([]string{"", "/", "a"}).Draw(rt, "delimiter")}
		var got, want []string
		for {
			p, err := h.List(context.Background(), "bucket", l)
			if err != nil {
				rt.Fatal(err)
			}
			for _, o := range p.Objects {
				got = append(got, o.Key)
			}
			got = append(got, p.Prefixes...)
			if !p.Truncated {
				break
			}
			l.After = p.Next
		}
		for k, there := range all {
			if !there || !strings.HasPrefix(k, l.Prefix) {
				continue
			}
			if rest := k[len(l.Prefix):]; l.Delimiter != "" && strings.Contains(rest, l.Delimiter) {
				k = l.Prefix + rest[:strings.Index(rest, l.Delimiter)] + l.Delimiter
			}
			want = append(want, k)
		}
		slices.Sort(got)
		slices.Sort(want)
		if want = slices.Compact(want); !slices.Equal(got, want) {
			rt.Fatalf("%+v gave %q, want %q", l, got, want)
		}
	})
}

// Uploads end while objects are put: whatever their ids and keys, no lock waits for itself. Their bytes go with them.
func TestUploads(t *testing.T) {
	fs := disk.NewCrashable()
	h := open(t, fs)
	if _, err := h.Create(buckets.Bucket{Name: "bucket"}); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		u, err := h.Begin(buckets.Upload{Bucket: "bucket", Key: "k"})
		if err != nil {
			t.Fatal(err)
		}
		p, err := h.PutPart(t.Context(), "bucket", "k", u.ID, 7, strings.NewReader("part"), buckets.Putting{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Complete(t.Context(), "bucket", "k", u.ID, []buckets.Named{{Number: 7, ETag: p.ETag}}, buckets.Putting{}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Upload("bucket", "k", u.ID); !fault.Is(err, fault.NotFound) {
			t.Fatalf("an upload that ended: %v", err)
		}
	}
	// What was acknowledged is there after a crash that loses everything else.
	h = open(t, fs.Crash(0, 1))
	defer h.db.Close()
	if got := h.read("bucket", "k"); got != "part" {
		t.Errorf("after a crash: %q", got)
	}
	if err := h.Delete("bucket", "k"); err != nil {
		t.Fatal(err)
	}
	if names, _ := fs.List("blobs"); len(names) > 1 {
		t.Errorf("bytes that nobody names are kept: %v", names)
	}
}
