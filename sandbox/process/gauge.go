package process

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
)

// Spare reports whether fewer threads want to run than the machine has processors. Where the kernel does not tell, none
// is to spare.
func (d *Driver) Spare() bool {
	load, err := os.ReadFile("/proc/loadavg") // a tenth of the time of /proc/stat, which says the same
	if err != nil {
		return false
	}
	running, ok := runnable(load)
	return ok && running <= runtime.NumCPU() // the one that reads is among them
}

// runnable is the number of threads that run or want to (proc(5), the fourth field of loadavg: "2/345").
func runnable(load []byte) (n int, ok bool) {
	f := bytes.Fields(load)
	if len(f) < 4 {
		return 0, false
	}
	digits, _, _ := bytes.Cut(f[3], []byte("/"))
	n, err := strconv.Atoi(string(digits))
	return n, err == nil
}
