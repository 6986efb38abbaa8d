package logs

import (
	"context"

	"anthill/fault"
)

// Retain frees the disk of events that are older than their groups show. A stream whose events are out of order keeps
// them until all are that old.
func (s *Service) Retain(ctx context.Context) error {
	const op = "logs.Retain"
	type aged struct {
		snapshot
		horizon int64
	}
	var old []aged
	s.mu.Lock()
	for _, g := range s.mu.groups {
		h := s.horizon(&g.Group)
		for _, st := range g.streams {
			if st.First != 0 && st.First < h && (!st.Disordered || st.Last < h) {
				old = append(old, aged{s.snapshotLocked(st), h})
			}
		}
	}
	s.mu.Unlock()
	for _, v := range old {
		if ctx.Err() != nil {
			return nil
		}
		from := uint64(1)
		for e, err := range v.from(1) {
			if err != nil {
				return fault.In(op, err)
			}
			if e.Millis() >= v.horizon || e.Pos > v.durable {
				break
			}
			from = e.Pos + 1
		}
		if err := s.c.History.Trim(v.st.history(), from); err != nil {
			return fault.In(op, err)
		}
	}
	return nil
}
