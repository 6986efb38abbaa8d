package disk_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"anthill/internal/disk"
)

// A table that is damaged in one place costs what is there and nothing else: who reads it gets an error and somebody hears
// of it, everything else can be read, and commits are acknowledged, compactions or not.
func TestADamagedTableStopsNobodyElse(t *testing.T) {
	dir := t.TempDir()
	var heard atomic.Int64
	open := func() *disk.DB {
		db, err := disk.Open(dir, disk.Options{Damaged: func(string, error) { heard.Add(1) }})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	rng := rand.New(rand.NewPCG(1, 1))
	noise := func() []byte {
		b := make([]byte, 1000)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	key := func(i int) []byte { return fmt.Appendf(nil, "h%04d", i) }
	const keys = 400
	db := open()
	var writes []disk.Write
	for i := range keys {
		writes = append(writes, disk.Write{Key: key(i), Value: noise()})
	}
	if err := db.Commit(writes...); err != nil {
		t.Fatal(err)
	}
	for range 2 { // what is in the log becomes a table when the database is opened again
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = open()
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	tables, _ := filepath.Glob(filepath.Join(dir, "db", "*.sst"))
	if len(tables) != 1 {
		t.Fatalf("%d tables", len(tables))
	}
	b, err := os.ReadFile(tables[0])
	if err == nil {
		b[len(b)/2] ^= 1
		err = os.WriteFile(tables[0], b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	db = open()
	defer func() { db.Close() }()
	unread := 0
	for i := range keys {
		if v, ok, err := db.Get(key(i)); err != nil {
			unread++
		} else if !ok || len(v) != 1000 {
			t.Errorf("key %d is gone, and nobody says so", i)
		}
	}
	if unread == 0 || unread > 80 || heard.Load() == 0 {
		t.Errorf("%d of %d keys cannot be read, and %d times somebody heard of damage", unread, keys, heard.Load())
	}
	for round := range 8 { // tables over the damaged one, until they are compacted with it
		writes = writes[:0]
		for i := range keys {
			writes = append(writes, disk.Write{Key: key(i), Value: bytes.Repeat([]byte{byte(round)}, 2000)})
		}
		if err := db.Commit(writes...); err != nil {
			t.Fatalf("a commit beside the damage: %v", err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = open()
	}
	if err := db.Err(); err != nil {
		t.Errorf("the database has failed: %v", err)
	}
}
