package bench

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"syscall"
)

// childSocket is the hidden command of the program that Config.Program names: a floor in a process of its own.
const childSocket = "bench-echo-socket"

// childRuntime is the variable that makes the program the bootstrap of a function that sends its events back.
const childRuntime = "ANTHILL_BENCH_RUNTIME"

// Child runs a floor's process when args ask for one, or a runtime when the environment does, and reports whether they did. It
// returns when its parent is gone.
func Child(args []string) bool {
	if os.Getenv(childRuntime) != "" {
		echoRuntime("http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/")
		return true
	}
	if len(args) < 2 || args[1] != childSocket {
		return false
	}
	echoSocket(3)
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

// echoRuntime speaks the Runtime API with the standard library's client, as AWS's library for Go does.
func echoRuntime(api string) {
	for {
		next, err := http.Get(api + "next")
		if err != nil {
			return
		}
		b, err := io.ReadAll(next.Body)
		next.Body.Close()
		if err != nil {
			return
		}
		done, err := http.Post(api+next.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json", bytes.NewReader(b))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, done.Body) // so that the connection is used again
		done.Body.Close()
	}
}
