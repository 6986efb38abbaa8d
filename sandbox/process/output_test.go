package process

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"anthill/sandbox"
)

func record(text string) string {
	b := []byte{0xA5, 0x5A, 0x00, 0x03}
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	b = binary.BigEndian.AppendUint64(b, 1_000_000)
	return string(b) + text
}

func texts(entries []sandbox.Entry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Text)
	}
	return all
}

func TestOutputIsCutIntoEntries(t *testing.T) {
	for _, c := range []struct {
		name, in string
		all      bool
		want     []string
		rest     string
	}{
		{"lines", "a\nb\n", false, []string{"a\n", "b\n"}, ""},
		{"unfinished line", "a\nb", false, []string{"a\n"}, "b"},
		{"unfinished line of an ended process", "a\nb", true, []string{"a\n", "b"}, ""},
		{"record of many lines", record("a\nb\n") + "c\n", false, []string{"a\nb\n", "c\n"}, ""},
		{"record after an unfinished line", "a" + record("b\n"), false, []string{"a", "b\n"}, ""},
		{"unfinished record", "a\n" + record("bcd")[:18], false, []string{"a\n"}, record("bcd")[:18]},
		{"empty record", record("") + "a\n", false, []string{"a\n"}, ""},
		{"no UTF-8", "a\xff\n", false, []string{"a\uFFFD\n"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			entries, rest := split([]byte(c.in), time.Now(), c.all)
			if diff := cmp.Diff(c.want, texts(entries)); diff != "" || string(rest) != c.rest {
				t.Errorf("entries (-want +got):\n%s\nrest %q, want %q", diff, rest, c.rest)
			}
		})
	}
}

func TestOutputIsReadOnceOverRestarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	write := func(s string) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(s); err != nil {
			t.Fatal(err)
		}
	}
	first := &output{path: path}
	if got := first.read(false); got != nil {
		t.Errorf("before anything was written: %v", got)
	}
	write("one\ntw")
	if diff := cmp.Diff([]string{"one\n"}, texts(first.read(false))); diff != "" {
		t.Error(diff)
	}
	first.close()
	write("o\nthree\n")
	second := &output{path: path}
	second.resume()
	if diff := cmp.Diff([]string{"two\n", "three\n"}, texts(second.read(false))); diff != "" {
		t.Error(diff)
	}
}

func FuzzOutput(f *testing.F) {
	f.Add([]byte("a\nb"), true)
	f.Add([]byte(record("x")+"a"+record("")), false)
	f.Fuzz(func(t *testing.T, in []byte, all bool) {
		entries, rest := split(in, time.Now(), all)
		if all && len(rest) != 0 {
			t.Errorf("%d bytes are left of an ended process", len(rest))
		}
		for _, e := range entries {
			if e.Text == "" {
				t.Error("an empty entry")
			}
		}
	})
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte{0, 0, 0, 9, 5, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, in []byte) {
		c := &conn{in: append(make([]byte, 0, 64), in...)}
		for {
			f, ok, err := c.take()
			if !ok || err != nil {
				return
			}
			if f.kind == frameResponse {
				_, _ = outcomeOf(f) // refuses what is short
			}
		}
	})
}
