package functions

import (
	"context"
	"time"

	"anthill/fault"
)

// keptInvocations is how many records of invocations a function keeps at most.
const keptInvocations = 100_000

// Retain forgets records of invocations that ended before an instant, and of more than keptInvocations the oldest.
func (s *Service) Retain(ctx context.Context, before time.Time) error {
	const op = "functions.Retain"
	for name := range s.c.History.Streams("function/") {
		if ctx.Err() != nil {
			return nil
		}
		from := uint64(1)
		if last := s.c.History.Last(name); last > keptInvocations {
			from = last - keptInvocations + 1
		}
		for e, err := range s.c.History.Read(name, from) {
			if err != nil {
				return fault.In(op, err)
			}
			if v, err := decodeServed(e.Data); err == nil && v.Phases.Received >= before.UnixNano() {
				break
			}
			from = e.Pos + 1
		}
		if from > 1 {
			if err := s.c.History.Trim(name, from); err != nil {
				return fault.In(op, err)
			}
		}
	}
	return nil
}
