package bench

import "syscall"

// childSocket is the hidden command of the program that Config.Program names: a floor in a process of its own.
const childSocket = "bench-echo-socket"

// Child runs a floor's process when args ask for one, and reports whether they did. It returns when its parent is gone.
func Child(args []string) bool {
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
