package supervisor

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Building a root takes some forty mounts. So each is kept once it is built, as a mount namespace that nothing runs in, and
// what is started later enters it. Its own namespace is a copy, as it always is.

// rootFor is how long one is kept after it was built: what is mounted on the machine meanwhile is not in it.
const rootFor = 10 * time.Minute

// rootsAtMost is how many are kept.
const rootsAtMost = 64

// roots are the roots that are kept.
type roots struct {
	dir string // an empty directory to build them on

	mu struct {
		sync.Mutex
		all []*root
	}
}

type root struct {
	key      string // what it was built of
	shows    []shown
	space    *os.File // its mount namespace
	built    time.Time
	lastUsed time.Time
}

// shown is what a path was when it was put into a root. A file or directory that has been replaced is another one.
type shown struct {
	device, inode uint64
	born          unix.StatxTimestamp
}

func newRoots(dir string) *roots { return &roots{dir: dir} }

// enter makes this thread see the root of spec alone.
func (r *roots) enter(spec *launchSpec) error {
	key, now := fmt.Sprint(spec.Image, "\x00", spec.Binds), time.Now()
	shows := showing(spec)
	space, err := r.find(key, shows, now)
	if err != nil {
		return err
	}
	if space != nil {
		defer space.Close()
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		return os.NewSyscallError("setns", unix.Setns(int(space.Fd()), unix.CLONE_NEWNS))
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	if err := privateMounts(); err != nil {
		return err
	}
	// A child has what is open here until it runs its program, and a root cannot be closed while somebody writes to it.
	syscall.ForkLock.RLock()
	err = buildRoot(spec)
	syscall.ForkLock.RUnlock()
	if err != nil {
		return err
	}
	if space, err = os.Open("/proc/thread-self/ns/mnt"); err != nil {
		return nil // where /proc is closed every start builds one
	}
	r.keep(&root{key: key, shows: shows, space: space, built: now, lastUsed: now})
	return nil
}

// find gives the mount namespace that was built for key, of what shows says, for its caller to close; nil when there is none.
func (r *roots) find(key string, shows []shown, now time.Time) (*os.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range r.mu.all {
		if o.key != key || now.Sub(o.built) > rootFor || !slices.Equal(o.shows, shows) {
			continue
		}
		o.lastUsed = now
		fd, err := unix.FcntlInt(o.space.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return nil, os.NewSyscallError("fcntl", err)
		}
		return os.NewFile(uintptr(fd), "root"), nil
	}
	return nil, nil
}

// keep takes o in the place of older ones of its kind, or of the longest unused.
func (r *roots) keep(o *root) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropLocked(func(other *root) bool { return other.key == o.key })
	if len(r.mu.all) >= rootsAtMost {
		oldest := slices.MinFunc(r.mu.all, func(a, b *root) int { return a.lastUsed.Compare(b.lastUsed) })
		r.dropLocked(func(other *root) bool { return other == oldest })
	}
	r.mu.all = append(r.mu.all, o)
}

// forget drops those that are too old to be used, or all when now is zero.
func (r *roots) forget(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropLocked(func(o *root) bool { return now.IsZero() || now.Sub(o.built) > rootFor })
}

func (r *roots) dropLocked(which func(*root) bool) {
	r.mu.all = slices.DeleteFunc(r.mu.all, func(o *root) bool {
		gone := which(o)
		if gone {
			o.space.Close()
		}
		return gone
	})
}

// showing says what is where that the root of spec is built of.
func showing(spec *launchSpec) []shown {
	all := make([]shown, 0, 48)
	see := func(path string, flags int) {
		var st unix.Statx_t
		_ = unix.Statx(unix.AT_FDCWD, path, flags, unix.STATX_INO|unix.STATX_BTIME, &st) // what is not there is nothing
		all = append(all, shown{uint64(st.Dev_major)<<32 | uint64(st.Dev_minor), st.Ino, st.Btime})
	}
	for _, name := range devices {
		see("/dev/"+name, 0)
	}
	if spec.Image != "" {
		see(spec.Image, 0)
		for _, name := range netFiles(spec.Image) {
			see(name, 0)
		}
		return all
	}
	for _, dir := range systemDirs {
		see(dir, unix.AT_SYMLINK_NOFOLLOW)
	}
	for _, name := range etcFiles {
		see("/etc/"+name, 0)
	}
	for _, b := range spec.Binds {
		if strings.HasPrefix(b.From, "/etc/") {
			see(b.From, 0)
			continue
		}
		see(b.From, unix.AT_SYMLINK_NOFOLLOW)
	}
	return all
}
