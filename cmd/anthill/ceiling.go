package main

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
	"time"

	"github.com/spf13/cobra"

	"anthill/lab"
)

// runCeiling measures the load generator against an echo in a process of its own.
func runCeiling(ctx context.Context, out io.Writer, runTime time.Duration, asked bool) error {
	if !asked {
		runTime = 0 // the ceiling's own
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	echo := exec.CommandContext(ctx, self, "echo-server")
	in, err := echo.StdinPipe() // it ends when this is closed, whatever becomes of us
	if err != nil {
		return err
	}
	said, err := echo.StdoutPipe()
	if err != nil {
		return err
	}
	if err := echo.Start(); err != nil {
		return err
	}
	defer func() {
		in.Close()
		_ = echo.Wait()
	}()
	url, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the echo did not start: %w", err)
	}
	rows, err := lab.Ceiling(ctx, lab.CeilingConfig{URL: strings.TrimSpace(url), RunTime: runTime, Say: func(s string) { fmt.Fprintln(os.Stderr, "measuring: "+s) }})
	if err != nil {
		return err
	}
	return lab.CeilingTable(rows).WriteText(out)
}

// echoServerCommand serves the echo that --ceiling loads: it answers with a few bytes and does nothing else.
func echoServerCommand() *cobra.Command {
	return &cobra.Command{
		Use: "echo-server", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "http://%s/\n", l.Addr())
			s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("{}")) }), ReadHeaderTimeout: 10 * time.Second}
			done := make(chan error, 1)
			go func() { done <- s.Serve(l) }()
			_, _ = io.Copy(io.Discard, cmd.InOrStdin()) // until the parent ends
			s.Close()
			<-done
			return nil
		},
	}
}
