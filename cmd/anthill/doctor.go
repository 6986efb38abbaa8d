package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"anthill/sandbox/process"
	"anthill/server"
)

// doctorCommand says what isolation this machine gives to functions and what is missing, or examines a data directory.
func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor [DATA_DIR]",
		Short: "Say what this machine gives to functions: isolation, limits, interpreters; or what is readable and what is lost in a data directory",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return examine(cmd.OutOrStdout(), args[0])
			}
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

// examine prints what a data directory holds. What is lost makes it fail.
func examine(w io.Writer, data string) error {
	d, err := server.Examine(data)
	if err != nil {
		return err
	}
	fmt.Fprint(w, d)
	if d.Lost() {
		return fmt.Errorf("%s is damaged: what stands behind LOST above cannot be read, the rest can. Keep a copy of the directory; then restore a backup (anthill restore BACKUP --data NEW), bring a missing file back, or start over what is left", data)
	}
	return nil
}

// prepareCommand installs what functions would otherwise wait for once.
func prepareCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "prepare [runtime…]",
		Short: "Install what runtimes need: a version of Node.js that this machine lacks (nodejs22.x), the libraries of a Python runtime (boto3); needs a package registry once",
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
