package main

import (
	"os"

	"anthill/bench"
	"anthill/loadtest"
	"anthill/sandbox/supervisor"
)

// reexecuted runs the hidden programs of this binary. It reports whether this process was one of them.
func reexecuted() bool {
	if len(os.Args) > 1 && os.Args[1] == "supervisor" {
		os.Exit(supervisor.Main(os.Args[2:]))
	}
	return bench.Child(os.Args) || loadtest.EchoChild(os.Args)
}
