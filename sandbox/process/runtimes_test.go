package process_test

import (
	"os"
	"path/filepath"
	"testing"

	"anthill/sandbox"
)

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (h *house) function(name, file, source string, mode os.FileMode) sandbox.Spec {
	h.t.Helper()
	s := h.python(name, "")
	if err := os.WriteFile(filepath.Join(s.CodeDir, file), []byte(source), mode); err != nil {
		h.t.Fatal(err)
	}
	return s
}
