package process_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"anthill/sandbox"
	"anthill/sandbox/sandboxtest"
)

type promised struct{ *house }

func (p promised) Pool() *sandbox.Pool                     { return p.house.Pool }
func (p promised) Python(name, source string) sandbox.Spec { return p.house.python(name, source) }

func (p promised) Shell(name string) sandbox.Spec {
	s := p.house.function(name, "bootstrap", sandboxtest.Shell, 0o755)
	s.Runtime = "provided.al2023"
	return s
}

func (p promised) Node(name string) sandbox.Spec {
	s := p.house.function(name, "app.js", sandboxtest.Evaluate, 0o644)
	s.Runtime = "nodejs20.x"
	return s
}

func TestPromises(t *testing.T) {
	sandboxtest.TestPromises(t, promised{newHouse(t)}, impossible())
}

func TestPromisesOfOtherRuntimes(t *testing.T) {
	for _, program := range []string{"curl", "node"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("there is no " + program + " on this machine")
		}
	}
	sandboxtest.TestRuntimes(t, promised{newHouse(t)}, impossible())
}

// impossible says what this machine cannot keep.
func impossible() map[string]string {
	skip := map[string]string{}
	if os.Getenv("ANTHILL_NO_NAMESPACES") != "" || noNamespaces() {
		for _, name := range []string{"host files", "writing outside /tmp", "powers", "a neighbour's environment and processes", "a neighbour's files", "filling /tmp"} {
			skip[name] = "this machine gives no namespaces"
		}
	}
	return skip
}

// noNamespaces reports whether the kernel refuses user namespaces outright.
func noNamespaces() bool {
	b, err := os.ReadFile("/proc/sys/user/max_user_namespaces")
	return err == nil && strings.TrimSpace(string(b)) == "0"
}
