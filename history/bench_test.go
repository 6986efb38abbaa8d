package history_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"anthill/history"
	"anthill/internal/disk"
)

// BenchmarkFlush is the floor: 600 bytes written to a file and flushed, by one writer.
func BenchmarkFlush(b *testing.B) {
	f, err := os.OpenFile(filepath.Join(b.TempDir(), "raw"), os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	body := make([]byte, 600)
	// Written once, so that the flushes below change no size: so does Pebble with its recycled logs.
	if _, err := f.Write(make([]byte, 64<<20)); err != nil {
		b.Fatal(err)
	}
	f.Sync()
	at := int64(0)
	for b.Loop() {
		if _, err := f.WriteAt(body, at%(64<<20-600)); err != nil {
			b.Fatal(err)
		}
		at += 600
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppend appends four events of 150 bytes at a time, each writer to a stream of its own.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			db, err := disk.Open(b.TempDir(), disk.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			l := history.Open(db)
			e := make([]byte, 150)
			batch := [][]byte{e, e, e, e}
			var n atomic.Int64
			b.SetParallelism((writers + 1) / 2)
			if writers == 1 {
				for b.Loop() {
					if _, err := l.Append(context.Background(), "execution/0", history.Flushed, batch); err != nil {
						b.Fatal(err)
					}
				}
				return
			}
			b.RunParallel(func(p *testing.PB) {
				s := history.Stream(fmt.Sprint("execution/", n.Add(1)))
				for p.Next() {
					if _, err := l.Append(context.Background(), s, history.Flushed, batch); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
