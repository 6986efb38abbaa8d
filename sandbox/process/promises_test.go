package process_test

import (
	"os"
	"strings"
	"testing"

	"anthill/sandbox"
	"anthill/sandbox/sandboxtest"
)

type promised struct{ *house }

func (p promised) Pool() *sandbox.Pool                     { return p.house.Pool }
func (p promised) Python(name, source string) sandbox.Spec { return p.house.python(name, source) }

func TestPromises(t *testing.T) {
	skip := map[string]string{}
	if os.Getenv("ANTHILL_NO_NAMESPACES") != "" || noNamespaces() {
		for _, name := range []string{"host files", "writing outside /tmp", "powers", "a neighbour's environment and processes", "a neighbour's files"} {
			skip[name] = "this machine gives no namespaces"
		}
	}
	sandboxtest.TestPromises(t, promised{newHouse(t)}, skip)
}

// noNamespaces reports whether the kernel refuses user namespaces outright.
func noNamespaces() bool {
	b, err := os.ReadFile("/proc/sys/user/max_user_namespaces")
	return err == nil && strings.TrimSpace(string(b)) == "0"
}
