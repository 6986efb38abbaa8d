// Command anthill runs a serverless system on this machine, and the laboratory that measures it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"anthill/fault"
	"anthill/server"
)

func main() {
	if reexecuted() { // the supervisor and the launchers of environments are this binary too
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	root := &cobra.Command{
		Use:           "anthill",
		Short:         "A serverless system on your own machine: Lambda, API Gateway, Step Functions, logs; and where every millisecond goes",
		Version:       server.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(upCommand(), doctorCommand(), backupCommand(), restoreCommand(), prepareCommand(), rieCommand(), compatibilityCommand())
	root.AddCommand(loadCommand(), analyzeCommand(), invocationsCommand(), experimentCommand()) // load and cold starts
	root.AddCommand(overheadCommand(), compareCommand(), profileCommand())                      // orchestration
	root.AddCommand(labCommand(), benchCommand())
	if err := root.ExecuteContext(ctx); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "anthill: "+sentence(err))
		os.Exit(1)
	}
}

// sentence is an error for a person: the detail that says what to do when there is one, else everything we know.
func sentence(err error) string {
	var f *fault.Error
	if errors.As(err, &f) && f.Detail != "" {
		return f.Detail
	}
	return err.Error()
}
