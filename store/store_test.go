package store_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"anthill/fault"
	"anthill/internal/disk"
	"anthill/store"
)

type document struct {
	N    int               `json:"n"`
	Tags map[string]string `json:"tags,omitempty"`
}

func open(t *testing.T, fs disk.FS) (*store.Store, *disk.DB) {
	t.Helper()
	db, err := disk.Open("data", disk.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return store.Open(db), db
}

func TestDocumentsSurviveAPowerCut(t *testing.T) {
	fs := disk.NewCrashable()
	s, _ := open(t, fs)
	c, other := store.Of[document](s, "functions"), store.Of[document](s, "functions2")
	for i := range 20 {
		if err := c.Put(fmt.Sprintf("a/%02d", i), document{N: i}); err != nil {
			t.Fatal(err)
		}
	}
	must(t, other.Put("a/99", document{N: 99}))
	must(t, c.Delete("a/07"))
	must(t, s.Commit(c.Write("b", document{N: 1}), other.Write("b", document{N: 2}), c.Remove("a/08")))

	s, db := open(t, fs.Crash(0, 0))
	defer db.Close()
	c, other = store.Of[document](s, "functions"), store.Of[document](s, "functions2")
	n := 0
	for key, doc := range c.Each("a/") {
		if want := fmt.Sprintf("a/%02d", doc.N); key != want {
			t.Errorf("key %q holds %d", key, doc.N)
		}
		n++
	}
	if n != 18 {
		t.Errorf("%d documents under a/, want 18", n)
	}
	if d, ok, err := other.Get("b"); err != nil || !ok || d.N != 2 {
		t.Errorf("b = %v %v %v", d, ok, err)
	}
	if _, ok, err := c.Get("a/08"); ok || err != nil {
		t.Errorf("a/08 is there after its removal (%v)", err)
	}
}

func TestAFullDiskAcknowledgesNothing(t *testing.T) {
	mem := disk.NewCrashable()
	fs := disk.NewFaulty(mem)
	s, _ := open(t, fs)
	c := store.Of[document](s, "functions")
	must(t, c.Put("before", document{N: 1}))
	fs.Fail(syscall.ENOSPC)
	for i := range 3 {
		err := c.Put("after", document{N: 2})
		if !fault.Is(err, fault.Full) || !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("put %d on a full disk: %v, want a fault of kind full", i, err)
		}
	}
	s, db := open(t, mem.Crash(0, 0))
	defer db.Close()
	c = store.Of[document](s, "functions")
	if _, ok, _ := c.Get("before"); !ok {
		t.Error("what was acknowledged before is lost")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
