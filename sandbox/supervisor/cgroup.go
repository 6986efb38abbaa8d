package supervisor

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// groups limits memory and processes with the control groups that the machine lets us write, of either version.
type groups struct {
	once sync.Once
	// memory, pids and cpu are directories to make groups in; "" when there are none. With version 2 they are the same.
	memory, pids, cpu string
	v2                bool
	why               string // why there are none
	n                 int    // of groups made so far
	mu                sync.Mutex

	wg       sync.WaitGroup
	register chan func() // events to register, one after the other
	quit     chan struct{}
	events   struct {
		sync.Mutex
		notify *os.File
		of     map[int]*watched
	}
}

// cgroup is the control group of one environment. A nil one limits nothing.
type cgroup struct {
	dirs  []string
	watch *watched // nil when the kernel's limit is all
	// memoryDir is where its memory is limited; "" when it is not.
	memoryDir string
	join      []*os.File // a process that writes "0" to each is in
	v2        bool
	oomAt     string
}

const groupName = "anthill"

// limits are those of one environment. Zeros limit nothing.
type limits struct {
	MemoryMB  int
	Processes int     // threads included
	CPU       float64 // of one processor's time
}

// cpuPeriod is how often the share of the processor is given anew, in µs. It is short, so that a small share does not make
// a request wait for long.
const cpuPeriod = 20_000

func (l limits) quota() string { return strconv.Itoa(max(int(l.CPU*cpuPeriod), 1000)) }

func (g *groups) find() {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		g.why = err.Error()
		return
	}
	var unified string
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		options := "," + f[3] + ","
		switch {
		case f[2] == "cgroup" && strings.Contains(options, ",memory,"):
			g.memory = f[1]
		case f[2] == "cgroup" && strings.Contains(options, ",pids,"):
			g.pids = f[1]
		case f[2] == "cgroup" && strings.Contains(options, ",cpu,"):
			g.cpu = f[1]
		case f[2] == "cgroup2":
			unified = f[1]
		}
	}
	g.register, g.quit = make(chan func(), 1024), make(chan struct{})
	g.wg.Go(func() {
		for {
			select {
			case f := <-g.register:
				f()
			case <-g.quit:
				return
			}
		}
	})
	if g.memory == "" && unified != "" {
		_ = os.WriteFile(filepath.Join(unified, "cgroup.subtree_control"), []byte("+memory +pids"), 0) // on already, or refused below
		_ = os.WriteFile(filepath.Join(unified, "cgroup.subtree_control"), []byte("+cpu"), 0)          // the same
		base, err := ownGroup(unified)
		if err != nil {
			g.why = err.Error()
			return
		}
		if err := os.WriteFile(filepath.Join(base, "cgroup.subtree_control"), []byte("+memory +pids"), 0); err != nil {
			_ = os.Remove(base)
			g.why = err.Error()
			return
		}
		g.memory, g.pids, g.v2 = base, base, true
		if os.WriteFile(filepath.Join(base, "cgroup.subtree_control"), []byte("+cpu"), 0) == nil {
			g.cpu = base
		}
		return
	}
	for _, dir := range []*string{&g.memory, &g.pids, &g.cpu} {
		if *dir == "" {
			continue
		}
		var err error
		if *dir, err = ownGroup(*dir); err != nil {
			g.why = err.Error()
		}
	}
	if g.memory == "" && g.why == "" {
		g.why = "no memory controller is mounted"
	}
}

// ownGroup makes a new group for this supervisor under parent. One that was killed leaves groups behind, and its process number
// to others: in a group of that name they would find theirs there already.
func ownGroup(parent string) (dir string, err error) {
	name := fmt.Sprintf("%s-%d", groupName, os.Getpid())
	for n := 2; n < 100; n++ {
		dir = filepath.Join(parent, name)
		if err = os.Mkdir(dir, 0o755); err == nil {
			return dir, nil
		}
		if !os.IsExist(err) {
			break
		}
		name = fmt.Sprintf("%s-%d-%d", groupName, os.Getpid(), n)
	}
	return "", err
}

// make makes a group with these limits. It gives nil when the machine has none to give.
func (g *groups) make(l limits) *cgroup {
	g.once.Do(g.find)
	g.mu.Lock()
	g.n++
	name := strconv.Itoa(g.n)
	g.mu.Unlock()
	c := &cgroup{v2: g.v2}
	limit := strconv.Itoa(l.MemoryMB << 20)
	if g.v2 {
		dir := filepath.Join(g.memory, name)
		set := [][2]string{{"memory.max", limit}, {"memory.swap.max", "0"}, {"memory.oom.group", "0"}, {"pids.max", strconv.Itoa(l.Processes)}}
		if l.CPU > 0 && g.cpu != "" {
			set = append(set, [2]string{"cpu.max", l.quota() + " " + strconv.Itoa(cpuPeriod)})
		}
		c.add(dir, "cgroup.procs", set)
		c.oomAt, c.memoryDir = filepath.Join(dir, "memory.events"), dir
		return c.orNil()
	}
	if g.memory != "" && l.MemoryMB > 0 {
		dir := filepath.Join(g.memory, name)
		c.add(dir, "tasks", [][2]string{{"memory.limit_in_bytes", limit}, {"memory.memsw.limit_in_bytes", limit}})
		c.oomAt, c.memoryDir = filepath.Join(dir, "memory.oom_control"), dir
	}
	if g.pids != "" && l.Processes > 0 {
		c.add(filepath.Join(g.pids, name), "tasks", [][2]string{{"pids.max", strconv.Itoa(l.Processes)}})
	}
	if g.cpu != "" && l.CPU > 0 {
		c.add(filepath.Join(g.cpu, name), "tasks", [][2]string{{"cpu.cfs_period_us", strconv.Itoa(cpuPeriod)}, {"cpu.cfs_quota_us", l.quota()}})
	}
	return c.orNil()
}

func (c *cgroup) orNil() *cgroup {
	if len(c.join) == 0 {
		return nil
	}
	return c
}

func (c *cgroup) add(dir, join string, limits [][2]string) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return
	}
	c.dirs = append(c.dirs, dir)
	for _, l := range limits {
		_ = os.WriteFile(filepath.Join(dir, l[0]), []byte(l[1]), 0) // swap accounting may be off
	}
	if f, err := os.OpenFile(filepath.Join(dir, join), os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
		c.join = append(c.join, f)
	}
}

// outOfMemory reports whether the limit has killed anything.
func (c *cgroup) outOfMemory() bool {
	if c == nil || c.oomAt == "" {
		return false
	}
	if c.watch != nil && c.watch.over.Load() {
		return true
	}
	b, err := os.ReadFile(c.oomAt)
	if err != nil {
		return false
	}
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) == 2 && string(f[0]) == "oom_kill" && string(f[1]) != "0" {
			return true
		}
	}
	return false
}

// joined closes the descriptors once a process is in.
func (c *cgroup) joined() {
	if c == nil {
		return
	}
	for _, f := range c.join {
		f.Close()
	}
	c.join = nil
}

// remove removes the group. The kernel refuses for some milliseconds after the last process has gone.
func (c *cgroup) remove() {
	if c == nil {
		return
	}
	c.joined()
	c.watch.close()
	for _, dir := range c.dirs {
		for range 50 {
			if err := os.Remove(dir); err == nil || os.IsNotExist(err) {
				break
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
}

// close removes what find made.
func (g *groups) close() {
	if g.quit != nil {
		close(g.quit)
	}
	g.events.Lock()
	if g.events.notify != nil {
		g.events.notify.Close()
	}
	g.events.Unlock()
	done := make(chan struct{})
	go func() {
		g.wg.Wait()
		close(done)
	}()
	closedWithin(done, time.Second) // one whose processes would not end keeps its watch until we end
	for _, dir := range []string{g.memory, g.pids, g.cpu} {
		if dir != "" {
			_ = os.Remove(dir) // a group that would not go keeps it
		}
	}
}

// limitMemory reports whether the machine lets us limit memory.
func (g *groups) limitMemory() bool {
	g.once.Do(g.find)
	return g.memory != ""
}
