package history_test

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"anthill/history"
	"anthill/internal/disk"
)

// turn is how many appends are timed at a time. Ours and the floors take turns, so that a disk that changes its pace
// changes it for all.
const turn = 256

// BenchmarkAppend appends four events of 150 bytes at a time, each writer to a stream of its own, beside the floors:
// "append" is write+fdatasync at the end of a growing file, "prepared" the same within a file whose bytes exist, and for
// many writers the least group commit there is over each. The ratios are ours ÷ floor: 1 is as fast as the floor.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			l, db := openAt(b)
			defer db.Close()
			e := make([]byte, 150)
			batch := [][]byte{e, e, e, e}
			ours := func(w int) error {
				_, err := l.Append(b.Context(), history.Stream(fmt.Sprint("execution/", w)), history.Flushed, batch)
				return err
			}
			grown, prepared := newFloor(b, writers, false), newFloor(b, writers, true)
			var spent [3]time.Duration
			n := 0
			for b.Loop() {
				for i, f := range []func(int) error{ours, grown, prepared} {
					spent[i] += together(b, writers, f)
				}
				n += turn
			}
			per := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(n) }
			b.ReportMetric(0, "ns/op") // a turn of all three: says nothing
			b.ReportMetric(per(spent[0]), "ns/append")
			b.ReportMetric(per(spent[1]), "ns/floor-append")
			b.ReportMetric(per(spent[2]), "ns/floor-prepared")
			b.ReportMetric(per(spent[0])/per(spent[1]), "x-append")
			b.ReportMetric(per(spent[0])/per(spent[2]), "x-prepared")
		})
	}
}

func newFloor(b *testing.B, writers int, prepared bool) func(int) error {
	p := make([]byte, floorRecord)
	f := rawFile(b, prepared)
	if writers == 1 {
		return func(int) error { return flushed(f, p) }
	}
	g := newGroupCommit(f)
	return func(int) error { return g.append(p) }
}

// together times turn calls of f by that many writers.
func together(b *testing.B, writers int, f func(writer int) error) time.Duration {
	began := time.Now()
	var wg sync.WaitGroup
	for w := range writers {
		each := func() {
			for range turn / writers {
				if err := f(w); err != nil {
					b.Error(err)
					return
				}
			}
		}
		if writers == 1 {
			each()
			continue
		}
		wg.Go(each)
	}
	wg.Wait()
	return time.Since(began)
}

func openAt(b *testing.B) (*history.Log, *disk.DB) {
	dir, err := os.MkdirTemp("", "anthill-bench-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	db, err := disk.Open(dir, disk.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return history.Open(db), db
}
