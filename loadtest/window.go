package loadtest

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// window holds the response times and the latenesses of the last ten seconds, within a thousandth of their values.
type window struct {
	took, late *hdrhistogram.WindowedHistogram // of microseconds
}

// longest is the largest value that a histogram of ours holds, in microseconds.
const longest = int64(time.Hour / time.Microsecond)

func newWindow() *window {
	return &window{hdrhistogram.NewWindowed(windowSeconds, 1, longest, 3), hdrhistogram.NewWindowed(windowSeconds, 1, longest, 3)}
}

func (w *window) add(took, late time.Duration) {
	_ = w.took.Current.RecordValue(inRange(took)) // in range by construction
	_ = w.late.Current.RecordValue(inRange(late))
}

func inRange(d time.Duration) int64 { return min(max(d.Microseconds(), 1), longest) }

// rotate begins a new second and forgets the eleventh before it.
func (w *window) rotate() {
	w.took.Rotate()
	w.late.Rotate()
}

func (w *window) figures() (p50, p95, p99, late time.Duration, n int64) {
	h := w.took.Merge()
	at := func(h *hdrhistogram.Histogram, p float64) time.Duration {
		if h.TotalCount() == 0 {
			return 0
		}
		return time.Duration(h.ValueAtQuantile(p)) * time.Microsecond
	}
	return at(h, 50), at(h, 95), at(h, 99), at(w.late.Merge(), 99), h.TotalCount()
}
