package workflows

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"anthill/asl/interp"
	"anthill/fault"
)

// recover takes up every execution that was open when the platform went down; those that only wait rest until their time
// comes. An execution that cannot be read is named in the log and left as it is; the others go on.
func (s *Service) recover() error {
	var open []string
	for d, err := range s.open.Scan("") {
		if err != nil {
			return err
		}
		if !d.Doc.Rests {
			open = append(open, d.Key)
			continue
		}
		p := &resting{arn: d.Key, slot: -1}
		if d.Doc.Until != 0 {
			p.at = d.Doc.Until - int64(restLead)
		}
		s.restLocked(p) // nobody else is here yet
		for _, t := range d.Doc.Waiting {
			if a := s.mu.activities[t.Activity]; a != nil {
				a.offer(waiting{p.arn, t.Task})
			}
		}
	}
	runs := make([]*run, len(open))
	var next atomic.Int64
	var readers sync.WaitGroup
	for range 2 * runtime.GOMAXPROCS(0) {
		readers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(open); i = int(next.Add(1)) - 1 {
				var err error
				if runs[i], err = s.reopen(open[i]); err != nil {
					runs[i] = nil
					s.log.Error("an execution cannot be taken up", "execution", open[i], "error", err)
				}
			}
		})
	}
	readers.Wait()
	runs = slices.DeleteFunc(runs, func(r *run) bool { return r == nil })
	for _, r := range runs {
		s.mu.runs[r.arn] = r
	}
	// Only now that each can be found does any go on: they may call one another.
	for _, r := range runs {
		s.spawn(func() work { return r.resume() })
	}
	return nil
}

// reopen makes the run of an execution from its stream. It is busy until resume.
func (s *Service) reopen(executionARN string) (*run, error) {
	r := s.blank(executionARN, nil)
	r.mu.busy = true
	return r, r.load()
}

// load reads the execution from its stream.
func (r *run) load() error {
	s := r.s
	e, ok, err := s.executions.Get(r.arn)
	if err != nil {
		return err
	}
	if !ok {
		return &fault.Error{Kind: fault.Internal, Op: "workflows.load", Noun: "execution", Name: r.arn, Detail: "its document is missing"}
	}
	rev, err := s.revision(e.RevisionKey)
	if err != nil {
		return err
	}
	m, err := s.machineOf(&e, rev)
	if err != nil {
		return err
	}
	r.fill(e, m, rev.Logging)
	for rec, err := range s.c.History.Read(e.stream(), 1) {
		if err != nil {
			return err
		}
		ev, ok, err := eventOf(rec.Data)
		if err != nil {
			return err
		}
		if ok {
			r.x.Apply(&ev)
		}
	}
	return nil
}

// revision reads a revision once.
func (s *Service) revision(key string) (*Revision, error) {
	s.mu.RLock()
	rev := s.mu.revisions[key]
	s.mu.RUnlock()
	if rev != nil {
		return rev, nil
	}
	doc, ok, err := s.revisionDocs.Get(key)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, &fault.Error{Kind: fault.Internal, Op: "workflows.revision", Noun: "state machine revision", Name: key, Detail: "it is missing"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.revisions[key] = &doc
	return &doc, nil
}

// resume goes on with an execution that was read: what was pending is asked after, not begun again.
func (r *run) resume() work {
	now := time.Now()
	if events := r.x.Decide(interp.Resume{}, now); len(events) > 0 {
		if err := r.commit(r.encode(&eventRoom{}, nil, events, &message{}), &events[len(events)-1]); err != nil {
			return r.drain()
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
