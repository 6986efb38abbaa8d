package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"anthill/lab"
)

func invocationsCommand() *cobra.Command {
	c := lab.InvocationsConfig{}
	var since time.Duration
	asJSON, asCSV := false, false
	cmd := &cobra.Command{
		Use:   "invocations [FUNCTION]",
		Short: "Show how each invocation was served: cold, restored or warm, and what every part of its way took",
		Example: "  anthill invocations hello\n" +
			"  anthill invocations hello --since 10m --csv > invocations.csv",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				c.Function = args[0]
			}
			if since > 0 {
				c.Since = time.Now().Add(-since)
			}
			if (asJSON || asCSV) && !cmd.Flags().Changed("last") {
				c.Limit = 0
			}
			vs, err := lab.Invocations(cmd.Context(), c)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			switch {
			case asJSON:
				e := json.NewEncoder(out)
				e.SetIndent("", "  ")
				return e.Encode(vs)
			case asCSV:
				return lab.WriteInvocations(out, vs)
			case len(vs) == 0:
				fmt.Fprintln(out, "no invocations")
				return nil
			}
			if err := lab.InvocationsTable(vs).WriteText(out); err != nil {
				return err
			}
			return lab.InvocationsSummary(vs).WriteText(out)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Endpoint, "endpoint", os.Getenv("AWS_ENDPOINT_URL"), "the platform (default $AWS_ENDPOINT_URL, then http://localhost:4566)")
	f.IntVar(&c.Limit, "last", 50, "the newest so many of each function; 0 for all")
	f.DurationVar(&since, "since", 0, "only what was answered within this time, as in 10m")
	f.BoolVar(&asJSON, "json", false, "print JSON, with every instant in nanoseconds since 1970")
	f.BoolVar(&asCSV, "csv", false, "print CSV")
	cmd.MarkFlagsMutuallyExclusive("json", "csv")
	return cmd
}
