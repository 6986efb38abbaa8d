package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"anthill/lab"
	"anthill/loadtest"
)

// runCeiling measures the load generator against an echo in a process of its own.
func runCeiling(ctx context.Context, out io.Writer, runTime time.Duration, asked bool) error {
	if !asked {
		runTime = 0 // the ceiling's own
	}
	echo, err := loadtest.StartEcho(ctx, "")
	if err != nil {
		return err
	}
	defer echo.Close()
	rows, err := lab.Ceiling(ctx, lab.CeilingConfig{URL: echo.URL, RunTime: runTime, Say: func(s string) { fmt.Fprintln(os.Stderr, "measuring: "+s) }})
	if err != nil {
		return err
	}
	return lab.CeilingTable(rows).WriteText(out)
}
