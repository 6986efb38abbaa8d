package workflows

import (
	"time"

	"anthill/asl/interp"
	"anthill/fault"
)

// recover takes up every execution that was open when the platform went down. An execution that cannot be read is
// named in the log and left as it is; the others go on.
func (s *Service) recover() error {
	var open []string
	for d, err := range s.open.Scan("") {
		if err != nil {
			return err
		}
		open = append(open, d.Key)
	}
	var runs []*run
	for _, executionARN := range open {
		r, err := s.reopen(executionARN)
		if err != nil {
			s.log.Error("an execution cannot be taken up", "execution", executionARN, "error", err)
			continue
		}
		if r != nil {
			runs = append(runs, r)
			s.mu.runs[executionARN] = r
		}
	}
	// Only now that each can be found does any go on: they may call one another.
	for _, r := range runs {
		s.spawn(func() work { return r.resume() })
	}
	return nil
}

// reopen makes the run of an execution from its stream. It is busy until resume.
func (s *Service) reopen(executionARN string) (*run, error) {
	e, ok, err := s.executions.Get(executionARN)
	if err != nil || !ok {
		return nil, err
	}
	rev, ok, err := s.revisionDocs.Get(e.RevisionKey)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, &fault.Error{Kind: fault.Internal, Op: "workflows.reopen", Noun: "state machine revision", Name: e.RevisionKey, Detail: "it is missing"}
	}
	r, err := s.newRun(e, &rev)
	if err != nil {
		return nil, err
	}
	r.mu.busy = true
	for rec, err := range s.c.History.Read(e.stream(), 1) {
		if err != nil {
			return nil, err
		}
		ev, ok, err := eventOf(rec.Data)
		if err != nil {
			return nil, err
		}
		if ok {
			r.x.Apply(&ev)
		}
	}
	return r, nil
}

// resume goes on with an execution that was read: what was pending is asked after, not begun again.
func (r *run) resume() work {
	now := time.Now()
	if events := r.x.Decide(interp.Resume{}, now); len(events) > 0 {
		if err := r.commit(r.encode(events, message{}), events); err != nil {
			return nil
		}
	}
	r.x.Take()
	for _, e := range r.x.Pending() {
		r.start(e, true)
	}
	if r.x.Done() {
		r.end()
	}
	return r.drain()
}
