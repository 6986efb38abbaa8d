package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"anthill/bench"
	"anthill/server"
)

// benchCommand prints every figure of this machine beside its floor.
func benchCommand() *cobra.Command {
	c := bench.Config{Version: server.Version}
	var out string
	cmd := &cobra.Command{
		Use:   "bench [figure…]",
		Short: "Measure Anthill on this machine, every figure beside its floor of the same run",
		Long:  "Measure Anthill on this machine, every figure beside its floor of the same run.\n\nFigures: " + strings.Join(bench.Keys(), ", "),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.Only = args
			c.Command = strings.Join(append([]string{"anthill"}, os.Args[1:]...), " ")
			live := terminal(os.Stderr)
			c.Progress = func(line string) {
				if live {
					fmt.Fprintf(os.Stderr, "\r\x1b[K%s", line)
				} else {
					fmt.Fprintln(os.Stderr, line)
				}
			}
			r, err := bench.Run(cmd.Context(), c)
			if live {
				fmt.Fprint(os.Stderr, "\r\x1b[K")
			}
			if err != nil {
				return err
			}
			if len(r.Figures) > 0 {
				if err := r.Table().WriteText(cmd.OutOrStdout()); err != nil {
					return err
				}
			}
			if c.Peers {
				if err := r.PeerTable().WriteText(cmd.OutOrStdout()); err != nil {
					return err
				}
			}
			if out == "" {
				return nil
			}
			b, err := json.MarshalIndent(r, "", "  ")
			if err != nil {
				return err
			}
			return os.WriteFile(out, append(b, '\n'), 0o644)
		},
	}
	f := cmd.Flags()
	f.IntVar(&c.Rounds, "rounds", 3, "how often each figure is run, in turn with the others")
	f.StringVar(&c.Dir, "dir", "", "where the data and the floors' files go: choose the disk to measure (default: a temporary directory)")
	f.IntVar(&c.Open, "open", 80_000, "executions that are opened, after 20,000, to measure their memory and a restart with all of them")
	f.BoolVar(&c.Peers, "vs", false, "run a chain of three tasks on the peers too (Restate, Temporal), installed on the spot")
	f.StringVar(&c.Profiles, "profiles", "", "directory for a CPU profile of the platform during each figure (go tool pprof reads it)")
	f.StringVar(&out, "json", "", "file for every round's figures as JSON")
	return cmd
}
