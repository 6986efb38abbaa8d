package loadtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"anthill/fault"
)

// Echo is a bare net/http server that sends a request's body back and does nothing else: the floor under everything that answers
// over HTTP, and what the load generator's own ceiling is measured against.
type Echo struct {
	URL string // "http://127.0.0.1:40123/"
	PID int    // of the process that serves it

	end func()
}

// Close ends it.
func (e *Echo) Close() { e.end() }

// echoChild is the hidden command of a program that serves an echo.
const echoChild = "echo-server"

// EchoChild serves an echo when args ask this process for it, and reports whether they did. It returns when its parent is gone.
func EchoChild(args []string) bool {
	if len(args) < 2 || args[1] != echoChild {
		return false
	}
	e, err := EchoHere()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return true
	}
	defer e.Close()
	fmt.Println(e.URL)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent closes it, or is gone
	return true
}

// EchoHere serves an echo in this process.
func EchoHere() (*Echo, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fault.In("loadtest.EchoHere", err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(b) // the client sees what is missing
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	return &Echo{URL: "http://" + l.Addr().String() + "/", PID: os.Getpid(), end: func() { s.Close(); <-done }}, nil
}

// StartEcho serves an echo in a process of its own: program is a binary that calls EchoChild first, "" the running one.
func StartEcho(ctx context.Context, program string) (*Echo, error) {
	const op = "loadtest.StartEcho"
	if program == "" {
		var err error
		if program, err = os.Executable(); err != nil {
			return nil, fault.In(op, err)
		}
	}
	cmd := exec.CommandContext(ctx, program, echoChild)
	in, err := cmd.StdinPipe() // it ends when this is closed, whatever becomes of us
	if err != nil {
		return nil, fault.In(op, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fault.In(op, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fault.In(op, err)
	}
	e := &Echo{PID: cmd.Process.Pid, end: func() { in.Close(); _ = cmd.Wait() }}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		e.Close()
		return nil, fault.In(op, err)
	}
	e.URL = strings.TrimSpace(line)
	return e, nil
}
