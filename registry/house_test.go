package registry_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"anthill/blobs"
	"anthill/internal/disk"
	"anthill/registry"
	"anthill/store"
)

var here = registry.Ref{Account: "000000000000", Region: "us-east-1"}

func named(name string) registry.Ref { r := here; r.Name = name; return r }

// house is a registry over a memory disk that can crash, with its handler on a loopback port.
type house struct {
	*registry.Service
	t    testing.TB
	fs   *disk.Memory
	db   *disk.DB
	http *httptest.Server
	host string // "127.0.0.1:PORT"

	later atomic.Int64 // how far its clock is ahead
}

func open(t testing.TB, fs *disk.Memory) *house {
	t.Helper()
	db, err := disk.Open("db", disk.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	b, err := blobs.Open("blobs", fs, db)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, fs: fs, db: db}
	now := func() time.Time { return time.Now().Add(time.Duration(h.later.Load())) }
	if h.Service, err = registry.Open(context.Background(), registry.Config{Store: store.Open(db), Blobs: b, Now: now}); err != nil {
		t.Fatal(err)
	}
	h.http = httptest.NewServer(registry.NewHandler(registry.HandlerConfig{Service: h.Service}))
	h.host = strings.TrimPrefix(h.http.URL, "http://")
	return h
}

func (h *house) close() {
	h.t.Helper()
	h.http.Close()
	if err := h.Close(); err != nil {
		h.t.Error(err)
	}
	if err := h.db.Close(); err != nil {
		h.t.Error(err)
	}
}

// newHouse is one that closes itself, with a repository.
func newHouse(t testing.TB, repository string) *house {
	h := open(t, disk.NewMemory())
	t.Cleanup(h.close)
	h.repository(repository)
	return h
}

func (h *house) repository(name string) {
	h.t.Helper()
	if _, err := h.Create(registry.Repository{Ref: named(name)}); err != nil {
		h.t.Fatal(err)
	}
}

// crash loses what was not flushed, and opens again what is left.
func (h *house) crash() *house {
	h.t.Helper()
	h.http.Close()
	fs := h.fs.Crash(0, 0)
	_ = h.Close()
	_ = h.db.Close()
	return open(h.t, fs)
}
