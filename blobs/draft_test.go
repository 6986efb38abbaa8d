package blobs_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"anthill/blobs"
	"anthill/internal/disk"
)

// What was appended is there after a crash, what came later is not, and the draft goes on from there.
func TestDraftGoesOnAfterACrash(t *testing.T) {
	fs := disk.NewCrashable()
	b, _ := open(t, fs)
	d, err := b.Draft("one", 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := d.Append(strings.NewReader("hello, ")); n != 7 || err != nil {
		t.Fatal(n, err)
	}
	size, state := d.Size(), d.State()
	cut := errors.New("cut")
	if n, err := d.Append(io.MultiReader(strings.NewReader("not acknowledged"), iotest.ErrReader(cut))); n != 16 || !errors.Is(err, cut) {
		t.Fatal(n, err)
	}

	fs = fs.Crash(0, 0)
	b, _ = open(t, fs)
	if names, err := b.Drafts(); err != nil || len(names) != 1 || names[0] != "one" {
		t.Fatalf("drafts %q, %v", names, err)
	}
	if d, err = b.Draft("one", size, state); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Append(strings.NewReader("world")); err != nil {
		t.Fatal(err)
	}
	digest, err := d.Keep()
	if err != nil || digest != put(t, b, "hello, world") {
		t.Errorf("kept %s, %v", digest, err)
	}
	want(t, b, digest, "hello, world")
}

func TestEmptyAndDroppedDrafts(t *testing.T) {
	b, _ := open(t, disk.NewMemory())
	d, err := b.Draft("empty", 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := d.Keep()
	if err != nil {
		t.Fatal(err)
	}
	want(t, b, digest, "")
	if d, err = b.Draft("gone", 0, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Append(strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Drop(), d.Drop()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Draft("gone", 1, d.State()); err == nil {
		t.Error("a dropped draft goes on")
	}
	var _ blobs.Digest = digest
}
