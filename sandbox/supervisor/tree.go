package supervisor

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// killTree ends the process pid, its session and its descendants, and returns when the process is reaped and none of the
// others is left. done is closed when pid has been reaped.
func killTree(pid int, environment string, done <-chan struct{}) {
	alive := true
	for range 200 {
		left := killOnce(pid, environment, alive)
		select {
		case <-done:
			alive = false
			if left == 0 {
				return
			}
			time.Sleep(time.Millisecond)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// killRest ends what a runtime left behind when it ended by itself.
func killRest(pid int, environment string) {
	for range 20 {
		if killOnce(pid, environment, false) == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// killOnce signals every process of pid's session, its group and its tree, and gives how many there were beside zombies.
// Daemons, which have left the session and whose parent is now the supervisor, are known by the log stream in their
// environment, which ends in the environment's id. alive says that pid has not been reaped, and so is still its own.
func killOnce(pid int, environment string, alive bool) int {
	if pid <= 0 {
		return 0 // 0 is the session of processes whose own is outside of our namespace
	}
	all := processes()
	self := os.Getpid()
	wanted := map[int]bool{}
	for id, p := range all {
		switch {
		case id == pid:
			wanted[id] = alive
		case p.session == pid, p.parent == self && isOf(id, environment):
			wanted[id] = true
		}
	}
	for grown := true; grown; {
		grown = false
		for id, p := range all {
			if wanted[p.parent] && !wanted[id] {
				wanted[id], grown = true, true
			}
		}
	}
	n := 0
	for id, yes := range wanted {
		if !yes || all[id].zombie || id == pid {
			continue
		}
		n++
		_ = syscall.Kill(id, syscall.SIGKILL) // gone already is fine
	}
	// The first process comes last: what loses its parent comes to it, and so stays in the tree.
	if n == 0 && wanted[pid] && !all[pid].zombie {
		n++
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return n
}

// killBelow signals every process that came of pid, which collects those that lose their parents, and pid itself when none of
// them is left. It gives how many there were beside zombies. It costs as much as there are of them, however many others the
// machine has.
func killBelow(pid int) (n int) {
	if pid <= 0 {
		return 0
	}
	if !exists("/proc/thread-self/children") { // CONFIG_PROC_CHILDREN
		return killOnce(pid, "", true)
	}
	for _, id := range append(Below(pid), pid) {
		if id == pid && n > 0 {
			break
		}
		if p, ok := stat(id); ok && !p.zombie {
			n++
			_ = syscall.Kill(id, syscall.SIGKILL) // gone already is fine
		}
	}
	return n
}

func isOf(pid int, environment string) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	return err == nil && bytes.Contains(b, []byte("]"+environment+"\x00"))
}

type process struct {
	parent, session int
	zombie          bool
}

// processes reads the process table.
func processes() map[int]process {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	all := make(map[int]process, len(dirs))
	for _, d := range dirs {
		id, err := strconv.Atoi(filepath.Base(d))
		if err != nil {
			continue
		}
		if p, ok := stat(id); ok {
			all[id] = p
		}
	}
	return all
}

// stat reads what a process is; not ok is that it has ended.
func stat(pid int) (p process, ok bool) {
	f := afterName(pid)
	if len(f) < 4 {
		return p, false
	}
	parent, _ := strconv.Atoi(f[1])
	session, _ := strconv.Atoi(f[3])
	return process{parent: parent, session: session, zombie: f[0] == "Z" || f[0] == "X"}, true
}

// afterName gives the fields of a process from its state on: "pid (name) state parent group session …", where the name may hold
// anything (proc_pid_stat(5)). There are none when it has ended.
func afterName(pid int) []string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	s := string(b)
	return strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
}
