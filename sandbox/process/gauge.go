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
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return false
	}
	running, ok := runnable(stat)
	return ok && running <= runtime.NumCPU() // the one that reads is among them
}

// runnable is the number of threads that run or want to (proc(5), "procs_running").
func runnable(stat []byte) (n int, ok bool) {
	_, rest, ok := bytes.Cut(stat, []byte("\nprocs_running "))
	if !ok {
		return 0, false
	}
	digits, _, _ := bytes.Cut(rest, []byte("\n"))
	n, err := strconv.Atoi(string(digits))
	return n, err == nil
}
