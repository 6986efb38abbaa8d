package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"

	"anthill/latency"
	"anthill/server"
)

func upCommand() *cobra.Command {
	var c server.Config
	var verbose bool
	var durability, cpu, restore, engine string
	var profile string
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Serve every AWS API on one port until interrupted",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch durability {
			case "strict":
			case "relaxed":
				c.Relaxed = server.RelaxedFlush
			default:
				return fmt.Errorf("--durability takes strict or relaxed, not %q", durability)
			}
			if c.LambdaCPU = cpu == "lambda"; !c.LambdaCPU && cpu != "all" {
				return fmt.Errorf("--cpu takes all or lambda, not %q", cpu)
			}
			if c.RestoreAll = restore == "auto"; !c.RestoreAll && restore != "snapstart" {
				return fmt.Errorf("--restore takes snapstart or auto, not %q", restore)
			}
			switch engine {
			case "anthill":
			case "crun":
				path, err := exec.LookPath(engine)
				if err != nil {
					return fmt.Errorf("--image-engine crun: %w (Debian's package crun has it)", err)
				}
				c.ImageEngine = path
			default:
				return fmt.Errorf("--image-engine takes anthill or crun, not %q", engine)
			}
			if profile != "" {
				p, err := latency.ReadProfile(profile)
				if err != nil {
					return err
				}
				c.Profile = p
			}
			var err error
			if c.Traces, err = tracesTo(os.Getenv); err != nil {
				return err
			}
			c.Log = logger(os.Stderr, verbose)
			s, err := server.Open(cmd.Context(), c)
			if err != nil {
				return err
			}
			ready(cmd.OutOrStdout(), s, c)
			if err := s.Run(cmd.Context()); err != nil {
				s.Close()
				return err
			}
			return s.Close()
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Host, "host", "127.0.0.1", "address to listen on")
	f.IntVar(&c.Port, "port", 4566, "port to listen on; 0 lets the system choose")
	f.StringVar(&c.Data, "data", "", "data directory (default ~/.local/share/anthill)")
	f.BoolVar(&c.Ephemeral, "ephemeral", false, "keep nothing: memory and a temporary directory")
	f.StringVar(&durability, "durability", "strict", "strict: acknowledged means flushed; relaxed: flushed within 10 ms")
	f.BoolVar(&c.VerifySignatures, "verify-signatures", false, "check SigV4 signatures against known access keys")
	f.BoolVar(&c.StrictRuntimes, "strict-runtimes", false, "refuse functions whose exact runtime version is not on this machine")
	f.StringVar(&cpu, "cpu", "all", "processors of functions: all of the machine's, or lambda: AWS's share for their memory (by function: tag anthill:cpu)")
	f.StringVar(&c.MockConfig, "mock-config", os.Getenv("SFN_MOCK_CONFIG"), "MockConfigFile.json with the answers of services for executions started with stateMachineArn#TestCase (default $SFN_MOCK_CONFIG)")
	f.StringToStringVar(&c.Services, "service", nil, "endpoint of a service that workflows call elsewhere, NAME=URL: sqs=http://localhost:9324 (may be given again)")
	f.DurationVar(&c.KeepAlive, "keep-alive", 0, "how long an idle execution environment is kept (default 10m)")
	f.DurationVar(&c.FreezeAfter, "freeze-after", 0, "how long one is idle before what its function left running stops until the next invocation; negative: never (default 100ms)")
	f.StringVar(&restore, "restore", "snapstart", "snapstart: only versions that ask for it are restored from a snapshot; auto: every function that can be, $LATEST too")
	f.StringVar(&engine, "image-engine", "anthill", "who starts container images: anthill, as it starts every function, or crun, in a container of its own")
	f.BoolVar(&c.TLS, "tls", false, "serve HTTPS with a certificate of a local CA")
	f.StringVar(&profile, "latency-profile", "", "add a cloud's delays on purpose, for teaching: a file made by anthill profile, or aws-course (the course's run on AWS)")
	f.DurationVar(&c.Retention, "retention", server.DefaultRetention, "how long executions that ended and records of invocations are kept; negative: for ever")
	f.StringVar(&c.Pprof, "pprof", "", "serve profiles of the platform on this loopback address (127.0.0.1:6060)")
	f.BoolVar(&verbose, "verbose", false, "log requests and environments")
	return cmd
}

// tracesTo is where OpenTelemetry's variables say that traces go (OpenTelemetry specification, "OTLP exporter"); "" for nowhere.
func tracesTo(env func(string) string) (string, error) {
	if env("OTEL_SDK_DISABLED") == "true" || env("OTEL_TRACES_EXPORTER") == "none" {
		return "", nil
	}
	to := env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if base := env("OTEL_EXPORTER_OTLP_ENDPOINT"); to == "" && base != "" {
		to = strings.TrimSuffix(base, "/") + "/v1/traces"
	}
	if to == "" {
		return "", nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if p := env(name); p != "" && p != "http/protobuf" {
			return "", fmt.Errorf("traces go out as OTLP over HTTP: %s must be http/protobuf, not %q (a collector listens for it on port 4318)", name, p)
		} else if p != "" {
			break
		}
	}
	return to, nil
}

// ready prints the one ready line and the lines to paste.
func ready(w io.Writer, s *server.Server, c server.Config) {
	fmt.Fprintf(w, "Anthill %s is ready at %s (%s; data in %s)\n", server.Version, s.URL(), s.Ready(), s.Where())
	fmt.Fprintf(w, "\n  export AWS_ENDPOINT_URL=%s AWS_DEFAULT_REGION=us-east-1\n", s.URL())
	if !c.VerifySignatures { // else the notes say which key
		fmt.Fprintln(w, "  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test")
	}
	if ca := s.CA(); ca != "" {
		fmt.Fprintf(w, "  export AWS_CA_BUNDLE=%s\n", ca)
	}
	for _, n := range s.Notes() {
		fmt.Fprintln(w, "\n  "+strings.ReplaceAll(n, "\n", "\n  "))
	}
	fmt.Fprintln(w)
}

func logger(w io.Writer, verbose bool) *slog.Logger {
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(tint.NewHandler(w, &tint.Options{Level: level}))
}
