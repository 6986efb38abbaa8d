package supervisor

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Kernels before 5.12 have no mount_setattr. There each mount of a tree is mounted anew over itself, with the attributes that it
// has: a user namespace may take none away.

// mountFlags are the options of a mount as /proc shows them.
var mountFlags = [...]struct {
	name string
	flag uintptr
	attr uint64
}{
	{"ro", unix.MS_RDONLY, unix.MOUNT_ATTR_RDONLY},
	{"nosuid", unix.MS_NOSUID, unix.MOUNT_ATTR_NOSUID},
	{"nodev", unix.MS_NODEV, unix.MOUNT_ATTR_NODEV},
	{"noexec", unix.MS_NOEXEC, unix.MOUNT_ATTR_NOEXEC},
	{"noatime", unix.MS_NOATIME, 0},
	{"nodiratime", unix.MS_NODIRATIME, 0},
	{"relatime", unix.MS_RELATIME, 0},
}

// mountedAt is a mount as this thread sees it.
type mountedAt struct {
	path  string
	flags uintptr
}

// remount adds attributes to the mount at target, and to those below it when all is set.
func remount(target string, attributes uint64, all bool) error {
	info, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return err
	}
	for _, m := range mountsAt(string(info), target, all) {
		flags := m.flags
		for _, f := range mountFlags {
			if attributes&f.attr != 0 {
				flags |= f.flag
			}
		}
		if err := unix.Mount("", m.path, "", unix.MS_BIND|unix.MS_REMOUNT|flags, ""); err != nil {
			return fmt.Errorf("mounting %s anew: %w", m.path, err)
		}
	}
	return nil
}

// mountsAt are the mounts at target, or also below it, that mountinfo lists (proc_pid_mountinfo(5)).
func mountsAt(mountinfo, target string, all bool) (found []mountedAt) {
	for line := range strings.Lines(mountinfo) {
		f := strings.Fields(line)
		if len(f) < 6 {
			continue
		}
		path := unescape(f[4])
		if path != target && !(all && strings.HasPrefix(path, strings.TrimSuffix(target, "/")+"/")) {
			continue
		}
		m := mountedAt{path: path}
		options := "," + f[5] + ","
		for _, o := range mountFlags {
			if strings.Contains(options, ","+o.name+",") {
				m.flags |= o.flag
			}
		}
		found = append(found, m)
	}
	return found
}

// unescape reads a path in which blanks and backslashes stand as octal numbers.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
