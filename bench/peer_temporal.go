package bench

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

//go:embed peers/temporal.go.txt
var temporalWorker []byte

const (
	temporalCLIVersion = "v1.5.1" // later ones cannot be built from the module alone
	temporalSDKVersion = "v1.38.0"
)

// temporal builds and starts Temporal's dev server over a SQLite file, and a worker of its Go SDK.
func (r *rig) temporal(ctx context.Context) ([]contestant, func(), error) {
	cs := []contestant{{Peer: Peer{Name: "Temporal dev server, Go activities", Version: temporalCLIVersion,
		Flushed: "its SQLite file (--db-filename), with the dev server's own pragmas"}}}
	dir := filepath.Join(r.Cache, "temporal-"+temporalCLIVersion)
	server, worker := filepath.Join(dir, "temporal"), filepath.Join(dir, "worker")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return cs, nil, err
	}
	if _, err := os.Stat(server); err != nil {
		r.Progress("building Temporal's dev server " + temporalCLIVersion + " from its Go module: some minutes, once")
		cmd := exec.CommandContext(ctx, "go", "install", "github.com/temporalio/cli/cmd/temporal@"+temporalCLIVersion)
		cmd.Env = append(os.Environ(), "GOBIN="+dir, "CGO_ENABLED=0", "GOFLAGS=-mod=mod")
		if out, err := cmd.CombinedOutput(); err != nil {
			return cs, nil, fmt.Errorf("it cannot be built here: %w: %.200s", err, out)
		}
	}
	if _, err := os.Stat(worker); err != nil {
		r.Progress("building a worker of Temporal's Go SDK")
		source := filepath.Join(dir, "source")
		if err := os.MkdirAll(source, 0o755); err != nil {
			return cs, nil, err
		}
		if err := os.WriteFile(filepath.Join(source, "main.go"), temporalWorker, 0o644); err != nil {
			return cs, nil, err
		}
		if err := os.WriteFile(filepath.Join(source, "go.mod"), []byte("module worker\n\ngo 1.25\n\nrequire go.temporal.io/sdk "+temporalSDKVersion+"\n"), 0o644); err != nil {
			return cs, nil, err
		}
		if err := install(ctx, source, "go", "mod", "tidy"); err != nil {
			return cs, nil, err
		}
		if err := install(ctx, source, "go", "build", "-o", worker, "."); err != nil {
			return cs, nil, err
		}
	}
	return r.startTemporal(ctx, cs, server, worker)
}

func (r *rig) startTemporal(ctx context.Context, cs []contestant, server, worker string) ([]contestant, func(), error) {
	ports, err := freePorts(1)
	if err != nil {
		return cs, nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", ports[0])
	stopServer, err := startAll(exec.CommandContext(ctx, server, "server", "start-dev", "--headless", "--log-level", "error", "--ip", "127.0.0.1",
		"--port", fmt.Sprint(ports[0]), "--db-filename", filepath.Join(r.dir, "temporal.db")))
	if err != nil {
		return cs, stopServer, err
	}
	if err := eventually(ctx, 60*time.Second, func() error {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err
	}); err != nil {
		return cs, stopServer, err
	}
	cmd := exec.CommandContext(ctx, worker, address)
	in, err := cmd.StdinPipe()
	if err != nil {
		return cs, stopServer, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return cs, stopServer, err
	}
	stopWorker, err := startAll(cmd)
	stop := func() { stopWorker(); stopServer() }
	if err != nil {
		return cs, stop, err
	}
	lines := bufio.NewScanner(out)
	next := func() (s stamps, err error) {
		if !lines.Scan() {
			return s, fmt.Errorf("the worker ended")
		}
		return s, json.Unmarshal(lines.Bytes(), &s)
	}
	if _, err := next(); err != nil { // its ready line
		return cs, stop, err
	}
	cs[0].chain = func(context.Context) (stamps, error) {
		if _, err := fmt.Fprintln(in); err != nil {
			return stamps{}, err
		}
		return next()
	}
	return cs, stop, nil
}
