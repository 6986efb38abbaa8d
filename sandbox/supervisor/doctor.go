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

	"anthill/sandbox/confine"
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
		user.Detail = fmt.Sprintf("uid %d: functions run as this user, in user namespaces of their own", os.Geteuid())
	}
	return append([]Finding{user}, append(examineNamespaces(ctx, dir, command), examineGroups()...)...)
}

func examineNamespaces(ctx context.Context, dir string, command []string) []Finding {
	err := tryNamespaces(ctx, dir, command)
	if os.Getenv(NoNamespaces) != "" {
		err = fmt.Errorf("switched off by %s", NoNamespaces)
	}
	landlock := confine.LandlockVersion()
	namespaces := Finding{Name: "namespaces", OK: err == nil, Detail: "own root, processes, users and IPC for every environment; the network is the machine's"}
	files := Finding{Name: "landlock", OK: landlock > 0, Detail: fmt.Sprintf("version %d; not needed beside namespaces", landlock)}
	tmp := Finding{Name: "/tmp", OK: err == nil, Detail: "a filesystem of EphemeralStorage's size, in memory that is not counted as the function's"}
	switch {
	case err != nil && landlock > 0:
		namespaces.Detail = "Landlock instead: functions see names of the machine's processes and share its /tmp: " + err.Error()
		files.Detail = fmt.Sprintf("version %d: closes files, signals and tracing to functions", landlock)
	case err != nil:
		namespaces.Detail = "functions see the machine's files and processes: " + err.Error()
		files.Detail = "the kernel has none, or lsm= of its command line leaves it out"
	case landlock == 0:
		files.Detail = "the kernel has none; not needed beside namespaces"
	}
	if err != nil {
		tmp.Detail = "the machine's own, whose size nobody limits"
	}
	calls := Finding{Name: "system call filter", OK: true, Detail: "mounts, namespaces, tracing, keyring, bpf, io_uring and other families of sockets are refused"}
	if _, err := confine.Filter(); err != nil {
		calls.OK, calls.Detail = false, err.Error()
	}
	return []Finding{namespaces, files, calls, tmp}
}

func examineGroups() []Finding {
	var g groups
	g.find()
	defer g.close()
	version := "control groups, version 1"
	if g.v2 {
		version = "control groups, version 2, in " + g.place.dir
	}
	memory := Finding{Name: "memory limit", OK: g.memory != "", Detail: version}
	pids := Finding{Name: "process limit", OK: g.pids != "", Detail: version}
	cpu := Finding{Name: "processor share", OK: g.cpu != "", Detail: version + ", with --cpu lambda or the tag anthill:cpu=lambda"}
	if g.memory == "" {
		memory.Detail = "no control groups (" + g.why + "): RLIMIT_DATA, and what has too much is ended five times a second"
	}
	if g.pids == "" {
		pids.Detail = "no control groups: RLIMIT_NPROC, which counts by user"
	}
	if g.cpu == "" {
		cpu.Detail = "no control groups: every function takes what there is"
	}
	return []Finding{memory, pids, cpu}
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
