package bench

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

//go:embed peers/restate.mjs
var restateService []byte

const (
	restateServerVersion = "1.7.12"
	restateSDKVersion    = "1.17.2"
)

// restate installs and starts Restate's server and a service of its SDK.
func (r *rig) restate(ctx context.Context) ([]contestant, func(), error) {
	flushed := "its log, by its default configuration (rocksdb-disable-wal-fsync = false)"
	cs := []contestant{
		{Peer: Peer{Name: "Restate, steps of one handler (in its process)", Version: restateServerVersion, Flushed: flushed}},
		{Peer: Peer{Name: "Restate, calls of a service", Version: restateServerVersion, Flushed: flushed}},
	}
	dir := filepath.Join(r.Cache, "restate-"+restateServerVersion)
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		r.Progress("installing Restate " + restateServerVersion + " from npm")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return cs, nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"private":true}`), 0o644); err != nil {
			return cs, nil, err
		}
		if err := install(ctx, dir, "npm", "install", "--no-audit", "--no-fund", "@restatedev/restate-server@"+restateServerVersion, "@restatedev/restate-sdk@"+restateSDKVersion); err != nil {
			return cs, nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "service.mjs"), restateService, 0o644); err != nil {
		return cs, nil, err
	}
	ports, err := freePorts(4)
	if err != nil {
		return cs, nil, err
	}
	binary, err := filepath.Glob(filepath.Join(dir, "node_modules/@restatedev/restate-server-*/bin/restate-server"))
	if err != nil || len(binary) == 0 {
		return cs, nil, fmt.Errorf("npm brought no server for this machine")
	}
	service := exec.CommandContext(ctx, "node", "service.mjs", strconv.Itoa(ports[0]))
	service.Dir = dir
	server := exec.CommandContext(ctx, binary[0], "--no-logo")
	server.Env = append(os.Environ(), "DO_NOT_TRACK=1", "RESTATE_BASE_DIR="+filepath.Join(r.dir, "restate"), fmt.Sprint("RESTATE_INGRESS__BIND_PORT=", ports[1]),
		fmt.Sprint("RESTATE_ADMIN__BIND_PORT=", ports[2]), fmt.Sprint("RESTATE_BIND_PORT=", ports[3]))
	stop, err := startAll(service, server)
	if err != nil {
		return cs, stop, err
	}
	body := fmt.Appendf(nil, `{"uri":"http://127.0.0.1:%d"}`, ports[0])
	err = eventually(ctx, 30*time.Second, func() error {
		_, err := postJSON(ctx, fmt.Sprintf("http://127.0.0.1:%d/deployments", ports[2]), body)
		return err
	})
	for i, handler := range []string{"steps", "calls"} {
		url := fmt.Sprintf("http://127.0.0.1:%d/chain/%s", ports[1], handler)
		cs[i].chain = func(ctx context.Context) (s stamps, err error) {
			b, err := postJSON(ctx, url, nil)
			if err == nil {
				err = json.Unmarshal(b, &s)
			}
			return s, err
		}
	}
	return cs, stop, err
}

func postJSON(ctx context.Context, url string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := (&http.Client{Timeout: 20 * time.Second}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s: %d: %.200s", url, resp.StatusCode, b)
	}
	return b, err
}

// freePorts asks the system for ports that nobody has. Another program could take one before it is used.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// startAll starts processes; stop ends them and waits.
func startAll(cmds ...*exec.Cmd) (stop func(), err error) {
	var started []*exec.Cmd
	stop = func() {
		for _, c := range started {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	}
	for _, c := range cmds {
		if err := c.Start(); err != nil {
			return stop, err
		}
		started = append(started, c)
	}
	return stop, nil
}

// eventually tries f until it succeeds or the time is over.
func eventually(ctx context.Context, within time.Duration, f func() error) error {
	for end := time.Now().Add(within); ; {
		err := f()
		if err == nil || time.Now().After(end) || ctx.Err() != nil {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}
