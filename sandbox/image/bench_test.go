package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkRoot unpacks an image of 200 MB in four layers of 500 files each, which is what its first invocation waits for.
// Its floor is a copy of the same files, flushed.
func BenchmarkRoot(b *testing.B) {
	const layers, files, size = 4, 500, 100 << 10
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, size)
	for i := range text {
		text[i] = byte("etaoin shrdlu\n"[random.IntN(14)]) // it halves in a layer, as programs do
	}
	var chain []Layer
	for l := range layers {
		var plain, packed bytes.Buffer
		w := tar.NewWriter(&plain)
		for f := range files {
			copy(text, fmt.Sprint(l, f))
			if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("l%d/f%d", l, f), Mode: 0o644, Size: size, Typeflag: tar.TypeReg}); err != nil {
				b.Fatal(err)
			}
			_, _ = w.Write(text) // to memory
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		sum := sha256.Sum256(plain.Bytes())
		z := gzip.NewWriter(&packed)
		_, _ = z.Write(plain.Bytes())
		if err := z.Close(); err != nil {
			b.Fatal(err)
		}
		chain = append(chain, Layer{DiffID: hex.EncodeToString(sum[:]), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil }})
	}
	var made, copied time.Duration
	b.SetBytes(layers * files * size)
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		begun := time.Now()
		for i := range layers * files {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), text, 0o644); err != nil {
				b.Fatal(err)
			}
		}
		d, err := os.Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		if err := unix.Syncfs(int(d.Fd())); err != nil {
			b.Fatal(err)
		}
		d.Close()
		copied += time.Since(begun)
		b.StartTimer()
		begun = time.Now()
		if _, err := Open(b.TempDir()).Make(context.Background(), chain); err != nil {
			b.Fatal(err)
		}
		made += time.Since(begun)
	}
	b.ReportMetric(made.Seconds()*1e3/float64(b.N), "root-ms")
	b.ReportMetric(copied.Seconds()*1e3/float64(b.N), "copy-ms")
	b.ReportMetric(float64(made)/float64(copied), "ratio")
}
