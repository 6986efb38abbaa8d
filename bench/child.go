package bench

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
)

// The hidden commands of the program that Config.Program names. Each is a floor in a process of its own.
const (
	childSocket = "bench-echo-socket"
	childHTTP   = "bench-echo-http"
)

// Child runs a floor's process when args ask for one, and reports whether they did. It returns when its parent is gone.
func Child(args []string) bool {
	if len(args) < 2 {
		return false
	}
	switch args[1] {
	case childSocket:
		echoSocket(3)
	case childHTTP:
		echoHTTP(os.Stdout)
	default:
		return false
	}
	return true
}

// echoSocket answers every read with a write, with blocking calls and nothing else: what a round trip to a resident
// process costs.
func echoSocket(fd int) {
	buf := make([]byte, 64<<10)
	for {
		n, err := syscall.Read(fd, buf)
		if n <= 0 || err != nil {
			return
		}
		if _, err := syscall.Write(fd, buf[:n]); err != nil {
			return
		}
	}
}

// echoHTTP is a bare net/http server that sends a body back. It prints its address and ends when its input does.
func echoHTTP(w io.Writer) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return
	}
	fmt.Fprintln(w, "http://"+l.Addr().String())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		l.Close()
	}()
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(b)
	}))
}
