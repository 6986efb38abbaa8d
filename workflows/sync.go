package workflows

import (
	"context"
	"time"

	"anthill/fault"
	"anthill/value"
)

// SyncResult is how an Express execution that was waited for ended.
type SyncResult struct {
	Result
	BilledMS int64 // rounded up to 100 ms
	BilledMB int64 // 64 MB chunks
}

// StartSync begins an execution of an Express machine and waits for its end, at most five minutes (API reference,
// StartSyncExecution).
func (s *Service) StartSync(ctx context.Context, in StartInput) (*SyncResult, error) {
	const op = "workflows.StartSync"
	r, input, err := s.prepare(op, in)
	if err != nil {
		return nil, err
	}
	if r.e.Type != Express {
		return nil, wrongType(op, r.e.MachineARN)
	}
	if err := r.begin(input); err != nil {
		return nil, fault.In(op, err)
	}
	select {
	case <-r.done:
	case <-s.ctx.Done():
		return nil, &fault.Error{Kind: fault.Canceled, Op: op, Noun: "execution", Name: r.e.ARN, Detail: "the platform is stopping"}
	case <-ctx.Done():
		return nil, &fault.Error{Kind: fault.Canceled, Op: op, Noun: "execution", Name: r.e.ARN, Err: ctx.Err()}
	}
	out := &SyncResult{Result: Result{Execution: r.e, Input: input}, BilledMB: 64}
	out.Status, out.Output, out.Error, out.Cause = r.outcome()
	if out.Status != Succeeded {
		out.Output = value.Value{}
	}
	ms := out.Stopped.Sub(out.Started).Round(time.Millisecond).Milliseconds()
	out.BilledMS = max((ms+99)/100*100, 100)
	return out, nil
}

func wrongType(op, name string) error {
	return &fault.Error{Kind: fault.Unsupported, Op: op, Noun: "state machine type", Name: name, Detail: "This operation is not supported by this type of state machine"}
}
