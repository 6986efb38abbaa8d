package workflows

import (
	"context"
	"time"

	"anthill/fault"
)

// lookAgain is how often Wait looks at an execution that rests on the disk.
const lookAgain = 20 * time.Millisecond

// Wait waits for the end of an execution, or of ctx, and gives the execution as it then stands: still Running when ctx
// ended first, which is no fault.
func (s *Service) Wait(ctx context.Context, executionARN string) (*Execution, error) {
	const op = "workflows.Wait"
	for first := true; ; first = false {
		s.mu.RLock()
		r := s.mu.runs[executionARN]
		s.mu.RUnlock()
		var done <-chan struct{}
		if r != nil {
			done = r.done
		}
		if r == nil || !first || ctx.Err() != nil { // of one that is driven the store has nothing to say yet
			e, err := s.Get(executionARN)
			if err != nil || e.Status != Running || ctx.Err() != nil {
				return e, fault.In(op, err)
			}
		}
		t := time.NewTimer(time.Second)
		if done == nil {
			t.Reset(lookAgain)
		}
		select {
		case <-done:
			if e := r.e; e.Type == Standard { // it does not change any more
				t.Stop()
				return &e, nil
			}
		case <-t.C:
		case <-ctx.Done():
		case <-s.ctx.Done():
			t.Stop()
			return nil, &fault.Error{Kind: fault.Canceled, Op: op, Noun: "execution", Name: executionARN, Detail: "the platform is stopping"}
		}
		t.Stop()
	}
}
