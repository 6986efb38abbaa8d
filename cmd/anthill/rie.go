package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"anthill/sandbox"
	"anthill/sandbox/process"
	"anthill/uuid"
)

// rieCommand is a drop-in for AWS's runtime interface emulator: it runs a container image's own program and answers
// invocations on one address.
func rieCommand() *cobra.Command {
	address := os.Getenv("ANTHILL_RIE_ADDRESS")
	if address == "" {
		address = "0.0.0.0:8080"
	}
	var ignored string
	cmd := &cobra.Command{
		Use:   "rie [flags] [ENTRYPOINT [ARGUMENT...]]",
		Short: "Run a function's container image and answer invocations on port 8080, as AWS's runtime interface emulator does",
		Long: "For use inside a container, before the image's own entry point:\n\n" +
			"  docker run -p 8080:8080 -v $PWD/bin/anthill:/anthill --entrypoint /anthill IMAGE rie /lambda-entrypoint.sh app.handler\n" +
			"  curl -d '{}' http://localhost:8080/2015-03-31/functions/function/invocations\n\n" +
			"Without ENTRYPOINT the first of /var/task/bootstrap, /opt/bootstrap and /var/runtime/bootstrap runs. AWS_LAMBDA_FUNCTION_NAME,\n" +
			"AWS_LAMBDA_FUNCTION_VERSION, AWS_LAMBDA_FUNCTION_MEMORY_SIZE and AWS_LAMBDA_FUNCTION_TIMEOUT (300 seconds) are taken from the environment.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return emulate(cmd.Context(), address, args, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.SetInterspersed(false) // what follows the entry point is its own
	f.StringVar(&address, "runtime-interface-emulator-address", address, "address to answer invocations on; ANTHILL_RIE_ADDRESS sets it too")
	f.StringVar(&ignored, "log-level", "", "taken for compatibility")
	f.StringVar(&ignored, "runtime-api-address", "", "taken for compatibility: the program is told where its runtime API is")
	return cmd
}

func emulate(ctx context.Context, address string, args []string, out io.Writer) error {
	dir, err := os.MkdirTemp("", "anthill-rie-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	driver, err := process.Open(ctx, process.Config{Dir: dir, Cache: dir, Spares: -1})
	if err != nil {
		return err
	}
	pool, err := sandbox.Open(ctx, sandbox.Config{Driver: driver, Lines: &printer{to: out}, KeepAlive: 365 * 24 * time.Hour})
	if err != nil {
		return errors.Join(err, driver.Close())
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return errors.Join(err, pool.Close())
	}
	e := &emulator{pool: pool, spec: specOfImage(args)}
	mux := http.NewServeMux()
	mux.HandleFunc("/2015-03-31/functions/function/invocations", e.invoke)
	server := &http.Server{Handler: mux}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err = server.Serve(l); errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, pool.Close())
}

// printer prints what the function logs, with START, END and REPORT.
type printer struct {
	mu sync.Mutex
	to io.Writer
}

func (p *printer) Write(lines []sandbox.Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range lines {
		_, _ = io.WriteString(p.to, l.Text) // whoever reads the log may have gone
	}
}

// setting reads a variable of Lambda's, which the emulator lets its user choose.
func setting(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func specOfImage(args []string) sandbox.Spec {
	image := &sandbox.Image{EntryPoint: args, Env: os.Environ()}
	if image.Dir, _ = os.Getwd(); len(args) == 0 { // without one it is /
		image.Dir = "/var/task"
		for _, path := range []string{"/var/task/bootstrap", "/opt/bootstrap", "/var/runtime/bootstrap"} {
			if _, err := os.Stat(path); err == nil {
				image.EntryPoint = []string{path}
				break
			}
		}
	}
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
			return n
		}
		return otherwise
	}
	name, region := setting("AWS_LAMBDA_FUNCTION_NAME", "test_function"), setting("AWS_REGION", setting("AWS_DEFAULT_REGION", "us-east-1"))
	return sandbox.Spec{Key: name, FunctionName: name, Version: setting("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"), Account: "012345678912", Region: region,
		ARN: "arn:aws:lambda:" + region + ":012345678912:function:" + name, Image: image, LogGroup: "/aws/lambda/Functions",
		MemoryMB: number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 3008), TmpMB: 512, Timeout: time.Duration(number("AWS_LAMBDA_FUNCTION_TIMEOUT", 300)) * time.Second}
}

// emulator answers invocations, one after another.
type emulator struct {
	pool *sandbox.Pool
	spec sandbox.Spec
	busy sync.Mutex
}

func (e *emulator) invoke(w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	client, err := base64.StdEncoding.DecodeString(r.Header.Get("X-Amz-Client-Context"))
	if err != nil {
		http.Error(w, "X-Amz-Client-Context is not base64", http.StatusInternalServerError) // as the emulator
		return
	}
	e.busy.Lock()
	defer e.busy.Unlock()
	out, err := e.pool.Invoke(r.Context(), e.spec, sandbox.Invocation{RequestID: uuid.New(), Payload: payload, InvokedARN: e.spec.ARN,
		TraceID: r.Header.Get("X-Amzn-Trace-Id"), ClientContext: string(client)})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	out.Release()
	if out.ErrorType == "Sandbox.Timedout" {
		fmt.Fprintf(w, "Task timed out after %.2f seconds", e.spec.Timeout.Seconds())
		return
	}
	if out.FunctionError != "" {
		w.Header().Set("X-Amz-Function-Error", out.FunctionError)
	}
	_, _ = w.Write(out.Payload) // the client may have gone
}
