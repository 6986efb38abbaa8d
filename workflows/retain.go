package workflows

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"anthill/fault"
	"anthill/history"
	"anthill/store"
)

// Retain forgets executions that ended before an instant, with their histories and map runs, and gives how many. AWS
// keeps them for 90 days (Step Functions quotas, "Execution history retention time").
func (s *Service) Retain(ctx context.Context, before time.Time) (n int, err error) {
	const op = "workflows.Retain"
	for d, err := range s.order.Scan("") {
		if err != nil || ctx.Err() != nil {
			return n, fault.In(op, err)
		}
		started, executionARN, ok := cutOrderKey(d.Key)
		if !ok || !started.Before(before) {
			continue
		}
		e, ok, err := s.executions.Get(executionARN)
		if err != nil {
			return n, fault.In(op, err)
		}
		if ok && (e.Status == Running || !e.Stopped.Before(before)) {
			continue
		}
		if err := s.forget(executionARN, d.Key); err != nil {
			return n, fault.In(op, err)
		}
		n++
	}
	express, err := s.retainExpress(ctx, before)
	return n + express, fault.In(op, err)
}

// cutOrderKey gives the start and the ARN of the execution that an entry of order names.
func cutOrderKey(key string) (started time.Time, executionARN string, ok bool) {
	_, rest, _ := strings.Cut(key, "\x01")
	hexed, executionARN, ok := strings.Cut(rest, "/")
	b, err := hex.DecodeString(hexed)
	if !ok || err != nil || len(b) != 8 {
		return time.Time{}, "", false
	}
	return time.Unix(0, int64(^binary.BigEndian.Uint64(b))), executionARN, true
}

// forget removes an execution that has ended. Its document goes last: what a crash leaves is forgotten the next time.
func (s *Service) forget(executionARN, orderKey string) error {
	writes := []store.Write{s.executions.Remove(executionARN), s.order.Remove(orderKey)}
	e := Execution{ARN: executionARN}
	streams := []history.Stream{e.stream()}
	for d, err := range s.mapRunsOf.Scan(executionARN + "\x01") {
		if err != nil {
			return err
		}
		mapRunARN := d.Key[strings.LastIndexByte(d.Key, 1)+1:]
		streams = append(streams, mapRunStream(mapRunARN))
		writes = append(writes, s.mapRunsOf.Remove(d.Key), s.mapRunDocs.Remove(mapRunARN))
	}
	if err := s.c.History.Delete(streams...); err != nil {
		return err
	}
	return s.c.Store.Commit(writes...)
}

// retainExpress forgets the histories of Express executions, which have no documents.
func (s *Service) retainExpress(ctx context.Context, before time.Time) (n int, err error) {
	for stream := range s.c.History.Streams("execution/") {
		if ctx.Err() != nil {
			return n, nil
		}
		if !strings.Contains(string(stream), ":express:") || !s.olderThan(stream, before) {
			continue
		}
		if err := s.c.History.Delete(stream); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// olderThan reports whether the last event of a stream is. Express histories are written when the execution has ended.
func (s *Service) olderThan(stream history.Stream, before time.Time) bool {
	for rec, err := range s.c.History.ReadBack(stream) {
		if err != nil {
			return false
		}
		if e, ok, err := eventOf(rec.Data); ok && err == nil {
			return e.Time.Before(before)
		}
	}
	return false
}
