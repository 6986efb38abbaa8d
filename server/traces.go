package server

import (
	"cmp"
	"context"
	"log/slog"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"anthill/fault"
)

// traces export what was served as OpenTelemetry spans. Who serves only puts a happening into the queue; cut makes spans
// of it and upload brings them away. A nil *traces does nothing.
//
// Invariant: nobody who serves waits for them. What finds no room is dropped and counted.
type traces struct {
	log    *slog.Logger
	client otlptrace.Client
	of     *resource.Resource

	sampler sampler

	queue   chan happening
	batches chan []*trace.Span
	lost    atomic.Int64

	stop chan struct{} // ends cut, which ends upload
	end  context.CancelFunc
	wg   sync.WaitGroup
}

// happening gives the spans of something that is over.
type happening func() []*trace.Span

const (
	queuedHappenings = 8192
	queuedBatches    = 16
	spansInBatch     = 512
	gatherFor        = time.Second
	flushWithin      = 5 * time.Second // what close waits for a receiver
)

// newTraces begins to export to a URL; nil for "".
func newTraces(to string, log *slog.Logger) (*traces, error) {
	if to == "" {
		return nil, nil
	}
	if u, err := url.Parse(to); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fault.Invalidf("server.Open", "address", "traces go to an address such as http://localhost:4318, not %q", to)
	}
	t := &traces{log: log, queue: make(chan happening, queuedHappenings), batches: make(chan []*trace.Span, queuedBatches), stop: make(chan struct{})}
	t.client = otlptracehttp.NewClient(otlptracehttp.WithEndpointURL(to),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: time.Second, MaxInterval: 5 * time.Second, MaxElapsedTime: 30 * time.Second}))
	t.sampler = newSampler(os.Getenv("OTEL_TRACES_SAMPLER"), os.Getenv("OTEL_TRACES_SAMPLER_ARG"), log)
	name := os.Getenv("OTEL_SERVICE_NAME")
	t.of = &resource.Resource{Attributes: []*common.KeyValue{text("service.name", cmp.Or(name, "anthill")), text("service.version", Version)}}
	ctx, end := context.WithCancel(context.Background())
	t.end = end
	if err := t.client.Start(ctx); err != nil {
		end()
		return nil, err
	}
	t.wg.Go(t.cut)
	t.wg.Go(func() { t.upload(ctx) })
	return t, nil
}

// add queues a happening.
func (t *traces) add(h happening) {
	select {
	case t.queue <- h:
	default:
		t.lost.Add(1)
	}
}

// dropped counts what was not exported.
func (t *traces) dropped() float64 {
	if t == nil {
		return 0
	}
	return float64(t.lost.Load())
}

// cut makes spans of happenings and gathers them into batches.
func (t *traces) cut() {
	defer close(t.batches)
	tick := time.NewTicker(gatherFor)
	defer tick.Stop()
	var batch []*trace.Span
	hand := func() {
		if len(batch) == 0 {
			return
		}
		select {
		case t.batches <- batch:
		default:
			t.lost.Add(int64(len(batch)))
		}
		batch = nil
	}
	defer func() { hand() }()
	for {
		select {
		case h := <-t.queue:
			if batch = append(batch, h()...); len(batch) >= spansInBatch {
				hand()
			}
		case <-tick.C:
			hand()
		case <-t.stop:
			for len(t.queue) > 0 {
				batch = append(batch, (<-t.queue)()...)
			}
			return
		}
	}
}

// upload brings batches away.
func (t *traces) upload(ctx context.Context) {
	failing := false
	for spans := range t.batches {
		err := t.client.UploadTraces(ctx, []*trace.ResourceSpans{{Resource: t.of,
			ScopeSpans: []*trace.ScopeSpans{{Scope: &common.InstrumentationScope{Name: "anthill", Version: Version}, Spans: spans}}}})
		if err != nil {
			t.lost.Add(int64(len(spans)))
			if !failing {
				t.log.Warn("traces are not taken; what is served meanwhile is not exported", "err", err)
			}
		}
		failing = err != nil
	}
}

// drain returns when spans were made of all that is queued: they may ask rooms that are about to close.
func (t *traces) drain() error {
	if t == nil {
		return nil
	}
	done := make(chan struct{})
	t.queue <- func() []*trace.Span { close(done); return nil } // cut never waits
	<-done
	return nil
}

// close brings away what is left, as far as it is taken in time. Nothing is added any more.
func (t *traces) close() {
	if t == nil {
		return
	}
	defer time.AfterFunc(flushWithin, t.end).Stop()
	close(t.stop)
	t.wg.Wait()
	t.end()
	if err := t.client.Stop(context.Background()); err != nil {
		t.log.Warn("the exporter of traces did not stop", "err", err)
	}
}
