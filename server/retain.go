package server

import (
	"context"
	"time"
)

// DefaultRetention is how long executions that ended and records of invocations are kept: as long as AWS does.
const DefaultRetention = 90 * 24 * time.Hour

// retainEvery is how often what is too old is looked for, the first time after retainFirst.
const (
	retainEvery = time.Hour
	retainFirst = time.Minute
)

// retain forgets what is older than is kept, until ctx ends.
func (s *Server) retain(ctx context.Context) {
	wait := retainFirst
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = retainEvery
		s.mu.RLock()
		h := s.mu.house
		err := h.retain(ctx, s.c.Retention, time.Now())
		s.mu.RUnlock()
		if err != nil {
			s.c.Log.Warn("what is too old could not be forgotten", "error", err)
		}
	}
}

// retain forgets what ended more than keep before now, and lets go of blobs that nobody refers to.
func (h *house) retain(ctx context.Context, keep time.Duration, now time.Time) error {
	if err := h.logs.Retain(ctx); err != nil {
		return err
	}
	if keep >= 0 {
		if _, err := h.workflows.Retain(ctx, now.Add(-keep)); err != nil {
			return err
		}
		if err := h.functions.Retain(ctx, now.Add(-keep)); err != nil {
			return err
		}
		if err := h.lives.retain(now.Add(-keep)); err != nil {
			return err
		}
	}
	return h.blobs.Sweep(now.Add(-blobRest))
}

// blobRest is how long a blob without references stays: somebody may have put it and be about to refer to it.
const blobRest = time.Hour
