package supervisor

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Finding is one thing that a machine gives to environments, or not.
type Finding struct {
	Name   string
	OK     bool
	Detail string // what is used, or why it is missing and what happens instead
}

// Examine tries what environments are isolated with. command is how the supervisor is started, as for Launch; dir is a
// directory to work in, which is left as it was.
func Examine(ctx context.Context, dir string, command []string) []Finding {
	user := Finding{Name: "user", OK: true, Detail: "root: every function gets user ids of its own"}
	if os.Geteuid() != 0 {
		user.Detail = fmt.Sprintf("uid %d: functions run as this user, in user namespaces", os.Geteuid())
	}
	namespaces := Finding{Name: "namespaces", OK: true, Detail: "own root, processes, /tmp and IPC for every environment"}
	if err := tryNamespaces(ctx, dir, command); err != nil {
		namespaces.OK = false
		namespaces.Detail = "functions see the machine's files and processes: " + err.Error()
	}
	var g groups
	memory := Finding{Name: "memory and process limits", OK: true}
	g.find()
	switch {
	case g.v2:
		memory.Detail = "control groups, version 2"
	case g.memory != "" && g.pids != "":
		memory.Detail = "control groups, version 1"
	default:
		memory.OK = false
		memory.Detail = "no control groups (" + g.why + "): resource limits instead (RLIMIT_DATA, RLIMIT_NPROC)"
	}
	g.close()
	return []Finding{user, namespaces, memory}
}

// tryNamespaces runs /bin/true as an environment's first process.
func tryNamespaces(ctx context.Context, dir string, command []string) error {
	work, err := os.MkdirTemp(dir, "examine-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	spec := launchSpec{Root: filepath.Join(work, "root"), IDs: ids{1_900_000, 65536}}
	spec.Argv = []string{"/bin/true"}
	if err := os.Mkdir(spec.Root, 0o711); err != nil {
		return err
	}
	specOut, specIn, err := os.Pipe()
	if err != nil {
		return err
	}
	defer specOut.Close()
	answerOut, answerIn, err := os.Pipe()
	if err != nil {
		specIn.Close()
		return err
	}
	defer answerOut.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], append(command[1:len(command):len(command)], "--launch")...)
	cmd.ExtraFiles = []*os.File{answerIn, specOut, answerIn}
	cmd.SysProcAttr = ownMounts()
	if os.Geteuid() != 0 || inUserNamespace() {
		spec.IDs = ids{0, 1}
	}
	err = cmd.Start()
	answerIn.Close()
	if err != nil {
		specIn.Close()
		return err
	}
	err = json.NewEncoder(specIn).Encode(spec)
	specIn.Close()
	b := make([]byte, 4096)
	n, _ := answerOut.Read(b) // nothing came: Wait says why
	if werr := cmd.Wait(); err == nil && werr != nil {
		err = fmt.Errorf("%s", strings.TrimPrefix(string(b[:n]), "error: "))
	}
	return err
}
