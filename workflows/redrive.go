package workflows

import (
	"context"
	"fmt"
	"slices"
	"time"

	"anthill/asl/interp"
	"anthill/fault"
)

// What may be redriven (API reference, RedriveExecution).
const (
	redriveWindow   = 14 * 24 * time.Hour  // from the execution's end
	longestOpen     = 365 * 24 * time.Hour // from its start
	redriveEvents   = interp.MaxEvents - 1 // most events it may have
	redriveTokens   = 10                   // client tokens that are remembered
	redriveTokenAge = 15 * time.Minute     // and how long
)

// redriveToken is a client token with the redrive that it asked for.
type redriveToken struct {
	Token string
	At    time.Time
}

// Redrivable is redriveStatus with its reason, in AWS's words.
func (s *Service) Redrivable(e *Execution) (status, reason string) {
	if reason := s.notRedrivable(e); reason != "" {
		return "NOT_REDRIVABLE", reason
	}
	if e.MapRunARN != "" {
		return "REDRIVABLE_BY_MAP_RUN", ""
	}
	return "REDRIVABLE", ""
}

func (s *Service) notRedrivable(e *Execution) string {
	switch {
	case e.Status == Running, e.Status == Succeeded:
		return fmt.Sprintf("Execution is %s and cannot be redriven", e.Status)
	case e.Events > redriveEvents:
		return "Execution history event limit exceeded"
	case time.Since(e.Started) > longestOpen:
		return "Execution has exceeded the max execution time"
	case time.Since(e.Stopped) > redriveWindow:
		return "Execution redrivable period exceeded"
	case e.MapRunARN == "" && !s.hasMachine(e.MachineARN):
		return "State machine is in DELETING status"
	}
	return ""
}

func (s *Service) hasMachine(machineARN string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.machines[machineARN] != nil
}

// Redrive lets a Standard execution that did not succeed go on from the states that failed, with the revision and role
// with which it was started. It returns when that is durable. A token that was used for it in the last 15 minutes, and is
// among the last ten, gives the redrive of then. What may not be redriven is a Conflict about a "redrive".
func (s *Service) Redrive(ctx context.Context, executionARN, token string) (time.Time, error) {
	const op = "workflows.Redrive"
	at, err := s.redrive(ctx, executionARN, token, false)
	return at, fault.In(op, err)
}

// redrive is Redrive; byMapRun says that the map run asks, for its child.
func (s *Service) redrive(ctx context.Context, executionARN, token string, byMapRun bool) (time.Time, error) {
	release, err := s.claim(ctx, executionARN)
	if err != nil {
		return time.Time{}, err
	}
	defer release()
	e, err := s.Get(executionARN)
	if err != nil {
		return time.Time{}, err
	}
	now := time.Now()
	if token != "" {
		for _, t := range e.RedriveTokens {
			if t.Token == token && now.Sub(t.At) < redriveTokenAge {
				return t.At, nil
			}
		}
	}
	reason := s.notRedrivable(e)
	if reason == "" && e.MapRunARN != "" && !byMapRun {
		reason = "Execution is a child of a Map Run and is redriven with the execution of its parent"
	}
	if reason != "" {
		return time.Time{}, &fault.Error{Kind: fault.Conflict, Noun: "redrive", Name: executionARN, Detail: reason}
	}
	if !s.enter() {
		return time.Time{}, &fault.Error{Kind: fault.Canceled, Noun: "execution", Name: executionARN, Detail: "the platform is stopping"}
	}
	defer s.leave()
	r, err := s.reopen(executionARN) // busy: nobody else knows it yet
	if err != nil {
		return time.Time{}, err
	}
	r.e.Status, r.e.Stopped, r.e.Events = Running, time.Time{}, 0
	r.e.Redrives, r.e.Redriven = r.x.RedriveCount()+1, now
	if token != "" {
		r.e.RedriveTokens = append(slices.Clone(r.e.RedriveTokens), redriveToken{token, now})
		r.e.RedriveTokens = r.e.RedriveTokens[max(0, len(r.e.RedriveTokens)-redriveTokens):]
	}
	if err := r.first(message{in: interp.Redrive{}, at: now}); err != nil {
		return time.Time{}, err
	}
	r.drive()
	return now, nil
}
