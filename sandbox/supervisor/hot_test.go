package supervisor

import (
	"os"
	"slices"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

// What was written to after the other list was made is in no other span, and every page of the difference is in one.
func TestSpansOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pages := rapid.SliceOfDistinct(rapid.Uint64Range(0, 300), func(p uint64) uint64 { return p >> 1 })
		before, after := pages.Draw(t, "before"), pages.Draw(t, "after")
		slices.Sort(before)
		slices.Sort(after)
		in := func(p uint64) bool {
			return slices.ContainsFunc(spansOf(after, before), func(s span) bool { return s[2] == p&1 && p>>1 >= s[0] && p>>1 < s[0]+s[1] })
		}
		for _, p := range after {
			if !slices.Contains(before, p) && !in(p) {
				t.Fatalf("%#x is in no span", p)
			}
		}
		for _, p := range before {
			if p&1 == 1 && !slices.Contains(after, p) && in(p) {
				t.Fatalf("%#x is in a span", p)
			}
		}
	})
}

func TestTouched(t *testing.T) {
	size := os.Getpagesize()
	m, err := syscall.Mmap(-1, 0, 4*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(m)
	before, err := touched(os.Getpid())
	if err != nil {
		t.Skip("this kernel does not show its pages:", err)
	}
	m[size], m[2*size] = 1, 1
	after, err := touched(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	var n uint64
	for _, s := range spansOf(after, before) {
		if s[2] == 1 {
			n += s[1]
		}
	}
	if n < 2 {
		t.Errorf("%d pages were written to, of at least 2", n)
	}
}
