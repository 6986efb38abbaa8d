package server

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"anthill/fault"
)

// A backup taken while executions are started holds everything that was acknowledged before it, and a platform goes on
// from it.
func TestBackupWhileRunning(t *testing.T) {
	p := run(t, Config{})
	machine := p.machine("waits", waits)
	start := func(name string) {
		if status, out := p.sfn("StartExecution", map[string]any{"stateMachineArn": machine, "name": name}); status != http.StatusOK {
			t.Errorf("StartExecution: %d %v", status, out)
		}
	}
	for i := range 20 {
		start(fmt.Sprint("before", i))
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				start(fmt.Sprint("during", i))
			}
		}
	})
	dir := filepath.Join(t.TempDir(), "backup")
	for want, body := range map[int]string{http.StatusBadRequest: `{"directory": "not/absolute"}`, http.StatusOK: `{"directory": "` + dir + `"}`} {
		res, err := http.Post(p.url+"/_anthill/backup", "application/json", bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Fatalf("backup %s: %s", body, res.Status)
		}
	}
	close(stop)
	wg.Wait()
	if err := Backup(p.s.c.Data, filepath.Join(t.TempDir(), "x")); !fault.Is(err, fault.Conflict) {
		t.Errorf("copying the directory of a running platform: %v", err)
	}

	data := filepath.Join(t.TempDir(), "data")
	if err := Restore(dir, data); err != nil {
		t.Fatal(err)
	}
	if err := Restore(dir, data); !fault.Is(err, fault.Conflict) {
		t.Errorf("restoring over data: %v", err)
	}
	again := run(t, Config{Data: data})
	deadline := time.Now().Add(time.Minute)
	for done := 0; done < 20; time.Sleep(20 * time.Millisecond) {
		_, out := again.sfn("ListExecutions", map[string]any{"stateMachineArn": machine, "statusFilter": "SUCCEEDED", "maxResults": 1000})
		done = strings.Count(fmt.Sprint(out), "name:before")
		if time.Now().After(deadline) {
			t.Fatalf("%d of 20 executions ended after the restoration", done)
		}
	}
}

func TestADamagedBackupIsRefused(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	fillDirectory(t, data, false)
	dir := filepath.Join(t.TempDir(), "backup")
	if err := Backup(data, dir); err != nil {
		t.Fatal(err)
	}
	if err := Backup(data, dir); !fault.Is(err, fault.Conflict) {
		t.Errorf("a backup over another: %v", err)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "blobs", "*"))
	if len(names) != 4 {
		t.Fatalf("the backup holds blobs %v", names)
	}
	// The blob is a second name of the platform's own: a damaged copy is another file.
	os.Remove(names[0])
	os.WriteFile(names[0], []byte("something else"), 0o600)
	if err := Restore(dir, filepath.Join(t.TempDir(), "new")); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Of(err).Detail, filepath.Base(names[0])) {
		t.Errorf("restoring a damaged backup: %v", err)
	}
	if err := os.WriteFile(filepath.Join(databaseDir(dir), "FORMAT"), []byte("anthill 99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Restore(dir, filepath.Join(t.TempDir(), "new")); !strings.Contains(fmt.Sprint(err), "newer Anthill") {
		t.Errorf("restoring a newer backup: %v", err)
	}
}
