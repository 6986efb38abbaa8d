package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Version 2 of control groups is one tree, in which a group has either processes of its own or controllers for the groups
// in it, the root alone both (Linux, cgroup-v2.rst, "No Internal Process Constraint"). Whose a group is systemd says: one
// with an attribute "delegate" belongs to what runs in it (systemd, "Control Group APIs and Delegation").

// unified is the tree of version 2 as this process sees it.
type unified struct {
	top string // where it is mounted
	own string // the group of this process; "" when it lies outside what is mounted
}

// controllers are those that limits are set with.
var controllers = [...]string{"memory", "pids", "cpu"}

// mounted finds where control groups are mounted: those of version 1 by controller, and version 2.
func mounted(mountinfo, self string) (v1 map[string]string, v2 unified) {
	v1 = map[string]string{}
	for line := range strings.Lines(mountinfo) {
		// 36 35 98:0 /root /at options … - type source super-options (proc_pid_mountinfo(5))
		before, after, _ := strings.Cut(line, " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if len(f) < 6 || len(g) < 3 {
			continue
		}
		switch g[0] {
		case "cgroup":
			for _, c := range strings.Split(g[2], ",") {
				v1[c] = f[4]
			}
		case "cgroup2":
			v2.top, v2.own = f[4], below(self, f[3], f[4])
		}
	}
	return v1, v2
}

// below is the directory of the group that self, the text of /proc/self/cgroup, names, in a tree whose group root is mounted at top.
func below(self, root, top string) string {
	for line := range strings.Lines(self) {
		path, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::")
		if !ok || strings.HasPrefix(path, "/..") {
			continue
		}
		if root != "/" {
			if path, ok = strings.CutPrefix(path, root); !ok || path != "" && path[0] != '/' {
				continue
			}
		}
		return filepath.Join(top, path)
	}
	return ""
}

// place is a group in which this process may make groups.
type place struct {
	dir   string
	moved bool // its processes went to a group in it
	lock  *os.File
}

// place finds where groups may be made: in what was delegated to us; else, as root, at the top of the tree; else in the
// nearest group above ours that is our user's, as that of all programs of a desktop; else in our own, if it is ours.
func (u unified) place() (*place, error) {
	own, inside := u.own, false
	if filepath.Base(own) == groupName {
		own, inside = filepath.Dir(own), true // we, or those before us, went there
	}
	if own != "" && (inside || delegated(own) || own == u.top && !isRoot(own)) {
		return settleIn(own)
	}
	if os.Geteuid() == 0 && !inUserNamespace() { // where an ordinary user's supervisor calls itself root
		return settleIn(u.top)
	}
	if own == "" {
		return nil, fmt.Errorf("the group of this process is not to be seen in %s", u.top)
	}
	for dir := own; dir != u.top && strings.HasPrefix(dir, u.top); {
		dir = filepath.Dir(dir)
		if ours(dir) && controllersOf(dir, "cgroup.subtree_control") != nil {
			return settleIn(dir)
		}
	}
	if ours(own) {
		return settleIn(own)
	}
	why := fmt.Errorf("%s belongs to somebody else", own)
	if bus := fmt.Sprintf("/run/user/%d/systemd/private", os.Geteuid()); exists(bus) {
		why = fmt.Errorf("%w; with systemd-run --user --scope -p Delegate=yes it is yours", why)
	}
	return nil, why
}

// settleIn makes dir a place. Its processes go to a group in it when the controllers want that.
func settleIn(dir string) (*place, error) {
	lock, err := lockGroup(dir, unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	p := &place{dir: dir, lock: lock, moved: exists(filepath.Join(dir, groupName))}
	for range 10 { // programs may start others while they are moved
		if err = enable(dir); !errors.Is(err, unix.EBUSY) {
			break
		}
		p.moved = true
		if err = moveAll(dir, filepath.Join(dir, groupName)); err != nil {
			break
		}
	}
	if err != nil {
		p.leave()
		return nil, err
	}
	return p, nil
}

// unlock lets others look for a place.
func (p *place) unlock() {
	if p.lock != nil {
		p.lock.Close()
		p.lock = nil
	}
}

// leave puts back what settleIn moved, unless another supervisor is there.
func (p *place) leave() {
	if p == nil {
		return
	}
	defer p.unlock()
	if p.lock == nil {
		p.lock, _ = lockGroup(p.dir, unix.LOCK_EX) // without, another that looks for a place at this moment is not seen
	}
	if groups, _ := filepath.Glob(filepath.Join(p.dir, "*", "cgroup.procs")); !p.moved || len(groups) > 1 {
		return // others than the one that they were moved to
	}
	for _, c := range controllers {
		_ = os.WriteFile(filepath.Join(p.dir, "cgroup.subtree_control"), []byte("-"+c), 0) // what others use stays
	}
	home := filepath.Join(p.dir, groupName)
	_ = moveAll(home, p.dir) // refused while controllers are on
	_ = os.Remove(home)
}

// enable has dir's groups limited by every controller that dir has. The error is that of the first one when none is, and EBUSY
// when dir has processes.
func enable(dir string) error {
	has, on := controllersOf(dir, "cgroup.controllers"), controllersOf(dir, "cgroup.subtree_control")
	has = slices.DeleteFunc(has, func(c string) bool { return slices.Contains(on, c) })
	// The kernel would take those of processes and processor time, which threads can have, and no group in it could have others then.
	if procs, err := os.ReadFile(filepath.Join(dir, "cgroup.procs")); len(has) > 0 && err == nil && len(procs) > 0 && !isRoot(dir) {
		return &os.PathError{Op: "enable", Path: dir, Err: unix.EBUSY}
	}
	var first error
	for _, c := range has {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0); err != nil && first == nil {
			first = err
		}
	}
	switch on = controllersOf(dir, "cgroup.subtree_control"); {
	case len(on) > 0 && !errors.Is(first, unix.EBUSY):
		return nil
	case first != nil:
		return first
	}
	return fmt.Errorf("%s has no controllers of memory, processes or processor time", dir)
}

// controllersOf are those of our controllers that a file of dir names; nil when there are none.
func controllersOf(dir, name string) (has []string) {
	b, _ := os.ReadFile(filepath.Join(dir, name)) // what is not there names none
	for _, c := range strings.Fields(string(b)) {
		if slices.Contains(controllers[:], c) {
			has = append(has, c)
		}
	}
	return has
}

// moveAll moves the processes of a group to another, which it makes.
func moveAll(from, to string) error {
	if err := os.Mkdir(to, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	b, err := os.ReadFile(filepath.Join(from, "cgroup.procs"))
	if err != nil {
		return err
	}
	for _, pid := range bytes.Fields(b) {
		if string(pid) == "0" {
			continue // of another process namespace, which only its own can move
		}
		if err := os.WriteFile(filepath.Join(to, "cgroup.procs"), pid, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// delegated reports whether systemd gave dir to what runs in it.
func delegated(dir string) bool {
	for _, name := range [...]string{"user.delegate", "trusted.delegate"} { // the first from systemd 251 on
		b := make([]byte, 8)
		if n, err := unix.Getxattr(dir, name, b); err == nil && string(b[:n]) == "1" && unix.Access(dir, unix.W_OK) == nil {
			return true
		}
	}
	return false
}

// isRoot reports whether dir is the root of the whole tree, which the rules of others are not for.
func isRoot(dir string) bool { return !exists(filepath.Join(dir, "cgroup.type")) }

// ours reports whether we may make groups in dir and move our processes there.
func ours(dir string) bool {
	for _, name := range [...]string{"", "cgroup.procs", "cgroup.subtree_control"} {
		if unix.Access(filepath.Join(dir, name), unix.W_OK) != nil {
			return false
		}
	}
	return true
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// lockGroup locks a group's directory; how is as flock(2) takes it. The lock ends with the file, or with its process.
func lockGroup(dir string, how int) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), how); err != nil {
		f.Close()
		return nil, &os.PathError{Op: "lock", Path: dir, Err: err}
	}
	return f, nil
}

// sweep removes the empty groups in dir that supervisors have left behind which were killed. A living one holds a lock on its own.
func sweep(dir string) {
	all, _ := filepath.Glob(filepath.Join(dir, groupName+"-*"))
	for _, base := range all {
		f, err := lockGroup(base, unix.LOCK_EX|unix.LOCK_NB)
		if err != nil {
			continue
		}
		if !lives(base) {
			for _, depth := range [...]string{"*/*", "*"} {
				inner, _ := filepath.Glob(filepath.Join(base, depth, "cgroup.procs")) // the pattern is well-formed
				for _, name := range inner {
					_ = os.Remove(filepath.Dir(name)) // one that is not empty stays
				}
			}
			_ = os.Remove(base)
		}
		f.Close()
	}
}

// lives reports whether a supervisor has the process number that a group is named by: one of another version locks nothing.
func lives(base string) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(base), groupName+"-"), "-")
	pid, err := strconv.Atoi(name)
	if err != nil || pid <= 0 || pid == os.Getpid() {
		return pid != os.Getpid() // what has no number is none of ours
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && bytes.Contains(b, []byte("supervisor")) && syscall.Kill(pid, 0) != syscall.ESRCH
}
