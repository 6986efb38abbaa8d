package supervisor

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"anthill/sandbox/runtimeapi"
)

// Adapter is a runtime that speaks the Runtime API, and so needs an adapter beside it.
type Adapter struct {
	Key       string         // of the function, when one more environment of it may be made ahead of each start; "" for none
	Job       runtimeapi.Job // as it is in namespaces: what is shown where is Binds' word
	Image     string         // directory that is shown as /, instead of one that is built of Binds; "" for none
	Engine    string         // crun's path, which starts the image then instead of our own launcher; "" for none
	Bare      bool           // without namespaces, whatever the machine gives
	Binds     []Bind
	PlainDir  string            // its directory where the machine gives no namespaces
	PlainEnv  map[string]string // and what differs in its environment there
	PlainArgv []string
	MemoryMB  int
	Processes int
	CPU       float64 // share of one processor's time; 0 leaves it open
	Polite    bool    // it has extensions, which are told before it is ended
	Tmps      string  // directory that holds the /tmp of every environment of the function
	TmpMB     int     // size of each; 0 means AWS's 512
}

// startAdapter starts an adapter, which starts the runtime.
func (k *keeper) startAdapter(e *environment, c *Command, s *started, log, inner, page *os.File) error {
	innerControl, control, err := packetPair()
	if err != nil {
		return err
	}
	defer innerControl.Close()
	e.control = control
	if s.tmp = c.Tmp; s.tmp == "" {
		s.tmp = c.ID
	}
	e.scratch, err = k.scratchAt(filepath.Join(c.Adapter.Tmps, s.tmp), c.Adapter.TmpMB, k.idsOf(c.Adapter.Tmps).Base)
	if err != nil {
		control.Close()
		return err
	}
	e.group = k.groups.make(limits{c.Adapter.MemoryMB, c.Adapter.Processes, c.Adapter.CPU}, nil)
	k.groups.watch(e.group, c.Adapter.MemoryMB, c.Adapter.TmpMB, e.scratch, func() { k.kill(e) })
	passed := []*os.File{inner, innerControl, page}
	job := c.Adapter.Job
	job.Filter = k.filter
	if e.group != nil {
		passed = append(passed, e.group.join...)
		job.Groups = len(e.group.join)
	}
	job.Limits = ungrouped(e.group, c.Adapter.MemoryMB, c.Adapter.Processes)
	s.method = "plain"
	if why := k.noNamespaces(); why != "" && c.Adapter.Image != "" {
		err = fmt.Errorf("container images need namespaces, which this machine does not give: %s", why)
		control.Close()
		e.group.remove()
		e.group.joined()
		return err
	}
	if k.noNamespaces() == "" && !c.Adapter.Bare {
		s.pid, err = k.startIsolatedAdapter(e, c, job, log, passed)
		if err == nil {
			e.group.joined()
			return nil
		}
		if c.Adapter.Image != "" {
			control.Close()
			e.group.remove()
			e.group.joined()
			return err
		}
		k.giveUpNamespaces(err)
	}
	if err = k.startPlainAdapter(e, c, job, s, log, passed); err != nil {
		control.Close()
		e.group.remove()
	}
	e.group.joined()
	return err
}

func (k *keeper) startIsolatedAdapter(e *environment, c *Command, job runtimeapi.Job, log *os.File, passed []*os.File) (int, error) {
	tmp, err := e.scratch.mount()
	if err != nil {
		return 0, err
	}
	defer tmp.Close()
	passed = append(passed, tmp)
	job.Own = true
	own := k.idsOf(c.Adapter.Tmps)
	if c.Adapter.Engine != "" && own.Size > 1 { // there its users are the machine's
		job.User = slices.Clone(job.User)
		for i := range job.User {
			job.User[i] += own.Base
		}
	}
	b, err := json.Marshal(job)
	if err != nil {
		return 0, err
	}
	spec := &launchSpec{Image: c.Adapter.Image, Engine: c.Adapter.Engine, IDs: own, Self: true, group: e.group}
	spec.Argv, spec.Binds = []string{"anthill", "supervisor", "--adapter", string(b)}, c.Adapter.Binds
	return k.startLauncher(spec, log, func(pid int) {
		e.pid, e.isolated, e.polite = pid, true, c.Adapter.Polite
		k.mu.environments[c.ID] = e
		k.mu.pids[pid] = e
	}, passed...)
}

func (k *keeper) startPlainAdapter(e *environment, c *Command, job runtimeapi.Job, s *started, log *os.File, passed []*os.File) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	job.User = nil
	if !c.Adapter.Bare {
		job.Dir = c.Adapter.PlainDir
	}
	if len(c.Adapter.PlainArgv) > 0 {
		job.Argv = c.Adapter.PlainArgv
	}
	if !c.Adapter.Bare { // which is in a container already
		if job.Confine, err = confined(self, c.Adapter.Binds, c.Adapter.Tmps, nil); err != nil {
			return err
		}
	}
	env := slices.DeleteFunc(slices.Clone(job.Env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		_, other := c.Adapter.PlainEnv[name]
		return other
	})
	for name, value := range c.Adapter.PlainEnv {
		env = append(env, name+"="+value)
	}
	job.Env = env
	b, err := json.Marshal(job)
	if err != nil {
		return err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	sys := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	e.group.begin(sys)
	attr := &syscall.ProcAttr{Dir: "/", Sys: sys,
		Files: append([]uintptr{null.Fd(), log.Fd(), log.Fd()}, descriptors(passed)...)}
	s.pid, err = k.spawn(self, []string{self, "supervisor", "--adapter", string(b)}, attr, func(pid int) {
		e.pid = pid
		k.mu.environments[c.ID] = e
		k.mu.pids[pid] = e
	})
	return err
}

// ownStatus is the wait status of an adapter's runtime, which its state page holds; w when it holds none.
func ownStatus(path string, w syscall.WaitStatus) syscall.WaitStatus {
	b, err := os.ReadFile(path)
	if err != nil || len(b) < runtimeapi.StatusAt+8 || binary.LittleEndian.Uint32(b[runtimeapi.StatusAt:]) != runtimeapi.StatusMark {
		return w
	}
	return syscall.WaitStatus(binary.LittleEndian.Uint32(b[runtimeapi.StatusAt+4:]))
}

func adapterMain(args []string) int {
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "usage: supervisor --adapter JOB")
		return 2
	}
	return runtimeapi.Main(args[0])
}
