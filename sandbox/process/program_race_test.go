//go:build race

package process_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// patience is how much slower everything may be.
const patience = 5

// plainProgram is this test's program without the race detector, whose shadow memory and whose start are more than the
// limits allow that functions are tried with. Driver, pool and supervisor are under the detector all the same.
var plainProgram = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "anthill-plain-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "process.test")
	cmd := exec.Command("go", "test", "-c", "-o", name, "anthill/sandbox/process")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return os.ReadFile(name)
})

// program is the executable that functions, and platforms under a function's limits, are made of.
func program(t testing.TB) []byte {
	t.Helper()
	b, err := plainProgram()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
