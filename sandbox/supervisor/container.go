package supervisor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// What follows is the part of the OCI runtime specification that we use (opencontainers/runtime-spec v1.0.2, config.md and
// config-linux.md).

type ociBundle struct {
	Version  string     `json:"ociVersion"`
	Process  ociProcess `json:"process"`
	Root     ociRoot    `json:"root"`
	Hostname string     `json:"hostname"`
	Mounts   []ociMount `json:"mounts"`
	Linux    ociLinux   `json:"linux"`
}

type ociProcess struct {
	User         map[string]int      `json:"user"`
	Args         []string            `json:"args"`
	Env          []string            `json:"env"`
	Cwd          string              `json:"cwd"`
	Capabilities map[string][]string `json:"capabilities"`
}

type ociRoot struct {
	Path     string `json:"path"`
	ReadOnly bool   `json:"readonly"`
}

type ociMount struct {
	Destination string   `json:"destination"`
	Type        string   `json:"type,omitempty"`
	Source      string   `json:"source"`
	Options     []string `json:"options,omitempty"`
}

type ociLinux struct {
	Namespaces []map[string]string `json:"namespaces"`
}

// adapterPowers are what the adapter of a container needs until it starts the function, which gets none: mounting /tmp and
// /proc, becoming the function's user, dropping the rest, ending what is left, and looking whose connections come to the
// Runtime API.
var adapterPowers = [...]string{"CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"}

// bundle is the configuration of a container that shows image as its root.
func bundle(image string, argv, env []string) *ociBundle {
	b := &ociBundle{Version: "1.0.2", Root: ociRoot{Path: image, ReadOnly: true}, Hostname: "localhost"}
	for _, kind := range []string{"pid", "mount", "ipc", "uts"} {
		b.Linux.Namespaces = append(b.Linux.Namespaces, map[string]string{"type": kind})
	}
	powers := map[string][]string{}
	for _, set := range []string{"bounding", "effective", "permitted"} {
		powers[set] = adapterPowers[:]
	}
	b.Process = ociProcess{User: map[string]int{"uid": 0, "gid": 0}, Cwd: "/", Args: argv, Env: env, Capabilities: powers}
	b.Mounts = []ociMount{
		{"/proc", "proc", "proc", []string{"nosuid", "nodev", "noexec"}},
		{"/dev", "tmpfs", "tmpfs", []string{"nosuid", "noexec", "ro", "mode=755", "size=64k"}},
	}
	for _, name := range netFiles(image) {
		b.Mounts = append(b.Mounts, ociMount{name, "", name, []string{"bind", "ro", "nosuid", "nodev"}})
	}
	return b
}

// container has crun start spec in a container and gives its first process. It is what the launch helper does instead of
// building a root and namespaces itself. Memory, processes and processor time are limited by control groups that the adapter
// joins by itself, as everywhere here, so crun is told to leave them alone; it is not asked anything later, so nothing of
// its own is kept.
func container(spec *launchSpec, path string, passed []*os.File) (int, error) {
	at, err := os.MkdirTemp(filepath.Dir(spec.Root), "container-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(at)
	config, err := json.Marshal(bundle(spec.Image, append([]string{path}, spec.Argv[1:]...), append([]string{}, spec.Env...)))
	if err != nil {
		return 0, err
	}
	if err := os.WriteFile(filepath.Join(at, "config.json"), config, 0o600); err != nil {
		return 0, err
	}
	// crun 1.8 refuses to run where both versions of control groups are mounted, though it is told to use none. These mounts
	// are the launch helper's own.
	_ = unix.Unmount("/sys/fs/cgroup/unified", unix.MNT_DETACH) // mostly there is none; an ordinary user may not
	said, pidFile := filepath.Join(at, "said"), filepath.Join(at, "pid")
	cmd := exec.Command(spec.Engine, "--root", filepath.Join(at, "state"), "--cgroup-manager=disabled", "--log", said,
		"run", "--detach", "--pid-file", pidFile, "--preserve-fds", strconv.Itoa(len(passed)), "--bundle", at, filepath.Base(at))
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = os.Stdout, os.Stderr, passed
	if err := cmd.Run(); err != nil {
		why, _ := os.ReadFile(said)
		return 0, fmt.Errorf("%s: %w: %s", spec.Engine, err, bytes.TrimSpace(why))
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(bytes.TrimSpace(text)))
}
