package registry_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"anthill/blobs"
	"anthill/internal/disk"
	"anthill/registry"
	"anthill/store"
)

// BenchmarkPush pushes an image of 200 MB in four layers, as Docker does: each layer an upload of its own, at once. Its
// floor is a copy of the same bytes, flushed.
func BenchmarkPush(b *testing.B) {
	const layers, size = 4, 50 << 20
	dir := b.TempDir()
	db, err := disk.Open(filepath.Join(dir, "db"), disk.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	bl, err := blobs.Open(filepath.Join(dir, "blobs"), nil, db)
	if err != nil {
		b.Fatal(err)
	}
	s, err := registry.Open(context.Background(), registry.Config{Store: store.Open(db), Blobs: bl})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Create(registry.Repository{Ref: named("bench")}); err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(registry.NewHandler(registry.HandlerConfig{Service: s}))
	defer server.Close()
	random := rand.NewChaCha8([32]byte{})
	var pushed, copied time.Duration
	b.SetBytes(layers * size)
	for b.Loop() {
		b.StopTimer()
		var parts [][]byte
		for range layers {
			part := make([]byte, size)
			_, _ = random.Read(part) // never fails
			parts = append(parts, part)
		}
		begun := time.Now()
		for i, part := range parts {
			copyFlushed(b, filepath.Join(dir, fmt.Sprint("copy", i)), part)
		}
		copied += time.Since(begun)
		b.StartTimer()
		begun = time.Now()
		var wg sync.WaitGroup
		for _, part := range parts {
			wg.Go(func() { pushLayer(b, server.URL, part) })
		}
		wg.Wait()
		pushed += time.Since(begun)
	}
	b.ReportMetric(pushed.Seconds()*1e3/float64(b.N), "push-ms")
	b.ReportMetric(copied.Seconds()*1e3/float64(b.N), "copy-ms")
	b.ReportMetric(float64(pushed)/float64(copied), "ratio")
}

func copyFlushed(b *testing.B, path string, part []byte) {
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer os.Remove(path)
	defer f.Close()
	if _, err := io.Copy(struct{ io.Writer }{f}, bytes.NewReader(part)); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
}

func pushLayer(b *testing.B, url string, part []byte) {
	sum := sha256.Sum256(part)
	res, err := http.Post(url+"/v2/bench/blobs/uploads/", "", nil)
	if err != nil {
		b.Error(err)
		return
	}
	res.Body.Close()
	at := url + res.Header.Get("Location")
	for _, step := range []struct {
		method, url string
		body        io.Reader
		want        int
	}{{"PATCH", at, bytes.NewReader(part), 202}, {"PUT", at + "?digest=sha256:" + hex.EncodeToString(sum[:]), nil, 201}} {
		req, err := http.NewRequest(step.method, step.url, step.body)
		if err != nil {
			b.Error(err)
			return
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			b.Error(err)
			return
		}
		res.Body.Close()
		if res.StatusCode != step.want {
			b.Errorf("%s: %s", step.method, res.Status)
		}
	}
}
