package workflows_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"anthill/blobs"
	"anthill/buckets"
	"anthill/functions"
	"anthill/history"
	"anthill/internal/disk"
	"anthill/sandbox"
	"anthill/sandbox/sandboxtest"
	"anthill/store"
	"anthill/workflows"
)

const labRole = "arn:aws:iam::000000000000:role/LabRole"

var home = workflows.Scope{Account: "000000000000", Region: "us-east-1"}

// house is a Service over real lower rooms on a memory disk that can crash; Go functions are its environments.
type house struct {
	*workflows.Service
	t         testing.TB
	fs        *disk.Memory
	slow      time.Duration // how long a flush takes, from the next open on
	db        *disk.DB
	store     *store.Store
	log       *history.Log
	functions *functions.Service
	driver    *sandboxtest.Driver
	pool      *sandbox.Pool
	dir       string
	buckets   *buckets.Service
	mocks     string // a mock configuration

	config      workflows.Config
	restAfter   time.Duration
	tasksAtOnce int
	delays      workflows.Delays
	root        string // in a benchmark: where on the machine's own disk the data is
}

// newBenchHouse is a house on the machine's own disk with the function noop.
func newBenchHouse(b *testing.B, restAfter time.Duration) *house {
	return newBenchHouseOf(b, restAfter, map[string]sandboxtest.Func{"noop": func(context.Context, []byte) ([]byte, error) { return []byte("{}"), nil }})
}

func newBenchHouseOf(b *testing.B, restAfter time.Duration, handlers map[string]sandboxtest.Func) *house {
	h := &house{t: b, dir: b.TempDir(), root: b.TempDir(), driver: sandboxtest.New(handlers), restAfter: restAfter}
	h.open()
	h.create(handlers)
	return h
}

func newHouse(t testing.TB, handlers map[string]sandboxtest.Func) *house {
	t.Helper()
	h := &house{t: t, fs: disk.NewCrashable(), dir: t.TempDir(), driver: sandboxtest.New(handlers)}
	h.open()
	h.create(handlers)
	return h
}

func (h *house) create(handlers map[string]sandboxtest.Func) {
	t := h.t
	for name := range handlers {
		_, err := h.functions.Create(t.Context(), functions.Creation{Ref: functions.Ref{Account: home.Account, Region: home.Region, Name: name},
			Settings: functions.Settings{Runtime: "python3.12", Handler: name, Role: labRole, Timeout: 60}, Code: functions.CodeSource{Zip: zipOf(t, name)}})
		h.check(err)
	}
	time.Sleep(time.Second) // until the functions are active
}

func (h *house) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) open() {
	h.t.Helper()
	var err error
	var fs disk.FS = h.fs
	if h.root != "" {
		fs = disk.Machine()
	}
	faulty := disk.NewFaulty(fs)
	if h.slow > 0 {
		fs = faulty
	}
	h.db, err = disk.Open(filepath.Join(h.root, "db"), disk.Options{FS: fs})
	h.check(err)
	faulty.Inject(disk.Fault{Slow: h.slow, Names: "*.log"})
	b, err := blobs.Open(filepath.Join(h.root, "blobs"), fs, h.db)
	h.check(err)
	h.pool, err = sandbox.Open(context.Background(), sandbox.Config{Driver: h.driver})
	h.check(err)
	h.store, h.log = store.Open(h.db), history.Open(h.db)
	log := slog.New(slog.NewTextHandler(h.t.Output(), nil))
	h.functions, err = functions.Open(context.Background(), functions.Config{Store: h.store, History: h.log, Blobs: b, Pool: h.pool,
		Dir: filepath.Join(h.dir, "code"), Architecture: "x86_64", Log: log})
	h.check(err)
	h.buckets, err = buckets.Open(context.Background(), buckets.Config{Store: h.store, Blobs: b})
	h.check(err)
	h.config = workflows.Config{Store: h.store, History: h.log, Functions: h.functions, Objects: objects{h.buckets},
		Mocks: func() ([]byte, error) { return []byte(h.mocks), nil }, Log: log, RestAfter: h.restAfter, TasksAtOnce: h.tasksAtOnce, Delays: h.delays}
	h.openService()
}

func (h *house) openService() {
	h.t.Helper()
	var err error
	h.Service, err = workflows.Open(context.Background(), h.config)
	h.check(err)
}

// close takes the house down in order.
func (h *house) close() {
	h.t.Helper()
	for _, c := range []io.Closer{h.Service, h.functions, h.pool, h.db} {
		if err := c.Close(); err != nil {
			h.t.Error(err)
		}
	}
}

// kill ends the platform at this moment and starts it again. The disk is as a power cut would leave it; the environments
// live on, unless the machine goes down too.
func (h *house) kill(machine bool) {
	h.t.Helper()
	crashed := h.fs.Crash(0, 0)
	if machine {
		h.driver.Kill()
	}
	h.Service.Close()
	h.pool.Abandon()
	h.functions.Close()
	h.db.Close()
	if machine {
		h.driver.Close()
		h.driver = sandboxtest.New(h.driver.Functions())
	}
	h.fs = crashed
	h.open()
}

func (h *house) machine(name, definition string) *workflows.Machine {
	h.t.Helper()
	m, _, err := h.CreateMachine(home, workflows.MachineInput{Name: name, Definition: definition, RoleARN: labRole})
	h.check(err)
	return m
}

func (h *house) start(m *workflows.Machine, name, input string) *workflows.Execution {
	h.t.Helper()
	e, err := h.Start(h.t.Context(), workflows.StartInput{Target: m.ARN, Name: name, Input: &input})
	h.check(err)
	return e
}

// wantEnd compares how an execution has ended: status and output, or status, error and cause.
func (h *house) wantEnd(executionARN string, want ...string) {
	h.t.Helper()
	r, err := h.Describe(executionARN)
	h.check(err)
	got := []string{string(r.Status)}
	if r.Output.IsAbsent() {
		got = append(got, r.Error)
	} else {
		got = append(got, r.Output.String())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		h.t.Errorf("%s: %q %s, want %q", executionARN, got, r.Cause, want)
	}
}

// types lists the events of an execution by their types.
func (h *house) types(executionARN string) string {
	h.t.Helper()
	events, _, err := h.Events(workflows.History{Execution: executionARN, Limit: 1000})
	h.check(err)
	var out []string
	for i, e := range events {
		if e.ID != int64(i+1) {
			h.t.Errorf("event %d has id %d", i+1, e.ID)
		}
		out = append(out, e.Type.String())
	}
	return strings.Join(out, " ")
}

func zipOf(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("app.py")
	if err == nil {
		_, err = io.WriteString(f, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
