package runtimeapi

import (
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestWhoIsAsking(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	from, to := netip.MustParseAddrPort(client.LocalAddr().String()), netip.MustParseAddrPort(l.Addr().String())
	diag, err := socketOf(from, to)
	if err != nil {
		t.Fatal(err)
	}
	table, err := tableOf(from, to)
	if err != nil || table != diag || diag == 0 {
		t.Errorf("%d by sock_diag, %d by the table (%v)", diag, table, err)
	}
	if _, err := socketOf(netip.MustParseAddrPort("127.0.0.1:1"), to); err == nil {
		t.Error("a connection that is not there was found")
	}
}

// A connection is let in when a process inside holds it, here a child, and else closed.
func TestStrangersAreNotLetIn(t *testing.T) {
	for _, inside := range []bool{true, false} {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l := own{tcp, func(pid int) bool { return inside && descends(pid, os.Getpid()) }}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, "come in\n")
				c.Close()
			}
		}()
		host, port, _ := net.SplitHostPort(tcp.Addr().String())
		out, err := exec.Command("python3", "-c", `import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
try: print(s.recv(100))
except OSError: print(b"")`, host, port).CombinedOutput()
		if err != nil {
			t.Fatalf("%v %s", err, out)
		}
		if got := strings.Contains(string(out), "come in"); got != inside {
			t.Errorf("inside %v: %s", inside, out)
		}
		tcp.Close()
	}
}
