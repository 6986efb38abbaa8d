package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Directories of the machine that every function sees, read-only. A link stays a link.
var systemDirs = [...]string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}

// Files under /etc that programs need and that hold no secrets.
var etcFiles = [...]string{"ssl", "pki", "ca-certificates", "alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime",
	"resolv.conf", "hosts", "nsswitch.conf", "protocols", "services", "mime.types"}

var devices = [...]string{"null", "zero", "full", "random", "urandom"}

const passwd = `root:x:0:0:root:/root:/sbin/nologin
sbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin
nobody:x:65534:65534::/:/sbin/nologin
`

const group = "root:x:0:\nsbx_user1051:x:990:\nnobody:x:65534:\n"

// buildRoot makes the root that a template and its clones see and moves the process into it. It runs in a mount namespace
// of its own, whose mounts are private.
func buildRoot(spec *launchSpec) error {
	root := spec.Root
	if spec.Image != "" {
		return imageRoot(spec)
	}
	if err := unix.Mount("root", root, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755,size=1m"); err != nil {
		return fmt.Errorf("mounting a root: %w", err)
	}
	for _, dir := range []string{"etc", "dev", "proc", "tmp", "var/task", "opt", "home", "root"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	for _, dir := range systemDirs {
		if err := show(root, dir, dir); err != nil {
			return err
		}
	}
	for _, name := range etcFiles {
		if err := show(root, "/etc/"+name, "/etc/"+name); err != nil {
			return err
		}
	}
	for name, content := range map[string]string{"passwd": passwd, "group": group} {
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	if err := makeDev(filepath.Join(root, "dev")); err != nil {
		return err
	}
	var layers []string
	for _, b := range spec.Binds {
		if b.To == "/opt" {
			layers = append([]string{b.From}, layers...)
			continue
		}
		if err := show(root, b.From, b.To); err != nil {
			return err
		}
	}
	if err := showLayers(root, layers); err != nil {
		return fmt.Errorf("/opt: %w", err)
	}
	// A process namespace may only mount its own /proc where one is visible already.
	if err := graft("/proc", filepath.Join(root, "proc"), unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC); err != nil {
		return fmt.Errorf("/proc: %w", err)
	}
	return enter(root)
}

// imageRoot makes the files of a container image the root.
func imageRoot(spec *launchSpec) error {
	root := spec.Root
	const quiet = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV
	if err := graft(spec.Image, root, unix.MOUNT_ATTR_RDONLY|quiet); err != nil {
		return fmt.Errorf("the image's files: %w", err)
	}
	dev := filepath.Join(root, "dev")
	if err := unix.Mount("dev", dev, "tmpfs", unix.MS_NOSUID|unix.MS_NOEXEC, "mode=755,size=64k"); err != nil {
		return fmt.Errorf("/dev: %w", err)
	}
	if err := makeDev(dev); err != nil {
		return err
	}
	if err := restrict(dev, unix.MOUNT_ATTR_RDONLY); err != nil { // the devices stay writable
		return fmt.Errorf("closing /dev: %w", err)
	}
	for _, name := range netFiles(root) {
		if real, err := filepath.EvalSymlinks(name); err == nil {
			if err := graft(real, filepath.Join(root, name), unix.MOUNT_ATTR_RDONLY|quiet); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	if err := graft("/proc", filepath.Join(root, "proc"), quiet|unix.MOUNT_ATTR_NOEXEC); err != nil {
		return fmt.Errorf("/proc: %w", err)
	}
	return enter(root)
}

// netFiles are the files under /etc that an image has of the machine: those that it has a place for.
func netFiles(image string) (names []string) {
	for _, name := range [...]string{"/etc/resolv.conf", "/etc/hosts"} {
		if info, err := os.Lstat(filepath.Join(image, name)); err == nil && info.Mode().IsRegular() {
			names = append(names, name)
		}
	}
	return names
}

// enter makes root the root, read-only, and lets go of the old one.
func enter(root string) error {
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("changing the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leaving the old root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := restrict("/", unix.MOUNT_ATTR_RDONLY); err != nil {
		return fmt.Errorf("closing the root: %w", err)
	}
	return nil
}

// show puts from at to under root, read-only. What does not exist is left out; a link is copied.
func show(root, from, to string) error {
	info, err := os.Lstat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	target := filepath.Join(root, to)
	if strings.HasPrefix(from, "/etc/") { // links of /etc lead anywhere: take what they lead to
		if info, err = os.Stat(from); err != nil {
			return nil
		}
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0 && from == to:
		link, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(link, target)
	case info.IsDir():
		err = os.MkdirAll(target, 0o755)
	default:
		err = os.MkdirAll(filepath.Dir(target), 0o755)
		if err == nil {
			err = os.WriteFile(target, nil, 0o644)
		}
	}
	if err != nil {
		return err
	}
	if err := graft(from, target, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return nil
}

// showLayers puts layers together at /opt; of equal names that of the first is seen.
func showLayers(root string, layers []string) error {
	switch len(layers) {
	case 0:
		return nil
	case 1:
		return show(root, layers[0], "/opt")
	}
	return unix.Mount("layers", filepath.Join(root, "opt"), "overlay", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, "lowerdir="+strings.Join(layers, ":"))
}

// graft mounts a copy of the tree at from on target.
func graft(from, target string, attributes uint64) error {
	tree, err := unix.OpenTree(unix.AT_FDCWD, from, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return fmt.Errorf("open_tree: %w", err)
	}
	defer unix.Close(tree)
	attr := &unix.MountAttr{Attr_set: attributes}
	err = unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, attr)
	old := errors.Is(err, unix.ENOSYS)
	if err != nil && !old {
		return fmt.Errorf("mount_setattr: %w", err)
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("move_mount: %w", err)
	}
	if old {
		return remount(target, attributes, true)
	}
	return nil
}

// restrict gives the mount at target more attributes.
func restrict(target string, attributes uint64) error {
	err := unix.MountSetattr(unix.AT_FDCWD, target, 0, &unix.MountAttr{Attr_set: attributes})
	if errors.Is(err, unix.ENOSYS) {
		return remount(target, attributes, false)
	}
	return err
}

func makeDev(dir string) error {
	for _, name := range devices {
		target := filepath.Join(dir, name)
		if err := os.WriteFile(target, nil, 0o666); err != nil {
			return err
		}
		if err := graft("/dev/"+name, target, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC); err != nil {
			return fmt.Errorf("/dev/%s: %w", name, err)
		}
	}
	for name, link := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		if err := os.Symlink(link, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}
