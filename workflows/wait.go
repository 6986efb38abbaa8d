package workflows

import (
	"context"

	"anthill/fault"
)

// Wait waits for the end of an execution, or of ctx, and gives the execution as it then stands: still Running when ctx
// ended first, which is no fault.
func (s *Service) Wait(ctx context.Context, executionARN string) (*Execution, error) {
	const op = "workflows.Wait"
	if done := s.openUntil(executionARN); done != nil {
		select {
		case <-done:
		case <-ctx.Done():
		case <-s.ctx.Done():
			return nil, &fault.Error{Kind: fault.Canceled, Op: op, Noun: "execution", Name: executionARN, Detail: "the platform is stopping"}
		}
	}
	e, err := s.Get(executionARN)
	return e, fault.In(op, err)
}
