package loadtest

import (
	"io"
	"path/filepath"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"anthill/fault"
)

// WriteHDR writes dir/prefix.hlog, an HdrHistogram log with two histograms in microseconds over the whole test, of three
// significant digits: "response" counts from sending, "intended" from the time at which the request should have been sent, so
// that a generator or a server that fell behind cannot hide it.
func WriteHDR(dir, prefix string, r *Result) error {
	const op = "loadtest.WriteHDR"
	histogram := func(tag string, value func(Request) time.Duration) *hdrhistogram.Histogram {
		h := hdrhistogram.New(1, longest, 3)
		h.SetTag(tag)
		h.SetStartTimeMs(r.Started.UnixMilli())
		h.SetEndTimeMs(r.Started.Add(r.Took).UnixMilli())
		for _, q := range r.Requests {
			_ = h.RecordValue(inRange(value(q))) // in range by construction
		}
		return h
	}
	err := writeFile(filepath.Join(dir, prefix+".hlog"), func(w io.Writer) error {
		lw := hdrhistogram.NewHistogramLogWriter(w)
		for _, step := range []func() error{
			func() error { return lw.OutputLogFormatVersion() },
			func() error { return lw.OutputComment("[Anthill; values in microseconds]") },
			func() error { return lw.OutputStartTime(r.Started.UnixMilli()) },
			func() error { return lw.OutputLegend() },
			func() error {
				return lw.OutputIntervalHistogram(histogram("response", func(q Request) time.Duration { return q.Latency }))
			},
			func() error {
				return lw.OutputIntervalHistogram(histogram("intended", func(q Request) time.Duration { return q.At.Sub(q.Intended) }))
			},
		} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	return fault.In(op, err)
}
