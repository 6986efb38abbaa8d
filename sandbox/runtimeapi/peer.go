package runtimeapi

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The Runtime API listens on the loopback that all functions of the machine share, so whoever connects is asked who he is:
// the kernel names the socket at the other end, and one of the environment's own processes must hold it. Nothing else would
// do for an unprivileged platform, whose functions are all one user to the machine.

// own lets in connections of this environment only. Its listener is closed by closing it.
type own struct {
	net.Listener
	inside func(pid int) bool // reports whether that process is of this environment
}

// Accept waits for the next connection from inside.
func (l own) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil || l.isOwn(c) {
			return c, err
		}
		c.Close()
	}
}

func (l own) isOwn(c net.Conn) bool {
	here, err := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil {
		return false
	}
	there, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return false
	}
	inode, err := socketOf(there, here)
	if err != nil {
		fmt.Fprintln(os.Stderr, "anthill: who is asking for work cannot be found out:", err)
		return false
	}
	return l.holds(fmt.Sprintf("socket:[%d]", inode))
}

// holds reports whether a process inside has that descriptor.
func (l own) holds(name string) bool {
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil || pid == os.Getpid() || !l.inside(pid) {
			continue
		}
		dir := filepath.Join("/proc", p.Name(), "fd")
		files, err := os.ReadDir(dir)
		if err != nil {
			continue // it ended
		}
		for _, f := range files {
			if link, err := os.Readlink(filepath.Join(dir, f.Name())); err == nil && link == name {
				return true
			}
		}
	}
	return false
}

// socketOf asks the kernel for the inode of the TCP socket at from that is connected with to (sock_diag(7)).
func socketOf(from, to netip.AddrPort) (inode uint32, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return tableOf(from, to)
	}
	defer unix.Close(fd)
	const header, request = unix.SizeofNlMsghdr, 56
	b := make([]byte, header+request)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], unix.SOCK_DIAG_BY_FAMILY)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST)
	q := b[header:] // struct inet_diag_req_v2
	q[0], q[1] = unix.AF_INET, unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(q[4:], ^uint32(0)) // of any state
	binary.BigEndian.PutUint16(q[8:], from.Port())
	binary.BigEndian.PutUint16(q[10:], to.Port())
	copy(q[12:], from.Addr().Unmap().AsSlice())
	copy(q[28:], to.Addr().Unmap().AsSlice())
	binary.NativeEndian.PutUint64(q[48:], ^uint64(0)) // no cookie
	if err := unix.Sendto(fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return tableOf(from, to)
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil || n < header+72 || binary.NativeEndian.Uint16(answer[4:]) != unix.SOCK_DIAG_BY_FAMILY {
		return tableOf(from, to) // a kernel without this question
	}
	return binary.NativeEndian.Uint32(answer[header+68:]), nil // inet_diag_msg.idiag_inode
}

// tableOf looks the same up in the kernel's table of connections.
func tableOf(from, to netip.AddrPort) (inode uint32, err error) {
	b, err := os.ReadFile("/proc/self/net/tcp")
	if err != nil {
		return 0, err
	}
	name := func(a netip.AddrPort) string {
		ip := a.Addr().Unmap().As4()
		return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(ip[:]), a.Port())
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) > 9 && f[1] == name(from) && f[2] == name(to) {
			n, err := strconv.ParseUint(f[9], 10, 32)
			return uint32(n), err
		}
	}
	return 0, fmt.Errorf("no connection from %v to %v", from, to)
}

// descends reports whether pid is a process that ancestor started, or that came of one.
func descends(pid, ancestor int) bool {
	for range 64 {
		if pid == ancestor {
			return true
		}
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			return false
		}
		// "pid (name) state parent …"; the name may hold anything.
		s := string(b)
		f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
		if len(f) < 2 {
			return false
		}
		if pid, err = strconv.Atoi(f[1]); err != nil || pid <= 1 && ancestor > 1 {
			return false
		}
	}
	return false
}
