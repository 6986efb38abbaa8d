package blobs_test

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"anthill/blobs"
	"anthill/fault"
	"anthill/internal/disk"
)

func open(t *testing.T, fs disk.FS) (*blobs.Store, *disk.DB) {
	t.Helper()
	db, err := disk.Open("data", disk.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	b, err := blobs.Open("data/blobs", fs, db)
	if err != nil {
		t.Fatal(err)
	}
	return b, db
}

func put(t *testing.T, b *blobs.Store, text string) blobs.Digest {
	t.Helper()
	d, size, err := b.Put(strings.NewReader(text))
	if err != nil || size != int64(len(text)) || !d.Valid() {
		t.Fatalf("put gave %q, %d, %v", d, size, err)
	}
	return d
}

func want(t *testing.T, b *blobs.Store, d blobs.Digest, text string) {
	t.Helper()
	r, err := b.Open(d)
	if err != nil {
		t.Errorf("open: %v", err)
		return
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != text {
		t.Errorf("blob holds %q (%v), want %q", got, err, text)
	}
}

func gone(t *testing.T, b *blobs.Store, d blobs.Digest) {
	t.Helper()
	if r, err := b.Open(d); !fault.Is(err, fault.NotFound) {
		t.Errorf("opening a blob that went: %v, %v", r, err)
	}
}

func commit(t *testing.T, s *disk.DB, w ...disk.Write) {
	t.Helper()
	if err := s.Commit(w...); err != nil {
		t.Fatal(err)
	}
}

func TestReferencesKeepBytes(t *testing.T) {
	fs := disk.NewCrashable()
	b, s := open(t, fs)
	kept, dropped, orphan := put(t, b, "kept"), put(t, b, "dropped"), put(t, b, "orphan")
	if put(t, b, "kept") != kept {
		t.Error("the same bytes have two digests")
	}
	commit(t, s, b.Ref(kept, "function/a"), b.Ref(kept, "function/b"), b.Ref(dropped, "function/a"))

	fs = fs.Crash(0, 0)
	b, s = open(t, fs)
	want(t, b, kept, "kept")
	want(t, b, dropped, "dropped")
	gone(t, b, orphan)
	commit(t, s, b.Unref(kept, "function/a"), b.Unref(dropped, "function/a"))
	for _, d := range []blobs.Digest{kept, dropped} {
		if err := b.Drop(d); err != nil {
			t.Fatal(err)
		}
	}
	want(t, b, kept, "kept")
	gone(t, b, dropped)
}

func TestAFullDiskKeepsNothing(t *testing.T) {
	mem := disk.NewCrashable()
	fs := disk.NewFaulty(mem)
	b, _ := open(t, fs)
	fs.Fail(syscall.ENOSPC)
	if _, _, err := b.Put(strings.NewReader("x")); !fault.Is(err, fault.Full) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("put on a full disk: %v", err)
	}
	fs.Fail(nil)
	want(t, b, put(t, b, "x"), "x")
}

func TestSweepFreesWhatNobodyRefersTo(t *testing.T) {
	b, s := open(t, disk.NewMemory())
	kept, dropped := put(t, b, "kept"), put(t, b, "dropped")
	commit(t, s, b.Ref(kept, "function/a"), b.Ref(dropped, "function/a"))
	commit(t, s, b.Unref(dropped, "function/a"))
	if err := b.Drop(dropped); err != nil {
		t.Fatal(err)
	}
	want(t, b, dropped, "dropped") // somebody may be about to refer to it
	if err := b.Sweep(time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	want(t, b, dropped, "dropped")
	if err := b.Sweep(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	want(t, b, kept, "kept")
	gone(t, b, dropped)
}
