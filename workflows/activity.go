package workflows

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"anthill/asl/failure"
	"anthill/asl/interp"
	"anthill/fault"
)

// Activity is a place where workers of the user's own fetch tasks.
type Activity struct {
	Scope
	Name       string
	ARN        string
	Created    time.Time
	Tags       []Tag
	Encryption *Encryption `json:",omitempty"`
}

// pollFor is how long GetActivityTask waits (API reference).
const pollFor = 60 * time.Second

// activity is an Activity with the tasks that wait for a worker.
type activity struct {
	mu struct {
		sync.Mutex
		doc     Activity
		waiting map[waiting]bool // tasks that no worker has
		order   []waiting        // the same, oldest first, with some that wait no more
		news    chan struct{}    // closed and replaced when a task comes
		deleted bool
	}
}

// waiting names a task of an execution.
type waiting struct {
	Execution string `json:"e"`
	Task      uint64 `json:"t"`
}

func newActivity(doc Activity) *activity {
	a := &activity{}
	a.mu.doc, a.mu.news, a.mu.waiting = doc, make(chan struct{}), map[waiting]bool{}
	return a
}

// offer lets a task wait for a worker. One that waits already keeps its place.
func (a *activity) offer(w waiting) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mu.waiting[w] {
		return
	}
	a.mu.waiting[w] = true
	a.mu.order = append(a.mu.order, w)
	a.wakeLocked()
}

// drop forgets a task that waits.
func (a *activity) drop(w waiting) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.mu.waiting[w] {
		return
	}
	delete(a.mu.waiting, w)
	if len(a.mu.order) > 2*len(a.mu.waiting)+16 {
		a.mu.order = slices.DeleteFunc(a.mu.order, func(o waiting) bool { return !a.mu.waiting[o] })
	}
}

// takeLocked gives the task that has waited for longest. a.mu must be held.
func (a *activity) takeLocked() (w waiting, ok bool) {
	for len(a.mu.order) > 0 {
		w, a.mu.order = a.mu.order[0], a.mu.order[1:]
		if a.mu.waiting[w] {
			delete(a.mu.waiting, w)
			return w, true
		}
	}
	return w, false
}

func (a *activity) doc() Activity {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mu.doc
}

func (a *activity) setDoc(d Activity) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.doc = d
}

// wakeLocked tells every poller. a.mu must be held.
func (a *activity) wakeLocked() {
	close(a.mu.news)
	a.mu.news = make(chan struct{})
}

// CreateActivity makes an activity, or gives the one of that name.
func (s *Service) CreateActivity(sc Scope, name string, tags []Tag, enc *Encryption) (Activity, error) {
	const op = "workflows.CreateActivity"
	if err := checkName(op, name); err != nil {
		return Activity{}, err
	}
	s.change.Lock()
	defer s.change.Unlock()
	d := Activity{Scope: sc, Name: name, ARN: resource(sc, "activity", name), Created: time.Now(), Tags: tags, Encryption: enc}
	if old, ok := s.activity(d.ARN); ok {
		return old.doc(), nil
	}
	if err := s.activityDocs.Put(d.ARN, d); err != nil {
		return Activity{}, fault.In(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.activities[d.ARN] = newActivity(d)
	return d, nil
}

func (s *Service) activity(activityARN string) (*activity, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	a, ok := s.mu.activities[activityARN]
	return a, ok
}

// Activity finds an activity.
func (s *Service) Activity(activityARN string) (Activity, error) {
	const op = "workflows.Activity"
	if _, err := parseARN(op, activityARN, "activity"); err != nil {
		return Activity{}, err
	}
	a, ok := s.activity(activityARN)
	if !ok {
		return Activity{}, noActivity(op, activityARN)
	}
	return a.doc(), nil
}

// Activities lists the activities of a scope, by name.
func (s *Service) Activities(sc Scope) []Activity {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Activity
	for _, a := range s.mu.activities {
		if d := a.doc(); d.Scope == sc {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b Activity) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// DeleteActivity forgets an activity. Tasks that were fetched go on; those that wait stay until they time out.
func (s *Service) DeleteActivity(activityARN string) error {
	const op = "workflows.DeleteActivity"
	if _, err := parseARN(op, activityARN, "activity"); err != nil {
		return err
	}
	s.change.Lock()
	defer s.change.Unlock()
	a, ok := s.activity(activityARN)
	if !ok {
		return nil
	}
	if err := s.activityDocs.Delete(activityARN); err != nil {
		return fault.In(op, err)
	}
	s.mu.Lock()
	delete(s.mu.activities, activityARN)
	s.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.deleted = true
	a.wakeLocked()
	return nil
}

// Fetched is a task that a worker got.
type Fetched struct {
	Token string
	Input string
}

// Fetch waits up to a minute for a task of the activity and hands it to the worker; nil when there was none. That the
// task was started is durable before it is handed over.
func (s *Service) Fetch(ctx context.Context, activityARN, worker string) (*Fetched, error) {
	const op = "workflows.Fetch"
	if _, err := parseARN(op, activityARN, "activity"); err != nil {
		return nil, err
	}
	a, ok := s.activity(activityARN)
	if !ok {
		return nil, noActivity(op, activityARN)
	}
	over := time.NewTimer(pollFor)
	defer over.Stop()
	for {
		a.mu.Lock()
		if a.mu.deleted {
			a.mu.Unlock()
			return nil, noActivity(op, activityARN)
		}
		if w, ok := a.takeLocked(); ok {
			a.mu.Unlock()
			var f Fetched
			err := s.tell(ctx, w.Execution, message{task: w.Task, reply: func(t *Task) interp.Input {
				if t.Started || t.fetched {
					return nil // another worker has it
				}
				t.fetched = true
				f = Fetched{Token: t.Token, Input: t.Arguments.String()}
				return interp.TaskStart{Task: w.Task, Worker: worker}
			}})
			if err != nil {
				if fault.Is(err, fault.Timeout) {
					continue // the task has ended
				}
				return nil, fault.In(op, err)
			}
			return &f, nil
		}
		news := a.mu.news
		a.mu.Unlock()
		select {
		case <-news:
		case <-over.C:
			return nil, nil
		case <-s.ctx.Done():
			return nil, nil
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// activityTask puts tasks where workers fetch them.
type activityTask struct{ s *Service }

func (i activityTask) Do(_ context.Context, t *Task) Outcome {
	a, ok := i.s.activity(t.Resource.ARN)
	if !ok {
		return Outcome{Failure: activityMissing(t), Stage: interp.NotScheduled}
	}
	if t.Started {
		return Outcome{Open: true} // a worker has it
	}
	a.offer(waiting{t.Execution, t.RunTask.Task})
	return Outcome{Open: true}
}

func noActivity(op, activityARN string) error {
	return &fault.Error{Kind: fault.NotFound, Op: op, Noun: "activity", Name: activityARN, Detail: "Activity Does Not Exist: '" + activityARN + "'"}
}

// activityMissing is the failure of a task whose activity does not exist.
func activityMissing(t *Task) *failure.Failure {
	return failure.New(failure.Runtime, "The activity %s does not exist.", t.Resource.ARN)
}
