package main

import (
	"github.com/spf13/cobra"

	"anthill/server"
)

func compatibilityCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "compatibility",
		Short:  "Write docs/compatibility.md: every AWS operation, built or missing",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return server.Compatibility(cmd.Context(), cmd.OutOrStdout())
		},
	}
}
