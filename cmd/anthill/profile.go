package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"anthill/lab"
)

func profileCommand() *cobra.Command {
	c := lab.ProfileConfig{}
	out := ""
	cmd := &cobra.Command{
		Use:   "profile",
		Short: "Derive a latency profile for up --latency-profile from what was measured in a cloud",
		Example: "  anthill profile --name aws-mine --source 'my account in us-east-1, May 2026' --locust locust_logs --history chain.json --history parallel.json --out aws.json\n" +
			"  anthill up --latency-profile aws.json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Command = strings.Join(append([]string{"anthill"}, os.Args[1:]...), " ")
			p, err := lab.MakeProfile(c)
			if err != nil {
				return err
			}
			b, err := json.MarshalIndent(p, "", "  ")
			if err != nil {
				return err
			}
			b = append(b, '\n')
			if out == "" {
				_, err = cmd.OutOrStdout().Write(b)
				return err
			}
			if err := os.WriteFile(out, b, 0o644); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "wrote", out)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Name, "name", "", "the profile's name")
	f.StringVar(&c.Source, "source", "", "where it was measured, in half a sentence")
	f.StringVar(&c.Locust, "locust", "", "directory with Locust's files of a run against the cloud")
	f.StringArrayVar(&c.Histories, "history", nil, "file with the history of an execution in the cloud; may be given again")
	f.StringVar(&out, "out", "", "file to write (default: print it)")
	return cmd
}
