package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"anthill/lab"
)

func analyzeCommand() *cobra.Command {
	c := lab.AnalyzeConfig{}
	cmd := &cobra.Command{
		Use:   "analyze DIR",
		Short: "Draw figures and a report from Locust's files",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.Dir, c.Command = args[0], strings.Join(append([]string{"anthill"}, os.Args[1:]...), " ")
			a, err := lab.Analyze(c)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%d requests: %d cold, %d warm\n", a.All.N, a.Cold.N, a.Warm.N)
			if a.Cold.N > 0 || !a.Split.Exact {
				fmt.Fprintln(out, a.Split.Method)
			}
			if t, ok := a.SideBySide(); ok {
				if err := t.WriteText(out); err != nil {
					return err
				}
			}
			for _, p := range a.Problems {
				fmt.Fprintln(out, p)
			}
			fmt.Fprintf(out, "wrote %s\n", filepath.Join(c.Out, "report.html"))
			return nil
		},
	}
	cmd.Flags().StringVar(&c.Out, "out", "analysis", "directory for report.html, summary.json and the figures")
	return cmd
}
