package supervisor

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"anthill/fault"
)

// Client is the platform's side of a supervisor.
type Client struct {
	conn   *net.UnixConn
	onExit func(id string, e Exit)
	wg     sync.WaitGroup
	wmu    sync.Mutex // one message at a time

	mu struct {
		sync.Mutex
		n       uint64
		waiting map[uint64]chan answer
		err     error // set when the connection is over
	}
}

type answer struct {
	m     *message
	files []*os.File
}

// Dial connects to the supervisor that serves dir, which stays while the connection does. The error is NotFound when there
// is none, or when it is about to end. onExit is called, one call at a time, for every runtime that ends by itself.
func Dial(dir string, onExit func(id string, e Exit)) (*Client, error) {
	const op = "supervisor.Dial"
	name, release, err := socketIn(dir)
	if err != nil {
		return nil, fault.In(op, err)
	}
	defer release()
	conn, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: name, Net: "unixpacket"})
	if err != nil {
		return nil, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "supervisor", Name: dir, Err: err}
	}
	c := &Client{conn: conn, onExit: onExit}
	c.mu.waiting = map[uint64]chan answer{}
	c.wg.Go(c.read)
	// One that is ending may have taken the connection and answers nobody any more. One of an earlier version that does
	// not know the word answers too.
	if _, err := c.call(&message{Op: "hello"}); fault.Is(err, fault.Canceled) {
		_ = c.Close()
		return nil, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "supervisor", Name: dir, Err: err}
	}
	return c, nil
}

// Launch starts a supervisor for dir, unless one serves it, and connects to it. command is the program and its first
// arguments: "--dir D" is added.
func Launch(ctx context.Context, dir string, command []string, onExit func(id string, e Exit)) (*Client, error) {
	const op = "supervisor.Launch"
	if c, err := Dial(dir, onExit); err == nil {
		return c, nil
	}
	log, err := os.OpenFile(filepath.Join(dir, "supervisor.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fault.In(op, err)
	}
	defer log.Close()
	start := func(sys *syscall.SysProcAttr, more ...string) (*exec.Cmd, error) {
		cmd := exec.Command(command[0], append(append(command[1:len(command):len(command)], "--dir", dir), more...)...)
		cmd.Stderr, cmd.Dir, cmd.SysProcAttr = log, dir, sys
		sys.Setsid = true
		return cmd, cmd.Start()
	}
	// With mounts of its own whatever it mounts for functions goes with it, however it ends.
	cmd, err := start(ownMounts(), "--own-mounts")
	if err != nil {
		cmd, err = start(&syscall.SysProcAttr{})
	}
	if err != nil {
		return nil, fault.In(op, err)
	}
	ended := make(chan struct{})
	go awaitEnd(cmd, ended) // it may outlive us, and then nobody waits
	limit := time.NewTimer(10 * time.Second)
	defer limit.Stop()
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		if c, err := Dial(dir, onExit); err == nil {
			return c, nil
		}
		select {
		case <-ended:
			// Another one may have been faster; then it answers at once.
			if c, err := Dial(dir, onExit); err == nil {
				return c, nil
			}
			return nil, &fault.Error{Kind: fault.Internal, Op: op, Noun: "supervisor", Name: dir, Detail: "it ended: see " + log.Name()}
		case <-ctx.Done():
			return nil, &fault.Error{Kind: fault.Canceled, Op: op, Noun: "supervisor", Name: dir, Err: ctx.Err()}
		case <-limit.C:
			return nil, &fault.Error{Kind: fault.Timeout, Op: op, Noun: "supervisor", Name: dir, Detail: "it does not answer"}
		case <-time.After(pause):
		}
	}
}

// awaitEnd closes ended when a supervisor has ended, which may be some time after its Shutdown was answered.
func awaitEnd(cmd *exec.Cmd, ended chan<- struct{}) {
	_ = cmd.Wait()
	close(ended)
}

// ownMounts starts a process in a mount namespace of its own; one of an ordinary user in a user namespace, too, where he
// is called root.
func ownMounts() *syscall.SysProcAttr {
	sys := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		sys.Cloneflags |= unix.CLONE_NEWUSER
		sys.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		sys.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return sys
}

func (c *Client) read() {
	buf := make([]byte, maxMessage)
	for {
		m, files, err := receive(c.conn, buf)
		if err != nil {
			c.mu.Lock()
			c.mu.err = err
			waiting := c.mu.waiting
			c.mu.waiting = nil
			c.mu.Unlock()
			for _, w := range waiting {
				close(w)
			}
			return
		}
		if m.Op == "exit" {
			c.onExit(m.ID, *m.Exit)
			continue
		}
		c.mu.Lock()
		w := c.mu.waiting[m.N]
		delete(c.mu.waiting, m.N)
		c.mu.Unlock()
		if w != nil {
			w <- answer{m, files}
			continue
		}
		for _, f := range files {
			f.Close()
		}
	}
}

func (c *Client) call(m *message) (answer, error) { return c.callUntil(nil, m) }

// callUntil is call for a caller that may lose patience: when done closes it stops waiting, and the answer is dropped.
func (c *Client) callUntil(done <-chan struct{}, m *message) (answer, error) {
	w := make(chan answer, 1)
	c.mu.Lock()
	if c.mu.err != nil {
		c.mu.Unlock()
		return answer{}, gone(c.mu.err)
	}
	c.mu.n++
	m.N = c.mu.n
	c.mu.waiting[m.N] = w
	c.mu.Unlock()
	c.wmu.Lock()
	err := send(c.conn, m)
	c.wmu.Unlock()
	if err != nil {
		return answer{}, gone(err)
	}
	var a answer
	var ok bool
	select {
	case a, ok = <-w:
	case <-done:
		return answer{}, gone(context.Canceled)
	}
	if !ok {
		return answer{}, gone(net.ErrClosed)
	}
	if a.m.Error != "" {
		return a, &fault.Error{Kind: fault.Internal, Op: "supervisor." + m.Op, Noun: "environment", Name: m.ID, Detail: a.m.Error}
	}
	return a, nil
}

func gone(err error) error {
	return &fault.Error{Kind: fault.Canceled, Noun: "supervisor", Detail: "it is gone", Err: err}
}

// Start runs cmd as its environment's runtime, after ending what ran in it before. It gives a connection to it. When it
// failed because a snapshot could not be taken, Started.Taken is set beside the error.
func (c *Client) Start(cmd Command) (s Started, data *net.UnixConn, err error) {
	a, err := c.call(&message{Op: "start", ID: cmd.ID, Start: &cmd})
	if err != nil {
		if a.m != nil && a.m.Begun != nil {
			s.Taken = a.m.Begun.Taken
		}
		return s, nil, err
	}
	data, err = a.conn()
	return *a.m.Begun, data, err
}

// Warm starts a template and its spares, and returns when it is ready to fork, or when ctx ends. Of a snapshot it gives how
// it was taken, now or earlier.
func (c *Client) Warm(ctx context.Context, t *Template) (*Taken, error) {
	a, err := c.callUntil(ctx.Done(), &message{Op: "warm", Start: &Command{Template: t}})
	if err != nil || a.m.Begun == nil {
		return nil, err
	}
	return a.m.Begun.Taken, nil
}

// Forget ends the templates whose key begins with prefix, those in use when their last environment has ended.
func (c *Client) Forget(prefix string) error {
	_, err := c.call(&message{Op: "forget", ID: prefix})
	return err
}

// Attach gives a new connection to a runtime that an earlier platform started.
func (c *Client) Attach(id string) (*net.UnixConn, error) {
	a, err := c.call(&message{Op: "attach", ID: id})
	if err != nil {
		return nil, err
	}
	return a.conn()
}

func (a answer) conn() (*net.UnixConn, error) {
	if len(a.files) != 1 {
		return nil, fmt.Errorf("%d descriptors came with the reply", len(a.files))
	}
	defer a.files[0].Close()
	conn, err := net.FileConn(a.files[0])
	if err != nil {
		return nil, err
	}
	return conn.(*net.UnixConn), nil
}

// Freeze stops what runs in an environment between invocations, and gives the processes that are stopped now.
func (c *Client) Freeze(id string) ([]int, error) {
	a, err := c.call(&message{Op: "freeze", ID: id})
	if err != nil {
		return nil, err
	}
	return a.m.Frozen, nil
}

// Thaw lets a frozen environment run on.
func (c *Client) Thaw(id string) error {
	_, err := c.call(&message{Op: "thaw", ID: id})
	return err
}

// Stop ends every process of an environment and returns when none is left.
func (c *Client) Stop(id string) error {
	_, err := c.call(&message{Op: "stop", ID: id})
	return err
}

// List gives the environments that were started and not stopped.
func (c *Client) List() ([]Status, error) {
	a, err := c.call(&message{Op: "list"})
	if err != nil {
		return nil, err
	}
	return a.m.List, nil
}

// Shutdown ends every environment and the supervisor.
func (c *Client) Shutdown() error {
	_, err := c.call(&message{Op: "shutdown"})
	_ = c.Close()
	return err
}

// Close ends the connection alone: the supervisor and its environments live on.
func (c *Client) Close() error {
	err := c.conn.Close()
	c.wg.Wait()
	return err
}

// Err says why the connection is over; nil while it is not.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.err
}
