package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	shared = "/run/vm"
	top    = "/sys/fs/cgroup"

	path     = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	farewell = "the guest is done" // its last word
)

// clearGroups removes the groups of the case before.
func clearGroups() {
	var dirs []string
	_ = filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != top {
			dirs = append(dirs, path)
		}
		return nil // what goes meanwhile is gone
	})
	for _, dir := range slices.Backward(dirs) {
		_ = os.Remove(dir) // one that is not empty was noted by its trial
	}
	for _, c := range strings.Fields(everything) {
		_ = os.WriteFile(filepath.Join(top, "cgroup.subtree_control"), []byte("-"+c), 0) // the case says which it wants
	}
}

// prepare makes the groups of l and gives the last.
func (l *layout) prepare() (string, error) {
	clearGroups()
	dir := top
	parts := strings.Split(l.group, "/")
	if l.group == "" {
		return dir, nil
	}
	for i, part := range parts {
		for _, c := range strings.Fields(l.given) {
			if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0); err != nil {
				return "", fmt.Errorf("%s: %w", dir, err)
			}
		}
		dir = filepath.Join(dir, part)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
		if l.owned != "" && strings.HasPrefix(strings.Join(parts[:i+1], "/"), l.owned) {
			for _, name := range []string{"", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"} {
				if err := os.Chown(filepath.Join(dir, name), l.user, l.user); err != nil {
					return "", err
				}
			}
		}
	}
	if l.mark {
		for _, name := range []string{"user.delegate", "trusted.delegate"} { // as systemd does, the first from 251 on
			_ = unix.Setxattr(dir, name, []byte("1"), 0)
		}
	}
	return dir, nil
}

// try runs the trial in a process of its own inside the layout. It writes its results itself.
func (l *layout) try() error {
	home, err := os.MkdirTemp("/srv", "trial-") // functions may have /tmp
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	if err := os.Chown(home, l.user, l.user); err != nil {
		return err
	}
	b, err := json.Marshal(job{Case: l.name, Home: home, NS: l.ns, ReadOnly: l.ro, Full: l.full, Want: l.want})
	if err != nil {
		return err
	}
	environment := []string{path, "HOME=" + home, "PIP_NO_INDEX=1"}
	if l.unit != "" {
		return l.service(home, string(b), environment)
	}
	cmd := exec.Command(shared+"/vm", "trial", string(b))
	if l.scope {
		cmd = exec.Command("/usr/bin/systemd-run", append([]string{"--user", "--scope", "-p", "Delegate=yes"}, cmd.Args...)...)
		environment = append(environment, runtimeDir(l.user))
	}
	cmd.Dir, cmd.Env = home, environment
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: &syscall.Credential{Uid: uint32(l.user), Gid: uint32(l.user)}}
	if l.scope {
		return cmd.Run()
	}
	dir, err := l.prepare()
	if err != nil {
		return err
	}
	group, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer group.Close()
	cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(group.Fd())
	if l.also {
		other := exec.Command("/bin/sleep", "infinity")
		other.SysProcAttr = cmd.SysProcAttr
		if err := other.Start(); err != nil {
			return err
		}
		defer func() {
			_ = other.Process.Kill()
			_ = other.Wait()
		}()
	}
	return cmd.Run()
}

// service has systemd, or the user's own, run the trial.
func (l *layout) service(home, job string, environment []string) error {
	if err := os.WriteFile(filepath.Join(home, "job"), []byte(job), 0o644); err != nil {
		return err
	}
	kind, args := "system", []string{"start", "trial.service"}
	if l.user != 0 {
		kind, args = "user", append([]string{"--user"}, args...)
	}
	var unit strings.Builder
	fmt.Fprintf(&unit, "[Service]\nType=oneshot\nWorkingDirectory=%s\nExecStart=%s/vm trial %s/job\n%s", home, shared, home, l.unit)
	for _, v := range environment {
		fmt.Fprintf(&unit, "Environment=%s\n", v)
	}
	if err := os.WriteFile("/etc/systemd/"+kind+"/trial.service", []byte(unit.String()), 0o644); err != nil {
		return err
	}
	for _, args := range [][]string{append(args[:len(args)-2:len(args)-2], "daemon-reload"), args} {
		cmd := exec.Command("/bin/systemctl", args...)
		cmd.Env = append(environment, runtimeDir(l.user))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(l.user), Gid: uint32(l.user)}}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("systemctl %v: %w %s", args, err, out)
		}
	}
	return nil
}

// runtimeDir is the variable by which a user's programs find his systemd.
func runtimeDir(user int) string { return fmt.Sprintf("XDG_RUNTIME_DIR=/run/user/%d", user) }

// job is what a trial is told.
type job struct {
	Case, Home         string
	NS, ReadOnly, Full bool
	Want               given
}

// ownView gives this process a namespace of control groups of its own, as containers have.
func ownView(readOnly bool) error {
	if err := unix.Unshare(unix.CLONE_NEWCGROUP | unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Unmount(top, 0); err != nil {
		return err
	}
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	if readOnly {
		flags |= unix.MS_RDONLY
	}
	return unix.Mount("cgroup2", top, "cgroup2", flags, "")
}

// guest tries the cases that the host asks for.
func guest() error {
	line, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return err
	}
	words := map[string]string{}
	for _, w := range strings.Fields(string(line)) {
		name, value, _ := strings.Cut(w, "=")
		words[name] = value
	}
	if name, value, ok := strings.Cut(words["vm.sysctl"], "="); ok {
		if err := os.WriteFile("/proc/sys/"+strings.ReplaceAll(name, ".", "/"), []byte(value), 0); err != nil {
			return err
		}
	}
	for _, m := range machines {
		switch {
		case m.name != words["vm.machine"]:
		case m.systemd && os.Getpid() == 1:
			return becomeSystemd()
		default:
			return m.try()
		}
	}
	return nil
}

func (m *machine) try() error {
	if !m.systemd {
		if err := unix.Mount("cgroup2", top, "cgroup2", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
			return err
		}
	}
	b, err := os.ReadFile(filepath.Join(shared, "cases"))
	if err != nil {
		return err
	}
	var names []string
	if err := json.Unmarshal(b, &names); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(shared, "results"), nil, 0o666); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Join(shared, "results"), 0o666); err != nil {
		return err
	}
	for _, l := range m.layouts {
		if !slices.Contains(names, l.name) {
			continue
		}
		fmt.Println("==", l.name)
		if err := l.try(); err != nil {
			note(l.name, result{"trial", false, err.Error()})
		}
	}
	return nil
}

// note writes a result down for the host.
func note(name string, r result) {
	mark := "yes"
	if !r.OK {
		mark = "NO "
	}
	fmt.Fprintf(os.Stderr, "%s %-20s %s\n", mark, r.Name, r.Detail)
	f, err := os.OpenFile(filepath.Join(shared, "results"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer f.Close()
	if err := json.NewEncoder(f).Encode(outcome{name, r}); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// trialMain runs the trial of a job, or of the file of one.
func trialMain(text string) int {
	if strings.HasPrefix(text, "/") {
		b, err := os.ReadFile(text)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		text = string(b)
	}
	var j job
	err := json.Unmarshal([]byte(text), &j)
	if err == nil && j.NS {
		err = ownView(j.ReadOnly)
	}
	if err != nil {
		note(j.Case, result{"trial", false, err.Error()})
		return 0
	}
	_ = os.Setenv("HOME", j.Home)
	_ = os.Setenv("PIP_NO_INDEX", "1")
	t := &trial{name: j.Case, anthill: filepath.Join(shared, "anthill"), dir: j.Home, full: j.Full, given: j.Want}
	t.run()
	return 0
}

// becomeSystemd makes systemd the first process, which starts the cases and nothing else that has no need to be.
func becomeSystemd() error {
	const dir = "/etc/systemd/system/"
	const user = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/mkdir -p -m 700 /run/user/1000\nExecStart=/bin/chown 1000:1000 /run/user/1000\n"
	if err := os.MkdirAll(dir+"user@1000.service.d", 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{
		dir + "user@1000.service.d/trial.conf": "[Service]\nPAMName=\nEnvironment=XDG_RUNTIME_DIR=/run/user/1000\n", // what logind and PAM do
		dir + "user-runtime-dir@1000.service":  user,
		dir + "trials.target":                  "[Unit]\nWants=trials.service\n",
		dir + "trials.service":                 "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=" + shared + "/vm cases\nStandardOutput=tty\nStandardError=tty\nTTYPath=/dev/console\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	_ = os.Remove("/.dockerenv") // that the host is a container would be believed of the guest
	users, err := os.OpenFile("/etc/passwd", os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = users.WriteString("trial:x:1000:1000::/:/bin/sh\n") // the second of that number is nobody's trouble
	users.Close()
	if err != nil {
		return err
	}
	return syscall.Exec("/lib/systemd/systemd", []string{"systemd", "--unit=trials.target", "--log-target=console", "--show-status=no"},
		[]string{path, "TERM=dumb"})
}

// casesMain is the guest's part below systemd.
func casesMain() {
	for _, unit := range []string{"dbus.service", "user@1000.service"} { // a user's systemd asks root's for processes of other groups by the bus
		if out, err := exec.Command("/bin/systemctl", "start", unit).CombinedOutput(); err != nil {
			fmt.Printf("%s: %v %s\n", unit, err, out)
		}
	}
	if err := guest(); err != nil {
		fmt.Println("guest:", err)
	}
	fmt.Println(farewell)
	syscall.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
}
