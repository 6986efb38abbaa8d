package functions_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"anthill/blobs"
	"anthill/functions"
	"anthill/history"
	"anthill/internal/disk"
	"anthill/sandbox"
	"anthill/sandbox/sandboxtest"
	"anthill/store"
)

const (
	account = "000000000000"
	region  = "us-east-1"
	role    = "arn:aws:iam::000000000000:role/LabRole"
)

// house is a service over real lower rooms on a memory disk; Go functions are its environments.
type house struct {
	*functions.Service
	t      testing.TB
	c      functions.Config
	fs     *disk.Memory
	db     *disk.DB
	driver *sandboxtest.Driver
	pool   *sandbox.Pool
	dir    string

	handlers map[string]sandboxtest.Func
	backing  sandbox.Driver // instead of driver, when set
}

// newHouse opens one. handlers are found by Settings.Handler.
func newHouse(t testing.TB, c functions.Config, handlers map[string]sandboxtest.Func) *house {
	t.Helper()
	h := &house{t: t, c: c, fs: newDisk(), dir: t.TempDir(), handlers: handlers, driver: sandboxtest.New(handlers)}
	h.open()
	t.Cleanup(h.close)
	return h
}

func (h *house) open() {
	h.t.Helper()
	var err error
	check := func() {
		h.t.Helper()
		if err != nil {
			h.t.Fatal(err)
		}
	}
	h.db, err = disk.Open("db", disk.Options{FS: h.fs})
	check()
	h.c.Blobs, err = blobs.Open("blobs", h.fs, h.db)
	check()
	var d sandbox.Driver = h.driver
	if h.backing != nil {
		d = h.backing
	}
	h.pool, err = sandbox.Open(context.Background(), sandbox.Config{Driver: d})
	check()
	h.c.Store, h.c.History, h.c.Pool, h.c.Dir = store.Open(h.db), history.Open(h.db), h.pool, filepath.Join(h.dir, "code")
	h.c.Architecture = "x86_64"
	if h.c.Log == nil {
		h.c.Log = slog.New(slog.NewTextHandler(h.t.Output(), nil))
	}
	h.Service, err = functions.Open(context.Background(), h.c)
	check()
}

func (h *house) close() {
	h.t.Helper()
	for _, c := range []io.Closer{h.Service, h.pool, h.db} {
		if err := c.Close(); err != nil {
			h.t.Error(err)
		}
	}
}

func newDisk() *disk.Memory { return disk.NewCrashable() }

// zipOf makes a zip file of names and texts.
func zipOf(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, files[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func ref(name, qualifier string) functions.Ref {
	return functions.Ref{Account: account, Region: region, Name: name, Qualifier: qualifier}
}

// function makes one that runs handler and waits until it is active.
func (h *house) function(name, handler string) {
	h.t.Helper()
	_, err := h.Create(h.t.Context(), functions.Creation{Ref: ref(name, ""), Settings: functions.Settings{Runtime: "python3.12", Handler: handler, Role: role},
		Code: functions.CodeSource{Zip: zipOf(h.t, "app.py", name)}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.settle()
}

// settle waits until changes are over.
func (h *house) settle() { time.Sleep(time.Second) }

// wantInvoke runs a function and compares what it gives.
func (h *house) wantInvoke(r functions.Ref, payload, want string) {
	h.t.Helper()
	out, err := h.Invoke(h.t.Context(), functions.Invocation{Ref: r, Payload: []byte(payload)})
	if err != nil {
		h.t.Fatal(err)
	}
	if got := string(out.Payload); got != want {
		h.t.Errorf("%s gave %s, want %s", r.ARN(), got, want)
	}
}

// asJSON prints v for comparison.
func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// echo gives back what it got.
func echo(_ context.Context, event []byte) ([]byte, error) { return event, nil }
