package server

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"anthill/blobs"
	"anthill/history"
	"anthill/internal/disk"
	"anthill/store"
)

// fillDirectory makes a data directory with something in every room, in tables and in a log, and gives its contents.
// Killed, it ends as a process that was killed leaves it.
func fillDirectory(t *testing.T, data string, killed bool) string {
	t.Helper()
	db, err := disk.Open(databaseDir(data), disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := blobs.Open(filepath.Join(data, "blobs"), nil, db)
	if err != nil {
		t.Fatal(err)
	}
	l := history.Open(db)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 400 {
		if i == 200 { // what was in the log becomes a table
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if db, err = disk.Open(databaseDir(data), disk.Options{}); err != nil {
				t.Fatal(err)
			}
			l = history.Open(db)
		}
		text := make([]byte, 500+rng.IntN(2000))
		for j := range text {
			text[j] = byte('a' + rng.IntN(26))
		}
		s := history.Stream(fmt.Sprintf("execution/%02d", i%40))
		if _, err := l.Append(t.Context(), s, history.Flushed, [][]byte{text, text[:10]}); err != nil {
			t.Fatal(err)
		}
		if i%100 == 0 {
			d, _, err := b.Put(strings.NewReader(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Commit(b.Ref(d, "function/a"), store.Of[string](store.Open(db), "functions").Write(fmt.Sprint("doc", i), string(d))); err != nil {
				t.Fatal(err)
			}
		}
	}
	all := contents(db, b)
	if killed {
		copied := data + "-killed"
		if err := os.CopyFS(copied, os.DirFS(data)); err != nil {
			t.Fatal(err)
		}
		defer func() {
			os.RemoveAll(data)
			os.Rename(copied, data)
		}()
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}

// contents is everything that can be read, or the trouble with reading it.
func contents(db *disk.DB, b *blobs.Store) string {
	var out strings.Builder
	l := history.Open(db)
	for s := range l.Streams("") {
		for e, err := range l.Read(s, 1) {
			fmt.Fprintln(&out, s, e.Pos, string(e.Data), err)
		}
	}
	for d, err := range store.Of[string](store.Open(db), "functions").Scan("") {
		fmt.Fprintln(&out, d.Key, d.Doc, err)
		if f, err := os.ReadFile(b.Path(blobs.Digest(d.Doc))); err != nil || len(f) == 0 {
			fmt.Fprintln(&out, "blob", err)
		} else {
			fmt.Fprintln(&out, string(f))
		}
	}
	return out.String()
}

// Wherever a directory is damaged, either the doctor says so or nothing is missing.
func TestDamageIsNamed(t *testing.T) {
	cases := 60
	if testing.Short() {
		cases = 20
	}
	seen := map[string]bool{}
	for _, killed := range []bool{false, true} {
		whole := filepath.Join(t.TempDir(), "whole")
		want := fillDirectory(t, whole, killed)
		d, err := Examine(whole)
		if err != nil || len(d.Findings) > 0 {
			t.Fatalf("a directory without damage (killed %v): %v %v", killed, d, err)
		}
		if !strings.Contains(strings.Join(d.Readable, "\n"), "800 events in 40 streams") {
			t.Errorf("it reads %q", d.Readable)
		}
		var files []string
		filepath.WalkDir(whole, func(p string, e os.DirEntry, _ error) error {
			if rel, _ := filepath.Rel(whole, p); !e.IsDir() {
				files = append(files, rel)
			}
			return nil
		})
		for n := range cases {
			rng := rand.New(rand.NewPCG(uint64(n), 3))
			file := files[n%len(files)]
			dir := filepath.Join(t.TempDir(), "damaged")
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			what := spoil(t, filepath.Join(dir, file), rng)
			d, err := Examine(dir)
			if err != nil || len(d.Findings) > 0 {
				seen[filepath.Ext(file)] = true
				continue
			}
			if got := reopened(t, dir); got != want {
				t.Errorf("killed %v, case %d: %s of %s goes unnoticed, and what is read differs", killed, n, what, file)
			}
		}
	}
	for _, ext := range []string{".log", ".sst"} {
		if !seen[ext] {
			t.Errorf("no damage to any %s file was found", ext)
		}
	}
}

// spoil damages a file in one of four ways, and says how.
func spoil(t *testing.T, name string, rng *rand.Rand) string {
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) == 0 || rng.IntN(8) == 0 {
		os.Remove(name)
		return "removal"
	}
	at, what := rng.IntN(min(len(b), 200<<10)), "" // behind it logs hold nothing yet
	switch rng.IntN(3) {
	case 0:
		b[at] ^= 1 << rng.IntN(8)
		what = fmt.Sprintf("flip at %d", at)
	case 1:
		b = b[:at]
		what = fmt.Sprintf("cut at %d", at)
	case 2:
		clear(b[at:min(at+512, len(b))])
		what = fmt.Sprintf("zeros at %d", at)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return what
}

func reopened(t *testing.T, dir string) string {
	db, err := disk.Open(databaseDir(dir), disk.Options{})
	if err != nil {
		return err.Error()
	}
	defer db.Close()
	b, err := blobs.Open(filepath.Join(dir, "blobs"), nil, db)
	if err != nil {
		return err.Error()
	}
	return contents(db, b)
}
