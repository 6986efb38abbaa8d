package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"anthill/lab"
	"anthill/server"
)

func experimentCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "experiment", Short: "Vary what a cold start may depend on and say which differences are real"}
	cmd.AddCommand(experimentColdCommand())
	return cmd
}

func experimentColdCommand() *cobra.Command {
	c := lab.ColdConfig{Version: server.Version}
	data := ""
	cmd := &cobra.Command{
		Use:   "cold FUNCTION",
		Short: "Measure a function's cold starts by package size, memory, runtime, init policy and burst",
		Long: "Measures copies of a function, which it deletes at the end; the function itself is not touched. Each factor is varied by itself, or with --design full every " +
			"combination is measured; every one as often as the others, in an order that chance decides. Ctrl-C ends it with a report on what was measured.",
		Example: "  anthill experiment cold iris --data '{\"body\": \"{}\"}' --repetitions 30\n" +
			"  anthill experiment cold hello --packages 10,40 --memory 128,1769 --runtimes python3.11,python3.13 --policies plain,provisioned,snapstart,keep-warm --bursts 5,20",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.Function, c.Command = args[0], strings.Join(append([]string{"anthill"}, os.Args[1:]...), " ")
			c.Endpoint = cmp.Or(c.Endpoint, os.Getenv("AWS_ENDPOINT_URL"))
			var err error
			if c.Payload, err = bodyOf(data); err != nil {
				return err
			}
			live := terminal(os.Stderr)
			last := ""
			c.Progress = func(text string) {
				step, _, _ := strings.Cut(text, ":")
				which, _, _ := strings.Cut(step, ",") // without the time to go
				switch {
				case live:
					fmt.Fprint(os.Stderr, "\r\x1b[K"+text)
				case which != last && (strings.HasPrefix(step, "preparing 1 of") || strings.Contains(step, "0 of")):
					last = which
					fmt.Fprintln(os.Stderr, step)
				}
			}
			r, err := lab.ColdStarts(cmd.Context(), c)
			if live {
				fmt.Fprint(os.Stderr, "\r\x1b[K")
			}
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if err := r.LevelsTable().WriteText(out); err != nil {
				return err
			}
			if err := r.PairsTable().WriteText(out); err != nil {
				return err
			}
			for _, s := range r.Skipped {
				fmt.Fprintln(out, "not measured:", s)
			}
			fmt.Fprintln(out, "wrote", filepath.Join(c.Out, "report.html"))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Endpoint, "endpoint", "", "the platform (default $AWS_ENDPOINT_URL, then http://localhost:4566)")
	f.StringVar(&data, "data", "{}", "payload; @FILE reads it from a file")
	f.IntSliceVar(&c.PackagesMB, "packages", []int{10, 40}, "package sizes in MB, padded with bytes that cannot be compressed")
	f.IntSliceVar(&c.MemoriesMB, "memory", []int{128, 1769}, "memory sizes in MB")
	f.StringSliceVar(&c.Runtimes, "runtimes", nil, "other runtimes of the function's language")
	f.StringSliceVar(&c.Policies, "policies", lab.Policies(), "init policies beside the ordinary cold start")
	f.IntSliceVar(&c.Bursts, "bursts", []int{5}, "requests at once")
	f.IntVar(&c.Repetitions, "repetitions", 30, "measurements of every level")
	f.StringVar(&c.Design, "design", lab.OneAtATime, "one-at-a-time or full (every combination of the levels)")
	f.Uint64Var(&c.Seed, "seed", 1, "of the order")
	f.StringVar(&c.Out, "out", "experiment", "directory for report.html, experiment.json, experiment.csv and the figures")
	return cmd
}
