package server

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"anthill/fault"
	"anthill/internal/disk"
)

var update = flag.Bool("update", false, "write testdata/doctor.txtar anew")

// numbers are what differs with the bytes of the database's files.
var numbers = regexp.MustCompile(`(at byte |block |mismatch |!= )[0-9a-f/]+|\b[0-9a-f]{64}\b`)

// What `anthill doctor` says of a data directory, and then what `anthill up` says, case by case in testdata/doctor.txtar.
func TestDoctorSays(t *testing.T) {
	whole, killed := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "killed")
	fillDirectory(t, whole, false)
	fillDirectory(t, killed, true)
	db := func(dir, pattern string) string { // the newest such file
		all, err := filepath.Glob(filepath.Join(databaseDir(dir), pattern))
		if err != nil || len(all) == 0 {
			t.Fatalf("no %s in %s: %v", pattern, dir, err)
		}
		return all[len(all)-1]
	}
	change := func(name string, how func([]byte) []byte) {
		b, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(name, how(b), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	written := func(b []byte) []byte { return bytes.TrimRight(b, "\x00") } // logs end in zeros
	flip := func(at func(n int) int) func([]byte) []byte {
		return func(b []byte) []byte {
			b[at(len(written(b)))] ^= 1
			return b
		}
	}
	remove := func(name string) {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	var got txtar.Archive
	for _, c := range []struct {
		name, from string
		spoil      func(dir string)
	}{
		{"healthy", whole, func(string) {}},
		{"killed", killed, func(string) {}},
		{"a torn tail", killed, func(dir string) {
			change(db(dir, "db/*.log"), func(b []byte) []byte { return b[:len(written(b))-100] })
		}},
		{"a log damaged in the middle", killed, func(dir string) { change(db(dir, "db/*.log"), flip(func(n int) int { return n / 2 })) }},
		{"a missing log", killed, func(dir string) { remove(db(dir, "db/*.log")) }},
		{"a corrupted block", whole, func(dir string) { change(db(dir, "db/*.sst"), flip(func(n int) int { return n / 2 })) }},
		{"a missing table", whole, func(dir string) { remove(db(dir, "db/*.sst")) }},
		{"a damaged list of tables", whole, func(dir string) {
			change(db(dir, "db/MANIFEST-*"), flip(func(n int) int { return n - 20 }))
		}},
		{"a missing blob", whole, func(dir string) { remove(db(dir, "../blobs/*")) }},
		{"a damaged blob", whole, func(dir string) { change(db(dir, "../blobs/*"), flip(func(n int) int { return n / 2 })) }},
		{"no format", whole, func(dir string) { remove(db(dir, "FORMAT")) }},
		{"a newer format", whole, func(dir string) { change(db(dir, "FORMAT"), func([]byte) []byte { return []byte("anthill 99\n") }) }},
		{"something else", whole, func(dir string) { change(db(dir, "FORMAT"), func([]byte) []byte { return []byte("beehive 1\n") }) }},
		{"opened twice", whole, func(dir string) {
			held, err := disk.Open(databaseDir(dir), disk.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { held.Close() })
		}},
		{"no database", whole, func(dir string) { os.RemoveAll(databaseDir(dir)) }},
		{"no directory", whole, func(dir string) { os.RemoveAll(dir) }},
	} {
		dir := filepath.Join(t.TempDir(), "data")
		if err := os.CopyFS(dir, os.DirFS(c.from)); err != nil {
			t.Fatal(err)
		}
		c.spoil(dir)
		var said strings.Builder
		switch d, err := Examine(dir); {
		case err != nil:
			said.WriteString(fault.Of(err).Detail + "\n")
		default:
			said.WriteString(d.String())
		}
		said.WriteString("up    ")
		switch opened, err := disk.Open(databaseDir(dir), disk.Options{}); {
		case err != nil:
			said.WriteString(fault.Of(explain(err, dir)).Detail + "\n")
		default:
			said.WriteString("starts\n")
			opened.Close()
		}
		text := numbers.ReplaceAllString(strings.ReplaceAll(said.String(), dir, "DATA"), "${1}N")
		got.Files = append(got.Files, txtar.File{Name: c.name, Data: []byte(text)})
	}
	const golden = "testdata/doctor.txtar"
	if *update {
		if err := os.WriteFile(golden, txtar.Format(&got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := txtar.ParseFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(txtar.Format(want)), string(txtar.Format(&got))); diff != "" {
		t.Errorf("read the difference, then go test ./server -run TestDoctorSays -update:\n%s", diff)
	}
}
