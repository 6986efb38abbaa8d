package supervisor

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// groups limits memory and processes with the control groups that the machine lets us write, of either version.
type groups struct {
	once sync.Once
	// memory, pids and cpu are directories to make groups in; "" when there are none. With version 2 they are the same.
	memory, pids, cpu string
	v2                bool
	why               string     // why there are none
	place             *place     // of version 2
	bases             []string   // our own groups, which hold those of environments
	locks             []*os.File // on them, so that nobody removes them while we live
	n                 int        // of groups made so far
	mu                sync.Mutex

	loss sync.Once
	lost chan struct{} // closed when the first group could not be made that should have been
	log  io.Writer     // where that is said; nil is the standard error

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
	memoryDir                     string
	limitsMemory, limitsProcesses bool
	join                          []*os.File // of version 1: a process that writes "0" to each is in
	dir                           *os.File   // of version 2: its directory, for a process to begin in
	v2                            bool
	oomAt                         string
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
	g.register, g.quit, g.lost = make(chan func(), 1024), make(chan struct{}), make(chan struct{})
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
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		g.why = err.Error()
		return
	}
	self, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		g.why = err.Error()
		return
	}
	v1, v2 := mounted(string(mountinfo), string(self))
	switch {
	case v1["memory"] == "" && v2.top != "" && controllersOf(v2.top, "cgroup.controllers") != nil:
		g.findV2(v2)
	default:
		g.findV1(v1)
	}
	if g.memory == "" && g.why == "" {
		g.why = "no memory controller is mounted"
	}
}

func (g *groups) findV1(mounts map[string]string) {
	made := map[string]string{} // controllers may be mounted together
	for name, dir := range map[string]*string{"memory": &g.memory, "pids": &g.pids, "cpu": &g.cpu} {
		top := mounts[name]
		if top == "" {
			continue
		}
		if made[top] == "" {
			lock, err := lockGroup(top, unix.LOCK_EX)
			if err == nil {
				made[top], err = g.base(top)
				lock.Close()
			}
			if err != nil {
				g.why = err.Error()
				continue
			}
		}
		*dir = made[top]
	}
}

func (g *groups) findV2(tree unified) {
	p, err := tree.place()
	if err != nil {
		g.why = err.Error()
		return
	}
	defer p.unlock()
	g.place, g.v2 = p, true
	base, err := g.base(p.dir)
	if err == nil {
		err = enable(base)
	}
	if err != nil {
		g.why = err.Error()
		return
	}
	for _, c := range controllersOf(base, "cgroup.subtree_control") {
		*map[string]*string{"memory": &g.memory, "pids": &g.pids, "cpu": &g.cpu}[c] = base
	}
	if g.memory == "" {
		g.why = p.dir + " has no memory controller"
	}
}

// base makes our own group in dir, which is locked, after removing those of supervisors that were killed.
func (g *groups) base(dir string) (string, error) {
	sweep(dir)
	base, err := ownGroup(dir)
	if err != nil {
		return "", err
	}
	g.bases = append(g.bases, base)
	lock, err := lockGroup(base, unix.LOCK_SH)
	if err != nil {
		return "", err
	}
	g.locks = append(g.locks, lock)
	return base, nil
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

// make makes a group with these limits, in f unless that is nil. It gives nil when the machine has none to give.
func (g *groups) make(l limits, f *family) *cgroup {
	g.once.Do(g.find)
	name := g.next()
	c := &cgroup{v2: g.v2}
	limit := strconv.Itoa(l.MemoryMB << 20)
	c.limitsMemory, c.limitsProcesses = g.memory != "" && l.MemoryMB > 0, g.pids != "" && l.Processes > 0
	if g.v2 {
		return g.makeV2(c, f, name, limit, l)
	}
	if c.limitsMemory {
		dir := filepath.Join(g.memory, name)
		c.limitsMemory = g.add(c, dir, [][2]string{{"memory.limit_in_bytes", limit}, {"memory.memsw.limit_in_bytes", limit}})
		if c.limitsMemory {
			c.oomAt, c.memoryDir = filepath.Join(dir, "memory.oom_control"), dir
		}
	}
	if c.limitsProcesses {
		c.limitsProcesses = g.add(c, filepath.Join(g.pids, name), [][2]string{{"pids.max", strconv.Itoa(l.Processes)}})
	}
	if g.cpu != "" && l.CPU > 0 {
		g.add(c, filepath.Join(g.cpu, name), [][2]string{{"cpu.cfs_period_us", strconv.Itoa(cpuPeriod)}, {"cpu.cfs_quota_us", l.quota()}})
	}
	return c.orNil()
}

func (g *groups) makeV2(c *cgroup, f *family, name, limit string, l limits) *cgroup {
	if len(g.bases) == 0 {
		return nil
	}
	dir := filepath.Join(g.bases[0], name)
	if f != nil {
		dir = filepath.Join(f.dir, name)
	}
	var set [][2]string
	if c.limitsMemory {
		set = append(set, [][2]string{{"memory.max", limit}, {"memory.swap.max", "0"}, {"memory.oom.group", "0"}}...)
		c.oomAt, c.memoryDir = filepath.Join(dir, "memory.events"), dir
	}
	if c.limitsProcesses {
		set = append(set, [2]string{"pids.max", strconv.Itoa(l.Processes)})
	}
	if g.cpu != "" && l.CPU > 0 {
		set = append(set, [2]string{"cpu.max", l.quota() + " " + strconv.Itoa(cpuPeriod)})
	}
	if len(set) == 0 {
		return nil
	}
	err := os.Mkdir(dir, 0o755)
	if err == nil {
		c.dirs = []string{dir}
		err = writeLimits(dir, set)
	}
	if err == nil {
		err = f.own(dir)
	}
	if err == nil {
		c.dir, err = os.Open(dir)
	}
	if err != nil {
		g.lose(err)
		c.remove()
		return nil
	}
	return c
}

// lose says, once, that a group could not be had, and what limits environments then.
func (g *groups) lose(err error) {
	g.loss.Do(func() {
		w := g.log
		if w == nil {
			w = os.Stderr
		}
		fmt.Fprintf(w, "no control group for an environment, and perhaps for others: %v: without, memory is limited by RLIMIT_DATA and a look five times a second, "+
			"processes by RLIMIT_NPROC, which counts all of the user, and processor time not at all; start the platform anew, and see anthill doctor\n", err)
		close(g.lost)
	})
}

// writeLimits sets limits in a group. The error is that of the first that must be there.
func writeLimits(dir string, limits [][2]string) (err error) {
	for _, l := range limits {
		werr := os.WriteFile(filepath.Join(dir, l[0]), []byte(l[1]), 0)
		switch l[0] {
		case "memory.memsw.limit_in_bytes", "memory.swap.max", "memory.oom.group": // swap accounting may be off, the kernel old
		case "cpu.cfs_quota_us": // refused where a group above has less already
		default:
			if err == nil {
				err = werr
			}
		}
	}
	return err
}

func (c *cgroup) orNil() *cgroup {
	if len(c.join) == 0 {
		return nil
	}
	return c
}

// add makes a group of version 1 with limits, and reports whether they hold.
func (g *groups) add(c *cgroup, dir string, limits [][2]string) bool {
	var err error
	if !slices.Contains(c.dirs, dir) { // controllers of version 1 may be mounted together
		var f *os.File
		if err = os.Mkdir(dir, 0o755); err == nil {
			c.dirs = append(c.dirs, dir)
			f, err = os.OpenFile(filepath.Join(dir, "tasks"), os.O_WRONLY, 0o600)
		}
		if err == nil {
			c.join = append(c.join, f)
		}
	}
	if err == nil {
		err = writeLimits(dir, limits)
	}
	if err != nil {
		g.lose(err)
	}
	return err == nil
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

// end ends every process of the group and reports that none is left. Not so where there is no group to know them by.
func (c *cgroup) end() bool {
	if c == nil || len(c.dirs) == 0 {
		return false
	}
	for range 50 {
		b, err := os.ReadFile(filepath.Join(c.dirs[0], "cgroup.procs"))
		if err != nil {
			return false
		}
		if len(b) == 0 {
			return true
		}
		for _, f := range bytes.Fields(b) {
			if pid, err := strconv.Atoi(string(f)); err == nil && pid > 1 && pid != os.Getpid() { // 0 is of another namespace
				_ = syscall.Kill(pid, syscall.SIGKILL) // gone already is fine
			}
		}
		time.Sleep(time.Millisecond)
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
	if c.dir != nil {
		c.dir.Close()
		c.dir = nil
	}
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
	for _, base := range g.bases {
		_ = os.Remove(base) // a group that would not go keeps it
	}
	closeAll(g.locks)
	g.place.leave()
}

// limitMemory reports whether the machine lets us limit memory.
func (g *groups) limitMemory() bool {
	g.once.Do(g.find)
	return g.memory != ""
}
