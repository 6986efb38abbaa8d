package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"anthill/lab"
)

func overheadCommand() *cobra.Command {
	c := lab.OverheadConfig{}
	asJSON := false
	cmd := &cobra.Command{
		Use:   "overhead [EXECUTION-ARN…]",
		Short: "Show what an execution spent on being orchestrated",
		Example: "  anthill overhead arn:aws:states:us-east-1:000000000000:execution:Pheromone-Experiment-Workflow:one\n" +
			"  aws stepfunctions get-execution-history --execution-arn ARN > history.json && anthill overhead --history history.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			c.ARNs, c.Command = args, strings.Join(append([]string{"anthill"}, os.Args[1:]...), " ")
			r, err := lab.Overhead(cmd.Context(), c)
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(r)
			}
			if err := r.WriteText(cmd.OutOrStdout()); err != nil {
				return err
			}
			if c.Out != "" {
				fmt.Fprintln(cmd.OutOrStdout(), "wrote", filepath.Join(c.Out, "report.html"))
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Endpoint, "endpoint", os.Getenv("AWS_ENDPOINT_URL"), "the platform that has the executions (default $AWS_ENDPOINT_URL, then http://localhost:4566)")
	f.StringArrayVar(&c.Files, "history", nil, "file with a history as the AWS CLI exports it, or with Anthill's trace; may be given again")
	f.StringVar(&c.Out, "out", "", "directory for report.html, overhead.json and the figures")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func compareCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "compare A B",
		Short: "Compare two sets of executions (files or directories of histories), and say which differences are real",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			cs, err := lab.Compare(args[0], args[1])
			if err != nil {
				return err
			}
			return lab.ComparisonTable(args[0], args[1], cs).WriteText(cmd.OutOrStdout())
		},
	}
}
