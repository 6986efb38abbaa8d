package supervisor

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// watchResident ends environments that have more memory than theirs, where the machine gives no control groups to do it, or
// gives no more.
// What a process may take for itself is limited there, too (RLIMIT_DATA), but a function can have many processes.
func (k *keeper) watchResident() {
	if k.groups.limitMemory() {
		select {
		case <-k.quit:
			return
		case <-k.groups.lost:
		}
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-k.quit:
			return
		case <-tick.C:
		}
		if k.len() > 0 {
			k.endStarved()
		}
	}
}

// endStarved looks once.
func (k *keeper) endStarved() {
	all := processes()
	children := make(map[int][]int, len(all))
	for pid, p := range all {
		children[p.parent] = append(children[p.parent], pid)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.mu.environments {
		if e.exit != nil || e.memoryMB <= 0 || e.pid <= 0 {
			continue
		}
		limit := int64(e.memoryMB) << 20
		tree := descendants(children, e.pid)
		if first := e.clone.first(); first > 0 && first != e.pid {
			tree = append(tree, descendants(children, first)...) // what lost its parent
		}
		if sum(tree, anonymous) <= limit || sum(tree, proportional) <= limit {
			continue // what many processes share is counted once only by the second, which costs more
		}
		e.starved = true
		if e.clone != nil {
			k.wg.Go(e.clone.kill) // it may have much to end
		} else {
			k.killLocked(e)
		}
	}
}

func descendants(children map[int][]int, pid int) []int {
	tree := []int{pid}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, children[tree[i]]...)
	}
	return tree
}

func sum(pids []int, of func(pid int) int64) (n int64) {
	for _, pid := range pids {
		n += of(pid)
	}
	return n
}

// anonymous is the memory of a process that is no file's, in bytes.
func anonymous(pid int) int64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	f := bytes.Fields(b)
	if err != nil || len(f) < 3 {
		return 0 // it ended
	}
	resident, _ := strconv.ParseInt(string(f[1]), 10, 64) // the kernel writes numbers
	shared, _ := strconv.ParseInt(string(f[2]), 10, 64)
	return (resident - shared) * int64(os.Getpagesize())
}

// proportional is a process's share of the memory that it has, in bytes.
func proportional(pid int) int64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return anonymous(pid)
	}
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) == 3 && string(f[0]) == "Pss_Anon:" {
			n, _ := strconv.ParseInt(string(f[1]), 10, 64)
			return n << 10
		}
	}
	return 0
}

// ownThreads counts the threads that our user has, where functions are ours too: RLIMIT_NPROC counts them all (getrlimit(2)), and
// a browser, or what a neighbour has left behind, would take the whole limit of an environment. Root's functions are other users.
func ownThreads() (n int) {
	uid := os.Geteuid()
	if uid == 0 && !inUserNamespace() {
		return 0
	}
	dirs, _ := os.ReadDir("/proc")
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		var s unix.Stat_t
		if unix.Stat("/proc/"+d.Name(), &s) == nil && int(s.Uid) == uid {
			n += len(Threads(pid))
		}
	}
	return n
}
