package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"anthill/sandbox/process"
)

// doctorCommand says what isolation this machine gives to functions and what is missing.
func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine gives to functions: isolation, limits, interpreters; and what is missing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			findings, err := process.Doctor(cmd.Context(), process.Config{})
			if err != nil {
				return err
			}
			for _, f := range findings {
				mark := "yes"
				if !f.OK {
					mark = "no "
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s  %-26s %s\n", mark, f.Name, f.Detail)
			}
			return nil
		},
	}
}

// prepareCommand installs what functions would otherwise wait for once.
func prepareCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "prepare [runtime…]",
		Short: "Install the libraries of Python runtimes now (boto3), so that no function waits for them; needs a package index once",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"python3.12"}
			}
			return process.PrepareRuntimes(cmd.Context(), process.Config{}, args, func(line string) {
				fmt.Fprintln(cmd.OutOrStdout(), line)
			})
		},
	}
}
