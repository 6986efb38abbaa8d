package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"syscall"

	"golang.org/x/sys/unix"
)

// enter makes the host's files, with a file system in memory over them, the root of this machine. It is what a guest's
// first process does first.
func enter() error {
	for _, m := range [][3]string{{"devtmpfs", "/dev", "devtmpfs"}, {"proc", "/proc", "proc"}, {"sysfs", "/sys", "sysfs"}} {
		if err := unix.Mount(m[0], m[1], m[2], 0, ""); err != nil {
			return fmt.Errorf("%s: %w", m[1], err)
		}
	}
	modules, _ := filepath.Glob("/modules/*") // the pattern is well-formed
	sort.Strings(modules)
	for _, name := range modules {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("module %s: %w", name, err)
		}
		f.Close()
	}
	const over9p = "trans=virtio,version=9p2000.L,msize=262144,"
	if err := unix.Mount("host", "/host", "9p", unix.MS_RDONLY, over9p+"cache=loose"); err != nil {
		return fmt.Errorf("the host's files: %w", err)
	}
	if err := unix.Mount("rw", "/rw", "tmpfs", 0, "size=70%"); err != nil {
		return err
	}
	for _, dir := range []string{"/rw/upper", "/rw/work"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("root", "/new", "overlay", 0, "lowerdir=/host,upperdir=/rw/upper,workdir=/rw/work"); err != nil {
		return fmt.Errorf("overlay: %w", err)
	}
	for _, dir := range []string{"tmp", "run", "dev/shm", "var/tmp"} { // empty ones of its own
		_ = os.MkdirAll(filepath.Join("/new", dir), 0o755)
	}
	for _, dir := range []string{"/dev", "/proc", "/sys"} {
		if err := unix.Mount(dir, "/new"+dir, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("moving %s: %w", dir, err)
		}
	}
	for _, dir := range []string{"/tmp", "/run", "/var/tmp", "/dev/shm"} {
		_ = os.MkdirAll("/new"+dir, 0o755)
		if err := unix.Mount("tmpfs", "/new"+dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777"); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	if err := os.Mkdir("/new/run/vm", 0o755); err != nil {
		return err
	}
	if err := unix.Mount("work", "/new/run/vm", "9p", 0, over9p+"cache=none"); err != nil {
		return fmt.Errorf("the shared directory: %w", err)
	}
	if err := os.Chdir("/new"); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return err
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	return os.Chdir("/")
}

// loopback brings the loopback up.
func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
}

// guestMain is the first process of a guest.
func guestMain() {
	err := enter()
	if err == nil {
		err = loopback()
	}
	if err == nil {
		err = guest()
	}
	if err != nil {
		fmt.Println("guest:", err)
	}
	fmt.Println(farewell)
	syscall.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART) // qemu ends then
	select {}
}
