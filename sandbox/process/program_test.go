//go:build !race

package process_test

import (
	"os"
	"testing"
)

// patience is how much slower everything may be.
const patience = 1

// program is the executable that functions, and platforms under a function's limits, are made of.
func program(t testing.TB) []byte {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
