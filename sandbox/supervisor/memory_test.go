package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeV2 is a directory that looks like version 2 of control groups: what is written is there to be read.
func fakeV2(t *testing.T) *groups {
	t.Helper()
	dir := t.TempDir()
	g := &groups{memory: dir, pids: dir, cpu: dir, bases: []string{dir}, v2: true, quit: make(chan struct{})}
	g.once.Do(func() {})
	t.Cleanup(g.close)
	return g
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantFile(t *testing.T, dir, name, want string) {
	t.Helper()
	var got string
	for range 1000 {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got = string(b); got == want {
			return
		}
		time.Sleep(time.Millisecond) // what follows an event of the kernel follows it in real time
	}
	t.Fatalf("%s holds %q, want %q", name, got, want)
}

func TestLimitsOfVersion2(t *testing.T) {
	g := fakeV2(t)
	c := g.make(limits{MemoryMB: 128, Processes: 64, CPU: 128.0 / 1769}, nil)
	if c == nil {
		t.Skip("the fake has no cgroup.procs to join")
	}
	dir := c.memoryDir
	for name, want := range map[string]string{"memory.max": "134217728", "memory.swap.max": "0", "pids.max": "64", "cpu.max": "1447 20000"} {
		wantFile(t, dir, name, want)
	}
}

func TestWatchOfVersion2(t *testing.T) {
	g := fakeV2(t)
	dir := filepath.Join(g.memory, "1")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "memory.events", "low 0\nhigh 0\noom_kill 0\n")
	write(t, dir, "memory.current", "0\n")
	c := &cgroup{v2: true, memoryDir: dir, oomAt: filepath.Join(dir, "memory.events")}
	ended := make(chan struct{})
	g.watch(c, 100, 512, &scratch{dir: "/proc", limited: true}, func() { close(ended) }) // /proc holds no bytes
	t.Cleanup(func() { c.watch.close() })
	wantFile(t, dir, "memory.high", "104857600")
	wantFile(t, dir, "memory.max", "641728512")

	// Above it, but for pages of files: it goes on, with the room that is left.
	write(t, dir, "memory.stat", "anon 1\ninactive_file 83886080\nactive_file 0\n")
	write(t, dir, "memory.current", "125829120\n")
	write(t, dir, "memory.events", "low 0\nhigh 1\noom_kill 0\n")
	wantFile(t, dir, "memory.high", "188743680")
	if c.outOfMemory() {
		t.Error("it is out of memory already")
	}

	// Now of its own.
	write(t, dir, "memory.stat", strings.Replace("anon 1\ninactive_file 83886080\n", "83886080", "0", 1))
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("it was not ended")
	}
	if !c.outOfMemory() {
		t.Error("it ended, and not for its memory")
	}
}
