package supervisor

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Template is a process that environments are forked from.
type Template struct {
	Key       string  // environments of equal key share it
	Isolated  Variant // in namespaces, with a root of its own
	Plain     Variant // where the machine gives none
	MemoryMB  int     // limit of each environment
	Processes int     // limit of each environment
	CPU       float64 // share of one processor's time of each environment; 0 leaves it open
	Spares    int     // clones that are made ahead
	Tmps      string  // directory that holds the /tmp of every environment of the function
	TmpMB     int     // size of each; 0 means AWS's 512

	Snapshot *Snapshot // the function's init has run in it; nil for a template that holds libraries alone
}

// maxTemplates is how many may be alive before the longest unused ones give way.
const maxTemplates = 24

// Work is what a clone is to do.
type Work struct {
	Env   map[string]string // all variables that the function sees; of no use for a snapshot
	Learn bool              // it says which modules its init imported
}

// template is a running template.
type template struct {
	k        *keeper
	spec     *Template
	dir      string
	name     string
	taken    *Taken   // of a snapshot, from when it is ready or has failed
	scratch  *scratch // of a snapshot: the /tmp that its init saw
	group    *cgroup  // of a snapshot
	family   *family
	isolated bool
	env      map[string]string // what it was started with
	conn     *net.UnixConn
	forks    sync.WaitGroup // those under way
	gone     chan struct{}  // closed when nothing of it is left

	mu struct {
		sync.Mutex
		pid     int
		err     error // it has ended
		ready   chan struct{}
		threads int
		n       int
		forking map[string]chan error
		clones  map[string]*clone
		spares  []*clone
		filling bool
		demand  demand
		used    time.Time
		dropped bool
		hot     bool // it was told which pages invocations touch

		observed bool // somebody waits for a clone to show them
	}
}

// templateMessage is what templates say and are told.
type templateMessage struct {
	Op      string `json:"op"`
	ID      string `json:"id,omitempty"`
	Tmp     string `json:"tmp,omitempty"`
	Threads int    `json:"threads,omitempty"`
	Status  int    `json:"status,omitempty"`
	Error   string `json:"error,omitempty"`
	Pages   []span `json:"pages,omitempty"`
	initReport
}

// template gives the running template of spec, and starts it when there is none.
func (k *keeper) template(spec *Template) (*template, error) {
	k.templates.Lock()
	t := k.templates.all[spec.Key]
	if t != nil && t.alive() {
		k.templates.Unlock()
		<-t.mu.ready
		return t, t.failure()
	}
	t = &template{k: k, spec: spec, gone: make(chan struct{})}
	t.mu.ready = make(chan struct{})
	t.mu.forking = map[string]chan error{}
	t.mu.clones = map[string]*clone{}
	t.mu.used = time.Now()
	if len(k.templates.all) >= maxTemplates {
		k.evictLocked()
	}
	k.templates.all[spec.Key] = t
	k.templates.n++
	t.name = fmt.Sprintf("%d-%d", os.Getpid(), k.templates.n)
	t.dir = filepath.Join(k.dir, "templates", strconv.Itoa(k.templates.n))
	k.templates.Unlock()
	err := t.start()
	if err != nil {
		if t.conn != nil {
			t.conn.Close() // twice is fine
		}
		t.clear()
		close(t.gone) // whoever ends it waits for that
	}
	t.mu.Lock()
	if err != nil && t.mu.err == nil {
		t.mu.err = err
	}
	close(t.mu.ready)
	err = t.mu.err
	t.mu.Unlock()
	return t, err
}

func (t *template) alive() bool { return t.failure() == nil }

func (t *template) failure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.err
}

func (t *template) start() error {
	for _, dir := range []string{t.dir, t.spec.Tmps} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return err
		}
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	theirs, ours := os.NewFile(uintptr(fds[0]), "template"), os.NewFile(uintptr(fds[1]), "supervisor")
	defer theirs.Close()
	c, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		return err
	}
	t.conn = c.(*net.UnixConn)
	stderr, err := os.OpenFile(filepath.Join(t.k.dir, "supervisor.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer stderr.Close()
	if reason := t.k.noNamespaces(); reason == "" && t.spec.Isolated.Binds != nil {
		spec := &launchSpec{Variant: t.spec.Isolated, IDs: t.k.idsOf(t.spec.Tmps)}
		t.family = t.k.groups.family(spec.IDs.Base)
		spec.group = t.family.group()
		pid, err := t.k.startLauncher(spec, stderr, nil, theirs)
		if err == nil {
			t.isolated, t.env = true, variables(t.spec.Isolated.Env)
			theirs.Close() // so that its end is seen
			return t.greet(pid)
		}
		t.k.giveUpNamespaces(err)
	}
	if len(t.spec.Plain.Argv) == 0 {
		return fmt.Errorf("this machine gives no namespaces")
	}
	t.family.remove()
	t.family = t.k.groups.family(0)
	t.env = variables(t.spec.Plain.Env)
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	argv, err := confined(self, t.spec.Isolated.Binds, t.spec.Tmps, t.spec.Plain.Argv)
	if err != nil {
		return err
	}
	attr := &syscall.SysProcAttr{Setsid: true}
	t.family.group().begin(attr)
	pid, err := t.k.spawn(argv[0], argv, &syscall.ProcAttr{Dir: "/", Env: t.spec.Plain.Env,
		Files: []uintptr{null.Fd(), stderr.Fd(), stderr.Fd(), theirs.Fd()}, Sys: attr}, nil)
	if err != nil {
		return err
	}
	theirs.Close()
	return t.greet(pid)
}

// limit makes a group with the limits of an environment.
func (t *template) limit() *cgroup {
	if t.family == nil && t.k.groups.v2 {
		return nil
	}
	return t.k.groups.make(limits{t.spec.MemoryMB, t.spec.Processes, t.spec.CPU}, t.family)
}

// variables are those of a list of NAME=value.
func variables(list []string) map[string]string {
	all := make(map[string]string, len(list))
	for _, v := range list {
		name, value, _ := strings.Cut(v, "=")
		all[name] = value
	}
	return all
}

// greet waits until the template has its libraries in memory, and then listens to it.
func (t *template) greet(pid int) error {
	t.mu.Lock()
	t.mu.pid = pid
	t.mu.Unlock()
	buf := make([]byte, maxMessage)
	limit := 2 * time.Minute
	if t.spec.Snapshot != nil {
		limit = t.spec.Snapshot.Limit
		if err := t.sendInit(); err != nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			return err
		}
	}
	_ = t.conn.SetReadDeadline(time.Now().Add(limit))
	m, files, err := t.receive(buf)
	if err != nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		t.taken = t.lost(err)
		return fmt.Errorf("the template ended before it was ready: %w", err)
	}
	closeAll(files)
	_ = t.conn.SetReadDeadline(time.Time{})
	if t.spec.Snapshot != nil {
		if t.taken = m.taken(); t.taken.Kind != SnapshotKept {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			return fmt.Errorf("no snapshot was kept")
		}
	}
	t.mu.Lock()
	t.mu.threads = m.Threads
	t.mu.Unlock()
	if t.k.ending() { // endAll did not know of it yet
		_ = syscall.Kill(pid, syscall.SIGKILL)
		t.conn.Close()
		return fmt.Errorf("the supervisor is ending")
	}
	t.k.wg.Go(func() { t.listen(buf) })
	return nil
}

func (t *template) receive(buf []byte) (*templateMessage, []*os.File, error) {
	oob := make([]byte, unix.CmsgSpace(4*4))
	n, oobn, _, _, err := t.conn.ReadMsgUnix(buf, oob)
	if err != nil {
		return nil, nil, err
	}
	if n == 0 {
		return nil, nil, net.ErrClosed
	}
	files, err := filesOf(oob[:oobn])
	if err != nil {
		return nil, nil, err
	}
	m := &templateMessage{}
	if err := json.Unmarshal(buf[:n], m); err != nil {
		closeAll(files)
		return nil, nil, err
	}
	return m, files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

func (t *template) listen(buf []byte) {
	for {
		m, files, err := t.receive(buf)
		if err != nil {
			t.over()
			return
		}
		switch m.Op {
		case "forked", "failed":
			t.mu.Lock()
			w, c := t.mu.forking[m.ID], t.mu.clones[m.ID]
			delete(t.mu.forking, m.ID)
			t.mu.Unlock()
			if c == nil || w == nil {
				closeAll(files)
				continue
			}
			if len(files) > 0 {
				c.pidfd = files[0]
				c.pid = pidOf(files[len(files)-1])
				closeAll(files[1:])
			}
			if m.Error != "" {
				w <- fmt.Errorf("forking an environment: %s", m.Error)
			} else {
				w <- nil
			}
		case "ended":
			t.mu.Lock()
			c := t.mu.clones[m.ID]
			delete(t.mu.clones, m.ID)
			t.mu.Unlock()
			if c != nil {
				c.end(syscall.WaitStatus(m.Status))
			}
		}
	}
}

// over is called when the template has ended, and with it, in namespaces, everything that was forked from it.
func (t *template) over() {
	t.conn.Close()
	t.mu.Lock()
	if t.mu.err == nil {
		t.mu.err = fmt.Errorf("the template has ended")
	}
	clones, forking := t.mu.clones, t.mu.forking
	t.mu.clones, t.mu.forking = map[string]*clone{}, map[string]chan error{}
	t.mu.spares = nil
	t.mu.Unlock()
	for _, w := range forking {
		w <- fmt.Errorf("the template has ended")
	}
	for id, c := range clones {
		if forking[id] != nil {
			continue // whoever forks it removes what it has so far
		}
		c.kill()
		c.end(syscall.WaitStatus(syscall.SIGKILL))
	}
	t.forks.Wait()
	t.clear()
	close(t.gone)
}

// clear removes what the template had on disk.
func (t *template) clear() {
	t.group.remove()
	t.family.remove()
	if t.scratch != nil {
		t.scratch.remove()
	}
	_ = os.RemoveAll(t.dir)
}

// evictLocked drops the template that has been without environments and unused for longest.
func (k *keeper) evictLocked() {
	var oldest *template
	var since time.Time
	for _, t := range k.templates.all {
		t.mu.Lock()
		used, unused := t.mu.used, len(t.mu.clones) == len(t.mu.spares)
		t.mu.Unlock()
		if unused && (oldest == nil || used.Before(since)) {
			oldest, since = t, used
		}
	}
	if oldest != nil {
		oldest.drop()
		delete(k.templates.all, oldest.spec.Key)
	}
}

// drop ends the template once no environment of it is left; its spares end at once.
func (t *template) drop() {
	t.mu.Lock()
	t.mu.dropped = true
	spares := t.mu.spares
	t.mu.spares = nil
	left := len(t.mu.clones) - len(spares)
	pid := t.mu.pid
	t.mu.Unlock()
	for _, c := range spares {
		c.kill()
	}
	if left <= 0 && pid > 0 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// end ends the template and everything that was forked from it.
func (t *template) end() {
	t.mu.Lock()
	pid := t.mu.pid
	var clones []*clone
	for _, c := range t.mu.clones {
		clones = append(clones, c)
	}
	t.mu.Unlock()
	for _, c := range clones {
		c.kill()
	}
	if pid > 0 && t.alive() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		closedWithin(t.gone, 2*time.Second)
	}
}

// idle reports whether nothing has been forked for d and no environment is left.
func (t *template) idle(now time.Time, d time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.err == nil && len(t.mu.clones) == len(t.mu.spares) && (t.mu.dropped || now.Sub(t.mu.used) > d)
}
