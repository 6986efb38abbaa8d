package supervisor

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A supervisor that has the process number of a killed one has groups of its own.
func TestOwnGroup(t *testing.T) {
	parent := t.TempDir()
	seen := map[string]bool{}
	for range 3 {
		dir, err := ownGroup(parent)
		if err != nil || seen[dir] {
			t.Fatal(dir, err)
		}
		seen[dir] = true
	}
	if dir, err := ownGroup(parent + "/none"); err == nil || dir != "" {
		t.Error(dir, err)
	}
}

func TestMounted(t *testing.T) {
	const (
		pure   = "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
		within = "30 23 0:26 /docker/1 /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n"
		hybrid = "31 23 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n" +
			"32 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
			"33 23 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
	)
	for _, test := range []struct {
		name, mountinfo, self string
		memory, cpu, top, own string
	}{
		{"pure", pure, "0::/user.slice/x.scope\n", "", "", "/sys/fs/cgroup", "/sys/fs/cgroup/user.slice/x.scope"},
		{"the root group", pure, "0::/\n", "", "", "/sys/fs/cgroup", "/sys/fs/cgroup"},
		{"both", hybrid, "4:memory:/a\n0::/b\n", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/unified/b"},
		{"a part of the tree", within, "0::/docker/1/own\n", "", "", "/sys/fs/cgroup", "/sys/fs/cgroup/own"},
		{"all of the part", within, "0::/docker/1\n", "", "", "/sys/fs/cgroup", "/sys/fs/cgroup"},
		{"another part", within, "0::/docker/12\n", "", "", "/sys/fs/cgroup", ""},
		{"outside of the namespace", pure, "0::/../other\n", "", "", "/sys/fs/cgroup", ""},
		{"none", "21 1 0:5 / /dev rw - devtmpfs udev rw\n", "0::/\n", "", "", "", ""},
	} {
		v1, v2 := mounted(test.mountinfo, test.self)
		if v1["memory"] != test.memory || v1["cpu"] != test.cpu || v2.top != test.top || v2.own != test.own {
			t.Errorf("%s: %v %v", test.name, v1, v2)
		}
	}
}

// What a killed supervisor left behind goes, and nothing else.
func TestSweep(t *testing.T) {
	parent := t.TempDir()
	const gone = 1 << 30 // no process has this number
	group := func(path ...string) string {
		dir := filepath.Join(append([]string{parent}, path...)...)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	dead, again, alive := fmt.Sprint(groupName, "-", gone), fmt.Sprint(groupName, "-", gone, "-2"), fmt.Sprint(groupName, "-", gone+1)
	group(dead)
	group(again)
	kept := []string{group(alive), group(groupName + "-of-somebody"), group("other"), group(fmt.Sprint(groupName, "-", gone+2), "file")}
	lock, err := lockGroup(kept[0], unix.LOCK_SH)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	sweep(parent)
	for _, dir := range kept {
		if !exists(dir) {
			t.Errorf("%s is gone", dir)
		}
	}
	for _, name := range []string{dead, again} {
		if exists(filepath.Join(parent, name)) {
			t.Errorf("%s is there", name)
		}
	}
}

// That a control group cannot be made is said once, and what it would have limited is limited otherwise.
func TestLostGroups(t *testing.T) {
	for _, v2 := range []bool{false, true} {
		var log bytes.Buffer
		gone := filepath.Join(t.TempDir(), "gone")
		g := groups{memory: gone, pids: gone, cpu: gone, v2: v2, bases: []string{gone}, lost: make(chan struct{}), log: &log}
		g.once.Do(func() {}) // nothing is looked for
		for range 3 {
			c := g.make(limits{MemoryMB: 128, Processes: 64, CPU: 0.5}, nil)
			if r := ungrouped(c, 128, 64); c != nil || r["RLIMIT_DATA"] == 0 || r["RLIMIT_NPROC"] < 64 {
				t.Errorf("version 2 %v: %v, %v", v2, c, r)
			}
			if f := g.family(0); f != nil {
				t.Error("a family without a group")
			}
		}
		select {
		case <-g.lost:
		default:
			t.Error("nobody looks after memory now")
		}
		if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "mkdir "+gone) || !strings.Contains(text, "RLIMIT_DATA") {
			t.Errorf("version 2 %v: %q", v2, text)
		}
	}
}

// A group whose limit is refused limits nothing, and is not taken for one that does; what old kernels lack is no loss.
func TestRefusedLimits(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if err := writeLimits(dir, [][2]string{{"memory.swap.max", "0"}, {"memory.oom.group", "0"}}); err != nil {
		t.Error(err)
	}
	if err := writeLimits(dir, [][2]string{{"memory.max", "1"}, {"memory.swap.max", "0"}}); !os.IsNotExist(err) {
		t.Error(err)
	}
}
