package supervisor

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Command is what the runtime of an environment is started from. Its descriptors are 0 (null), 1 and 2 (the log file,
// appended to), 3 (data socket), 4 (control socket) and 5 (state page).
type Command struct {
	ID    string
	Argv  []string
	Env   []string
	Dir   string // working directory
	Log   string // file for its output
	State string // file of its state page, one page long

	// Template, when it is set, is what the runtime is forked from instead, and Work what it then does.
	Template *Template
	Work     *Work
	Adapter  *Adapter // or this, for a runtime that speaks the Runtime API
	Tmp      string   // the name of an earlier /tmp of the environment; "" makes one
	Fresh    bool     // no spare: the clone is made now
}

// Started is an environment that has been started.
type Started struct {
	PID    int
	Method string // plain, template, snapshot or spare
	Tmp    string // the name of its /tmp, for Command.Tmp

	Restored bool   // it goes on from a snapshot: its init is not run again
	Taken    *Taken // how the snapshot was taken that it needed, when that failed
}

// Exit is how a runtime ended.
type Exit struct {
	PID         int
	Status      string // as Go's ProcessState prints it; "" for status 0
	OutOfMemory bool
	// Late says that the supervisor ended it, because it ran past its deadline while no platform was there.
	Late bool
}

// Status is an environment that the supervisor knows.
type Status struct {
	ID   string
	PID  int
	Exit *Exit // nil while it runs
}

type message struct {
	N     uint64
	Op    string   // hello, start, attach, freeze, thaw, stop, warm, forget, list, shutdown, exit
	ID    string   `json:",omitempty"`
	Start *Command `json:",omitempty"`

	Error string   `json:",omitempty"`
	Begun *Started `json:",omitempty"`
	Exit  *Exit    `json:",omitempty"`
	List  []Status `json:",omitempty"`

	Frozen []int `json:",omitempty"`
}

// maxMessage bounds a packet. The largest is a start, with at most 4 KB of user variables.
const maxMessage = 192 << 10

func send(c *net.UnixConn, m *message, files ...*os.File) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(b) > maxMessage {
		return fmt.Errorf("message of %d bytes", len(b))
	}
	var oob []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		oob = unix.UnixRights(fds...)
	}
	_, _, err = c.WriteMsgUnix(b, oob, nil)
	return err
}

func receive(c *net.UnixConn, buf []byte) (*message, []*os.File, error) {
	oob := make([]byte, unix.CmsgSpace(4*4))
	n, oobn, _, _, err := c.ReadMsgUnix(buf, oob)
	if err != nil {
		return nil, nil, err
	}
	files, err := filesOf(oob[:oobn])
	if err != nil {
		return nil, nil, err
	}
	m := &message{}
	if err := json.Unmarshal(buf[:n], m); err != nil {
		for _, f := range files {
			f.Close()
		}
		return nil, nil, err
	}
	return m, files, nil
}

func filesOf(oob []byte) ([]*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	all, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for _, c := range all {
		fds, err := unix.ParseUnixRights(&c)
		if err != nil {
			continue // not descriptors
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "passed"))
		}
	}
	return files, nil
}

// pair makes a connected pair of stream sockets.
func pair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "environment"), os.NewFile(uintptr(fds[1]), "platform"), nil
}

// statusText is a wait status in the words of Go's ProcessState, which are AWS's too. Status 0 is "".
func statusText(w syscall.WaitStatus) string {
	switch {
	case w.Exited() && w.ExitStatus() == 0:
		return ""
	case w.Exited():
		return fmt.Sprintf("exit status %d", w.ExitStatus())
	case w.Signaled() && w.CoreDump():
		return "signal: " + w.Signal().String() + " (core dumped)"
	case w.Signaled():
		return "signal: " + w.Signal().String()
	}
	return fmt.Sprintf("wait status %#x", int(w))
}

// socketIn gives a short name for the control socket: a Unix address holds 108 bytes, a directory's path may hold more.
func socketIn(dir string) (name string, release func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), socketName), func() { d.Close() }, nil
}

// socketName holds the protocol's version, so that an upgraded platform never talks past an old supervisor.
const socketName = "control-1.sock"
