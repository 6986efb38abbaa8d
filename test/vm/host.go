package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// errCannot says that this machine cannot boot another.
var errCannot = errors.New("this machine cannot run the virtual machines")

// host is what boots machines.
type host struct {
	work    string // a directory of its own
	share   string // that the guests write to
	accel   string // kvm or tcg
	verbose bool
}

func hostMain() int {
	kernel := flag.String("kernel", "", "packages of a kernel, with commas (.deb); the distribution's newest when it is empty")
	only := flag.String("only", "", "regular expression of the cases to try")
	accel := flag.String("accel", "", "kvm or tcg; kvm when it works and tcg otherwise, when it is empty")
	verbose := flag.Bool("v", false, "show what the machines print")
	list := flag.Bool("list", false, "list the cases")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	pattern, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if *list {
		for _, m := range machines {
			for _, l := range m.layouts {
				fmt.Println(m.name + ": " + l.name)
			}
		}
		return 0
	}
	failed, err := try(ctx, &host{accel: *accel, verbose: *verbose}, *kernel, pattern)
	switch {
	case errors.Is(err, errCannot):
		fmt.Println("skipped:", err)
		return 0
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 1
	case failed > 0:
		return 1
	}
	return 0
}

// try boots the machines that have cases of the pattern, and prints what came out.
func try(ctx context.Context, h *host, debs string, only *regexp.Regexp) (failed int, err error) {
	if _, err := exec.LookPath(qemu()); err != nil {
		return 0, fmt.Errorf("%w: there is no %s (apt-get install --no-install-recommends qemu-system-x86)", errCannot, qemu())
	}
	if h.work, err = os.MkdirTemp("", "anthill-vm-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(h.work)
	h.share = filepath.Join(h.work, "share")
	if err := os.Mkdir(h.share, 0o777); err != nil {
		return 0, err
	}
	files := strings.Split(debs, ",")
	if debs == "" {
		if files, err = fetch(ctx, h.work); err != nil {
			return 0, err
		}
	}
	k, err := unpack(ctx, filepath.Join(h.work, "kernel"), files)
	if err != nil {
		return 0, err
	}
	if err := h.prepare(ctx, k); err != nil {
		return 0, err
	}
	if err := h.choose(ctx, k); err != nil {
		return 0, err
	}
	fmt.Printf("Linux %s, %s\n", k.version, h.accel)
	for _, m := range machines {
		names := m.matching(only)
		if len(names) == 0 {
			continue
		}
		begun := time.Now()
		outcomes, err := h.run(ctx, k, m, names)
		if err != nil {
			return failed, fmt.Errorf("%s: %w", m.name, err)
		}
		failed += report(os.Stdout, m.name, names, outcomes)
		fmt.Printf("(%v)\n", time.Since(begun).Round(time.Second))
	}
	return failed, nil
}

// fetch downloads the newest kernel of Debian and gives its package's file.
func fetch(ctx context.Context, dir string) ([]string, error) {
	meta := "linux-image-" + runtime.GOARCH
	out, err := exec.CommandContext(ctx, "apt-cache", "depends", "--important", meta).Output()
	found := regexp.MustCompile(`Depends: (linux-image-\S+)`).FindSubmatch(out)
	if err != nil || found == nil {
		return nil, fmt.Errorf("%w: apt knows no %s (give packages with -kernel)", errCannot, meta)
	}
	if err := run(ctx, dir, "apt-get", "download", string(found[1])); err != nil {
		return nil, fmt.Errorf("%w: %v", errCannot, err)
	}
	return filepath.Glob(filepath.Join(dir, "*.deb"))
}

// prepare makes what the guests need: the first file system, the program under trial, and the environment.
func (h *host) prepare(ctx context.Context, k *kernel) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := k.initramfs(ctx, filepath.Join(h.work, "initramfs"), self); err != nil {
		return err
	}
	if err := run(ctx, "", "go", "build", "-o", filepath.Join(h.share, "anthill"), "./cmd/anthill"); err != nil {
		return err
	}
	program, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(h.share, "vm"), program, 0o755)
}

func qemu() string {
	if runtime.GOARCH == "arm64" {
		return "qemu-system-aarch64"
	}
	return "qemu-system-x86_64"
}

// choose finds out whether the machine's KVM boots this kernel.
func (h *host) choose(ctx context.Context, k *kernel) error {
	if h.accel != "" {
		return nil
	}
	h.accel = "tcg"
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	f.Close()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	h.accel = "kvm"
	if _, err := h.boot(ctx, k, "vm.machine=none"); err != nil {
		fmt.Println("KVM does not boot this kernel within 20 seconds: everything is emulated, and takes its time")
		h.accel = "tcg"
	}
	return nil
}

// boot boots a machine and gives what its guest printed, when it has ended.
func (h *host) boot(ctx context.Context, k *kernel, line string) ([]byte, error) {
	machine, console, cpu := "q35", "ttyS0", "max"
	if runtime.GOARCH == "arm64" {
		machine, console = "virt", "ttyAMA0"
	}
	if h.accel == "kvm" {
		cpu = "host"
	}
	cmd := exec.CommandContext(ctx, qemu(), "-M", machine, "-accel", h.accel, "-cpu", cpu, "-smp", "2", "-m", "3G",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
		"-kernel", k.image, "-initrd", filepath.Join(h.work, "initramfs"), "-append", "console="+console+" quiet panic=-1 no_timer_check "+line,
		"-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
		"-virtfs", "local,path="+h.share+",mount_tag=work,security_model=none,multidevs=remap")
	var out bytes.Buffer
	var w io.Writer = &out
	if h.verbose {
		w = io.MultiWriter(&out, os.Stdout)
	}
	cmd.Stdout, cmd.Stderr = w, w
	err := cmd.Run()
	if err == nil && !bytes.Contains(out.Bytes(), []byte(farewell)) {
		err = errors.New("the guest broke down")
	}
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out.Bytes()[max(out.Len()-4000, 0):])
	}
	return out.Bytes(), err
}

// outcome is what came out of one check of a case.
type outcome struct {
	Case string
	result
}

// run runs the named cases of m on one machine.
func (h *host) run(ctx context.Context, k *kernel, m machine, names []string) ([]outcome, error) {
	results := filepath.Join(h.share, "results")
	_ = os.Remove(results) // the last machine's
	b, err := json.Marshal(names)
	if err == nil {
		err = os.WriteFile(filepath.Join(h.share, "cases"), b, 0o644)
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	if _, err := h.boot(ctx, k, "vm.machine="+m.name+" "+m.line); err != nil {
		return nil, err
	}
	f, err := os.Open(results)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []outcome
	for s := bufio.NewScanner(f); s.Scan(); {
		var o outcome
		if err := json.Unmarshal(s.Bytes(), &o); err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

// report prints a table with a line for each case, and what failed.
func report(w io.Writer, name string, cases []string, outcomes []outcome) (failed int) {
	var checks []string
	cell := map[string]string{}
	for _, o := range outcomes {
		if !slices.Contains(checks, o.Name) {
			checks = append(checks, o.Name)
		}
		key := o.Case + "\x00" + o.Name
		if cell[key] = "yes"; !o.OK {
			cell[key] = "NO"
			failed++
		}
	}
	fmt.Fprintf(w, "\n%-28s", name)
	for _, c := range checks {
		fmt.Fprintf(w, " %*s", len(c), c)
	}
	fmt.Fprintln(w)
	for _, c := range cases {
		fmt.Fprintf(w, "%-28s", c)
		for _, check := range checks {
			text := cell[c+"\x00"+check]
			if text == "" {
				text = "-"
			}
			fmt.Fprintf(w, " %*s", len(check), text)
		}
		fmt.Fprintln(w)
	}
	for _, o := range outcomes {
		if !o.OK {
			fmt.Fprintf(w, "NO  %s, %s: %s\n", o.Case, o.Name, o.Detail)
		}
	}
	for _, c := range cases {
		if !slices.ContainsFunc(outcomes, func(o outcome) bool { return o.Case == c }) {
			fmt.Fprintf(w, "NO  %s: nothing came out\n", c)
			failed++
		}
	}
	return failed
}
