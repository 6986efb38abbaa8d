package main

import (
	"bufio"
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// kernel is a kernel of the distribution, unpacked.
type kernel struct {
	version string // 6.1.0-56-amd64
	image   string // its file
	modules string // the directory of its modules
}

// needed are the modules that a guest reaches the host's files with; what a kernel has built in is left out.
var needed = [...]string{"virtio_pci", "9pnet_virtio", "9p", "overlay"}

// unpack unpacks a kernel's package, or packages, into dir.
func unpack(ctx context.Context, dir string, debs []string) (*kernel, error) {
	for _, deb := range debs {
		if err := run(ctx, "", "dpkg-deb", "-x", deb, dir); err != nil {
			return nil, err
		}
	}
	images, err := filepath.Glob(filepath.Join(dir, "boot", "vmlinuz-*"))
	if err != nil || len(images) != 1 {
		return nil, fmt.Errorf("%v hold %d kernels, not one", debs, len(images))
	}
	k := &kernel{image: images[0], version: strings.TrimPrefix(filepath.Base(images[0]), "vmlinuz-")}
	for _, lib := range []string{"usr/lib/modules", "lib/modules"} {
		if k.modules = filepath.Join(dir, lib, k.version); exists(k.modules) {
			return k, nil
		}
	}
	return nil, fmt.Errorf("%v hold no modules", debs)
}

// load gives the needed modules in the order in which they are loaded.
func (k *kernel) load(ctx context.Context) (all [][]byte, err error) {
	files := map[string]string{}
	err = filepath.WalkDir(k.modules, func(path string, d fs.DirEntry, err error) error {
		if name, _, ok := strings.Cut(d.Name(), ".ko"); ok {
			files[strings.ReplaceAll(name, "-", "_")] = path
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	done := map[string]bool{}
	var add func(name string) error
	add = func(name string) error {
		file, ok := files[name]
		if !ok || done[name] {
			return nil // it is built in
		}
		done[name] = true
		b, err := module(ctx, file)
		if err != nil {
			return err
		}
		deps, err := dependencies(b)
		for _, d := range deps {
			if err == nil {
				err = add(d)
			}
		}
		all = append(all, b)
		return err
	}
	for _, name := range needed {
		if err := add(name); err != nil {
			return nil, fmt.Errorf("module %s: %w", name, err)
		}
	}
	return all, nil
}

// dependencies are the modules that a module needs, as it says itself.
func dependencies(b []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	section := f.Section(".modinfo")
	if section == nil {
		return nil, nil
	}
	info, err := section.Data()
	for _, line := range strings.Split(string(info), "\x00") {
		if deps, ok := strings.CutPrefix(line, "depends="); ok && deps != "" {
			return strings.Split(strings.ReplaceAll(deps, "-", "_"), ","), err
		}
	}
	return nil, err
}

// initramfs writes the first file system of a guest: self as /init, and the modules under /modules, named by their order.
func (k *kernel) initramfs(ctx context.Context, to, self string) error {
	modules, err := k.load(ctx)
	if err != nil {
		return err
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	a := &archive{w: w}
	for _, dir := range []string{"dev", "proc", "sys", "host", "rw", "new", "modules"} {
		a.add(dir, 0o40755, nil)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	a.add("init", 0o100755, program)
	for i, b := range modules {
		a.add(fmt.Sprintf("modules/%02d", i), 0o100644, b)
	}
	a.add("TRAILER!!!", 0, nil)
	if a.err != nil {
		return a.err
	}
	return w.Flush()
}

// module reads a module's file, which some distributions compress.
func module(ctx context.Context, name string) ([]byte, error) {
	for suffix, program := range map[string]string{".xz": "xz", ".zst": "zstd", ".gz": "gzip"} {
		if strings.HasSuffix(name, suffix) {
			return exec.CommandContext(ctx, program, "-dc", name).Output()
		}
	}
	return os.ReadFile(name)
}

// archive writes cpio's new format (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).
type archive struct {
	w   io.Writer
	n   int
	err error
}

func (a *archive) add(name string, mode int, data []byte) {
	a.n++
	var b bytes.Buffer
	fmt.Fprintf(&b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		a.n, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0, name)
	b.Write(make([]byte, -b.Len()&3))
	b.Write(data)
	b.Write(make([]byte, -b.Len()&3))
	if a.err == nil {
		_, a.err = a.w.Write(b.Bytes())
	}
}

// run runs a program whose output is shown when it fails.
func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
