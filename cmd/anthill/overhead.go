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
		Use:   "overhead [ARN…]",
		Short: "Show what executions, or the newest ones of a state machine, spent on being orchestrated",
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
	c := lab.CompareConfig{}
	cmd := &cobra.Command{
		Use:   "compare A B",
		Short: "Compare two sets of executions, and say which differences are real",
		Long:  "Each of A and B is a file with a history (as the AWS CLI exports it) or a trace, a directory of such files, the ARN of an execution, or the ARN of a state machine: then its newest executions.",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.A, c.B, c.Command = args[0], args[1], strings.Join(append([]string{"anthill"}, os.Args[1:]...), " ")
			cs, err := lab.Compare(cmd.Context(), c)
			if err != nil {
				return err
			}
			if err := lab.ComparisonTable(c.A, c.B, cs).WriteText(cmd.OutOrStdout()); err != nil {
				return err
			}
			if c.Out != "" {
				fmt.Fprintln(cmd.OutOrStdout(), "wrote", filepath.Join(c.Out, "report.html"))
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Endpoint, "endpoint", os.Getenv("AWS_ENDPOINT_URL"), "the platform that has the executions of ARNs (default $AWS_ENDPOINT_URL, then http://localhost:4566)")
	f.StringVar(&c.Out, "out", "", "directory for report.html, comparison.json and the figures")
	return cmd
}
