package supervisor

import (
	"os"
	"slices"
	"syscall"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// Every page is in a span of its kind, and a span of pages that are written to holds no other.
func TestSpansOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pages := rapid.SliceOfDistinct(rapid.Uint64Range(0, 300), func(p uint64) uint64 { return p >> 1 }).Draw(t, "pages")
		slices.Sort(pages)
		var written uint64
		spans := spansOf(pages)
		for _, s := range spans {
			written += s[1] * s[2]
		}
		for _, p := range pages {
			if !slices.ContainsFunc(spans, func(s span) bool { return s[2] == p&1 && p>>1 >= s[0] && p>>1 < s[0]+s[1] }) {
				t.Fatalf("%#x is in no span", p)
			}
			written -= p & 1
		}
		if written != 0 {
			t.Fatalf("%d pages too many are written to", written)
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
	m[size], m[2*size] = 1, 1
	pages, err := touched(os.Getpid())
	if err != nil {
		t.Skip("this kernel does not show its pages:", err)
	}
	first := uint64(uintptr(unsafe.Pointer(&m[0]))) / uint64(size)
	for i, want := range []bool{false, true, true, false} {
		if got := slices.Contains(pages, (first+uint64(i))<<1|1); got != want {
			t.Errorf("page %d was written to: %v, want %v", i, got, want)
		}
	}
}
