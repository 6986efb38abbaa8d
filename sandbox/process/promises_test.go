package process_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"anthill/sandbox"
	"anthill/sandbox/confine"
	"anthill/sandbox/sandboxtest"
	"anthill/sandbox/supervisor"
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
	if os.Getenv(supervisor.NoNamespaces) != "" || noNamespaces() {
		for _, name := range []string{"a neighbour's files", "filling /tmp", "powers"} {
			skip[name] = "without namespaces /tmp is the machine's"
		}
		if confine.LandlockVersion() == 0 {
			for _, name := range []string{"host files", "writing outside /tmp", "a neighbour's environment and processes"} {
				skip[name] = "this machine gives neither namespaces nor Landlock"
			}
		}
	}
	return skip
}

// As an ordinary user, whose functions have user namespaces and no control groups, and with Landlock in their place.
func TestPromisesOfAnOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("we are one: TestPromises tries it")
	}
	const promises = "TestPromises(OfOtherRuntimes)?$/^(host|writing|powers|a_neigh|memory|filling|the_timeout|shell_powers|shell_writing|node_memory)"
	for _, without := range []string{"", "namespaces"} {
		t.Run("without "+without, func(t *testing.T) {
			dir, err := os.MkdirTemp("/tmp", "anthill-ordinary-") // not under t.TempDir, which is root's alone
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			const nobody = 65534
			copied := filepath.Join(dir, "process.test")
			for _, err := range []error{os.WriteFile(copied, program(t), 0o755), os.Chown(dir, nobody, nobody)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), copied, "-test.run", promises, "-test.timeout", "4m", "-test.v")
			cmd.Dir = dir
			cmd.Env = []string{"HOME=" + dir, "TMPDIR=" + dir, "PATH=/usr/local/bin:/usr/bin:/bin", "PIP_NO_INDEX=1"} // these functions do without boto3
			if without != "" {
				cmd.Env = append(cmd.Env, supervisor.NoNamespaces+"=1")
			}
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestPromises/memory") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// noNamespaces reports whether the kernel refuses user namespaces outright.
func noNamespaces() bool {
	b, err := os.ReadFile("/proc/sys/user/max_user_namespaces")
	return err == nil && strings.TrimSpace(string(b)) == "0"
}
