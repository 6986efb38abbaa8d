package supervisor

import (
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// scratch is the /tmp of one environment. It outlives the runtime, as on AWS, and goes with the environment: when its
// directory is removed, its mount goes, too.
type scratch struct {
	dir     string
	limited bool // it is a filesystem of its own size, charged to the memory of the environment
}

// defaultTmpMB is AWS's size of /tmp.
const defaultTmpMB = 512

// scratchAt makes the /tmp of an environment in dir, of sizeMB, or finds it again. base is the first user id of its owner.
// Where the machine lets us mount nothing it is a plain directory, whose size nobody limits.
func (k *keeper) scratchAt(dir string, sizeMB, base int) (*scratch, error) {
	if sizeMB <= 0 {
		sizeMB = defaultTmpMB
	}
	s := &scratch{dir: dir}
	if k.ownMounts {
		var here, parent unix.Stat_t
		if unix.Stat(dir, &here) == nil && unix.Stat(filepath.Dir(dir), &parent) == nil && here.Dev != parent.Dev {
			s.limited = true
			return s, nil
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	if k.ownMounts {
		err := unix.Mount("tmp", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("size=%dm,mode=1777,uid=%d,gid=%d", sizeMB, base, base))
		if err == nil {
			s.limited = true
			return s, nil
		}
	}
	return s, os.Chmod(dir, 0o1777)
}

// mount gives a mount of it that a process with namespaces of its own can put in its place.
func (s *scratch) mount() (*os.File, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, s.dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("/tmp: %w", os.NewSyscallError("open_tree", err))
	}
	return os.NewFile(uintptr(fd), "tmp"), nil
}

// used is how many bytes it holds.
func (s *scratch) used() int64 {
	var st unix.Statfs_t
	if !s.limited || unix.Statfs(s.dir, &st) != nil {
		return 0
	}
	return int64(st.Blocks-st.Bfree) * st.Bsize
}

// remove removes it with all that it holds.
func (s *scratch) remove() {
	if s.limited {
		_ = unix.Unmount(s.dir, unix.MNT_DETACH) // the platform may have removed its directory, and the mount with it
	}
	_ = os.RemoveAll(s.dir) // what stays goes when the platform starts anew
}

// ids are the user ids of the machine that a namespace has as its own from 0 on.
type ids struct{ Base, Size int }

// idsOf gives the user ids of the function whose environments have their /tmp in dir. Its environments share them, so that
// what one left in /tmp is its own after a crash, too; other functions have others.
func (k *keeper) idsOf(dir string) ids {
	if os.Geteuid() != 0 || k.mapped {
		return ids{0, 1}
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(dir)) // never fails
	k.templates.Lock()
	defer k.templates.Unlock()
	if n, ok := k.templates.users[dir]; ok {
		return ids{2_000_000 + 65536*n, 65536}
	}
	taken := make(map[int]bool, len(k.templates.users))
	for _, n := range k.templates.users {
		taken[n] = true
	}
	n := int(h.Sum32() % 20000)
	for range 20000 {
		if !taken[n] {
			break
		}
		n = (n + 1) % 20000
	}
	k.templates.users[dir] = n
	return ids{2_000_000 + 65536*n, 65536}
}
