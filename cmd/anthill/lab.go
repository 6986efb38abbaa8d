package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"anthill/lab"
	"anthill/server"
)

func labCommand() *cobra.Command {
	c := lab.Config{Version: server.Version}
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Run the course's experiments end to end and write their report",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Command = strings.Join(append([]string{"anthill"}, os.Args[1:]...), " ")
			c.Progress = labProgress(cmd.OutOrStdout(), terminal(os.Stdout))
			c.Start = ownPlatform
			began := time.Now()
			if _, err := lab.Run(cmd.Context(), c); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "\ndone in %.0f s: open %s\n", time.Since(began).Seconds(), filepath.Join(c.Out, "report.html"))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Endpoint, "endpoint", "", "a running platform; without it the lab starts one of its own")
	f.StringVar(&c.Out, "out", "lab-report", "directory for the report, the figures and the data")
	f.IntVar(&c.Users, "users", 10, "users of the load test")
	f.Float64Var(&c.SpawnRate, "spawn-rate", 5, "users that come per second")
	f.DurationVar(&c.RunTime, "run-time", time.Minute, "length of the load test")
	f.IntVar(&c.ColdStarts, "cold-starts", 100, "forced cold starts of each kind")
	f.IntVar(&c.Repetitions, "repetitions", 30, "counted runs of each workflow")
	return cmd
}

// ownPlatform serves a platform over a temporary data directory, on a port that the system chooses. Its database is on
// the disk: a figure for a durable hop must pay for its flushes.
func ownPlatform(ctx context.Context) (endpoint string, stop func() error, err error) {
	dir, err := os.MkdirTemp("", "anthill-lab-")
	if err != nil {
		return "", nil, err
	}
	s, err := server.Open(ctx, server.Config{Data: dir, Log: logger(os.Stderr, false)})
	if err != nil {
		os.RemoveAll(dir)
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return s.URL(), func() error {
		cancel()
		ran := <-done
		if err := s.Close(); ran == nil {
			ran = err
		}
		os.RemoveAll(dir)
		return ran
	}, nil
}

// labProgress prints a line per happening. On a terminal live lines replace each other; elsewhere they are left out.
func labProgress(w io.Writer, live bool) func(lab.Progress) {
	return func(p lab.Progress) {
		if p.Live && !live {
			return
		}
		if live {
			fmt.Fprint(w, "\r\x1b[K")
		}
		switch {
		case p.Text == "":
			fmt.Fprintf(w, "\n%d/%d  %s\n", p.Step, p.Of, p.Title)
		case p.Live:
			fmt.Fprint(w, "     "+p.Text)
		default:
			fmt.Fprintln(w, "     "+strings.ReplaceAll(p.Text, "\n", "\n     "))
		}
	}
}

func terminal(f *os.File) bool {
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}
