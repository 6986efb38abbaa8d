package latency

import "strings"

// A scope is one sequential line of states: the execution itself, a branch of a Parallel, an iteration of a Map.
type scope struct {
	of     *visit // the fan-out that it belongs to; nil for the execution itself
	visits []*visit
}

// visit is one stay in a state.
type visit struct {
	state    string
	kind     string // "Task", "Parallel", "Map", "Wait", "Pass", "Choice", "Succeed", "Fail"
	in       *scope
	entered  Event
	exited   Event // ID 0 while inside
	joined   Event // of a fan-out: its Succeeded or Failed event
	attempts []*attempt
	branches []*scope
}

// attempt is one try of a task.
type attempt struct {
	scheduled, started, ended Event // ID 0 when it did not happen
	task                      *Task // the instants of its invocation; nil when they are not known
}

// end is when the state's work was over: of a task its outcome, of a fan-out the joining of its branches.
func (v *visit) end() (Event, bool) {
	switch {
	case v.kind == "Task":
		if n := len(v.attempts); n > 0 && v.attempts[n-1].ended.ID != 0 {
			return v.attempts[n-1].ended, true
		}
	case v.joined.ID != 0:
		return v.joined, true
	}
	return v.exited, v.exited.ID != 0
}

// works reports whether v does something whose surroundings are overhead: a task or a fan-out.
func (v *visit) works() bool { return v.kind == "Task" || v.fansOut() }
func (v *visit) fansOut() bool {
	return v.kind == "Parallel" || v.kind == "Map"
}

// structure is an execution's history as a tree of scopes.
type structure struct {
	root    *scope
	scopes  []*scope
	fanOuts []*visit
	events  map[int64]Event
	in      map[int64]*scope
	tasks   map[int64]*Task // by the id of the scheduling event
	open    map[*scope]*visit
}

// build follows every event's previousEventId: an event belongs to the scope of the event that it follows, but for
// those that follow a fan-out's start, each of which begins a branch, and those that end a fan-out.
func build(t *Trace) *structure {
	s := &structure{root: &scope{}, events: map[int64]Event{}, in: map[int64]*scope{}, tasks: map[int64]*Task{}, open: map[*scope]*visit{}}
	s.scopes = append(s.scopes, s.root)
	for i := range t.Tasks {
		s.tasks[t.Tasks[i].Scheduled] = &t.Tasks[i]
	}
	for _, e := range t.Events {
		in := s.scopeOf(e)
		s.events[e.ID], s.in[e.ID] = e, in
		s.take(e, in)
	}
	return s
}

func (s *structure) scopeOf(e Event) *scope {
	p, ok := s.events[e.Previous]
	if !ok {
		return s.root
	}
	in := s.in[p.ID]
	begins := p.Type == "ParallelStateStarted" || p.Type == "MapStateStarted"
	if fanOutOver(e.Type) {
		if v := s.open[in]; begins || v != nil && v.fansOut() && v.exited.ID == 0 || in.of == nil {
			return in // it followed the fan-out's own event
		}
		return in.of.in
	}
	if begins {
		if v := s.open[in]; v != nil && v.fansOut() {
			b := &scope{of: v}
			v.branches = append(v.branches, b)
			s.scopes = append(s.scopes, b)
			return b
		}
	}
	return in
}

// fanOutOver names the events that follow a branch but belong to the fan-out's own scope.
func fanOutOver(typ string) bool {
	switch typ {
	case "ParallelStateSucceeded", "ParallelStateFailed", "ParallelStateAborted", "ParallelStateExited",
		"MapStateSucceeded", "MapStateFailed", "MapStateAborted", "MapStateExited",
		"ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut":
		return true
	}
	return false
}

func (s *structure) take(e Event, in *scope) {
	v := s.open[in]
	if kind, ok := strings.CutSuffix(e.Type, "StateEntered"); ok {
		v = &visit{state: e.State, kind: kind, in: in, entered: e}
		in.visits = append(in.visits, v)
		s.open[in] = v
		if v.fansOut() {
			s.fanOuts = append(s.fanOuts, v)
		}
		return
	}
	if v == nil {
		return
	}
	if strings.HasSuffix(e.Type, "StateExited") {
		v.exited = e
		return
	}
	switch e.Type {
	case "ParallelStateSucceeded", "MapStateSucceeded", "ParallelStateFailed", "MapStateFailed":
		v.joined = e
	case "TaskScheduled", "LambdaFunctionScheduled", "ActivityScheduled":
		v.attempts = append(v.attempts, &attempt{scheduled: e, task: s.tasks[e.ID]})
	case "TaskStarted", "LambdaFunctionStarted", "ActivityStarted":
		if n := len(v.attempts); n > 0 {
			v.attempts[n-1].started = e
		}
	default:
		if n := len(v.attempts); n > 0 && taskOver(e.Type) {
			v.attempts[n-1].ended = e
		}
	}
}

func taskOver(typ string) bool {
	for _, prefix := range []string{"Task", "LambdaFunction", "Activity"} {
		switch strings.TrimPrefix(typ, prefix) {
		case "Succeeded", "Failed", "TimedOut", "ScheduleFailed", "StartFailed", "SubmitFailed":
			return true
		}
	}
	return false
}
