package latency

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Overhead is what an execution spent on being orchestrated.
type Overhead struct {
	Execution   string        `json:"execution"`
	Status      string        `json:"status"`
	Source      Source        `json:"source"`
	Total       time.Duration `json:"total_ns"` // from the first event to the last
	Chains      []Chain       `json:"chains"`
	Transitions []Transition  `json:"transitions"`
	FanOuts     []FanOut      `json:"fan_outs"`
	Path        Path          `json:"critical_path"`
	Problems    []string      `json:"problems,omitempty"`
}

// Mark names an instant of a table: T_A_start.
type Mark struct {
	Name  string `json:"name"`
	Event int64  `json:"event_id,omitempty"`
	Type  string `json:"type"` // of the event, or "handler entered"
	State string `json:"state"`
	At    int64  `json:"at_ns"` // nanoseconds since 1970
}

// Transition is the passage from the end of one task or fan-out to the beginning of the next in the same line of states.
type Transition struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Retry says that To is From tried again; its overhead is mostly the interval that the definition asks for.
	Retry bool `json:"retry,omitempty"`
	// Events is the course's overhead: the next state's Entered event minus the task's Succeeded event, less what Wait
	// states between them took.
	Events time.Duration `json:"events_ns"`
	// SharedStamp says that both events were stamped in one decision: their zero is no measurement.
	SharedStamp bool `json:"shared_stamp,omitempty"`
	// Waited is the time in Wait states between them.
	Waited time.Duration `json:"waited_ns,omitempty"`
	// Handler is handler returned → next handler entered, by one machine's clocks, less Waited. Known says whether it was recorded.
	Handler time.Duration `json:"handler_ns,omitempty"`
	Known   bool          `json:"handler_known"`
	// Start says how the environment of the next handler came to be: what a cold start adds is in Handler.
	Start Start `json:"start,omitempty"`
	// Steps divide Handler, when it is known. They sum up to it.
	Steps []Step `json:"steps,omitempty"`
}

// Name is "A → B".
func (t Transition) Name() string { return t.From + " → " + t.To }

// Step is one part of a transition.
type Step struct {
	Name string        `json:"name"`
	Took time.Duration `json:"took_ns"`
}

// Chain is the course's first table for one line of states with two tasks or more.
type Chain struct {
	Marks       []Mark        `json:"marks"`
	Transitions []Transition  `json:"transitions"`
	Overhead    time.Duration `json:"overhead_ns"`   // the sum of Events
	Processing  time.Duration `json:"processing_ns"` // the last state's Exited minus the first's Entered
	Percent     float64       `json:"percent"`       // Overhead of Processing
	// Handler is the sum over the transitions whose handlers' instants are known, and HandlerKnown whether all are.
	Handler        time.Duration `json:"handler_ns"`
	HandlerKnown   bool          `json:"handler_known"`
	HandlerPercent float64       `json:"handler_percent"`
	SharedStamps   bool          `json:"shared_stamps"` // one Events at least is of one decision
}

// FanOut is the course's second table for one Parallel or Map.
type FanOut struct {
	State    string `json:"state"`
	Kind     string `json:"kind"`
	Branches int    `json:"branches"`
	Marks    []Mark `json:"marks"`
	// Delay is the last TaskStarted among the branches' first tasks minus the Entered event.
	Delay    time.Duration `json:"delay_ns"`
	Duration time.Duration `json:"duration_ns"` // Exited minus Entered
	Percent  float64       `json:"percent"`     // Delay of Duration
	// FanIn is the Exited event minus the end of the branch that ended last.
	FanIn time.Duration `json:"fan_in_ns"`
	// Handler is Entered event → last handler entered; HandlerIn last handler returned → Exited event.
	Handler   time.Duration `json:"handler_ns"`
	HandlerIn time.Duration `json:"handler_in_ns"`
	Known     bool          `json:"handler_known"`
	// Cold counts the branches whose first task waited for a new environment.
	Cold int `json:"cold"`
}

// Path is the line of events that decided how long the execution took: from its last event back along previousEventId.
type Path struct {
	Total         time.Duration `json:"total_ns"`
	Tasks         time.Duration `json:"tasks_ns"`    // scheduled or started → outcome
	Handlers      time.Duration `json:"handlers_ns"` // of it, inside handlers; 0 when not known
	Waits         time.Duration `json:"waits_ns"`    // Wait states and the intervals of retriers
	Orchestration time.Duration `json:"orchestration_ns"`
	Percent       float64       `json:"percent"` // Orchestration of Total
	States        []string      `json:"states"`  // as they were entered
}

// Overheads computes them for one execution.
func Overheads(t *Trace) Overhead {
	s := build(t)
	o := Overhead{Execution: t.ExecutionARN, Status: t.Status, Source: t.Source, Problems: t.Problems}
	if o.Execution == "" {
		o.Execution = t.Name
	}
	if n := len(t.Events); n > 0 {
		o.Total = time.Duration(t.Events[n-1].Instant - t.Events[0].Instant)
	}
	for _, sc := range s.scopes {
		ts := transitions(sc, t.Source)
		o.Transitions = append(o.Transitions, ts...)
		if c, ok := chain(sc, ts); ok {
			o.Chains = append(o.Chains, c)
		}
	}
	for _, v := range s.fanOuts {
		if f, ok := fanOut(v); ok {
			o.FanOuts = append(o.FanOuts, f)
		}
	}
	o.Path = criticalPath(t, s)
	return o
}

// transitions are the passages between the working states of one line, and the retries inside them.
func transitions(sc *scope, from Source) []Transition {
	var ts []Transition
	var before *visit
	var waited time.Duration
	for _, v := range sc.visits {
		if v.kind == "Wait" && v.exited.ID != 0 {
			waited += time.Duration(v.exited.Instant - v.entered.Instant)
		}
		if !v.works() {
			continue
		}
		if before != nil {
			if end, ok := before.end(); ok {
				ts = append(ts, transition(before, v, end, waited, from))
			}
		}
		ts = append(ts, retries(v)...)
		before, waited = v, 0
	}
	return ts
}

func transition(a, b *visit, end Event, waited time.Duration, from Source) Transition {
	t := Transition{From: a.state, To: b.state, Waited: waited}
	t.Events = time.Duration(b.entered.Instant-end.Instant) - waited
	t.SharedStamp = t.Events == 0 && from == FromTrace
	if len(a.attempts) == 0 || len(b.attempts) == 0 {
		return t
	}
	last, next := a.attempts[len(a.attempts)-1], b.attempts[0]
	if last.task == nil || next.task == nil || last.task.Returned == 0 || next.task.Entered == 0 {
		return t
	}
	t.Known, t.Start = true, next.task.Start
	t.Handler = time.Duration(next.task.Entered-last.task.Returned) - waited
	t.Steps = steps(last, next, waited)
	return t
}

// steps cut handler returned → handler entered at every instant that is known.
func steps(a, b *attempt, waited time.Duration) []Step {
	at := a.task.Returned
	var out []Step
	cut := func(name string, to int64, less time.Duration) {
		if to == 0 {
			return
		}
		out = append(out, Step{Name: name, Took: time.Duration(to-at) - less})
		at = to
	}
	cut("answer read", a.task.Received, 0)
	cut("decided", a.ended.Instant, 0)
	// What was decided when the task ended is flushed with the next task's schedule, whose wait for a Wait state lies between.
	cut("flushed", b.scheduled.Durable, waited)
	flushed := b.scheduled.Durable != 0
	if flushed {
		waited = 0
	}
	cut("dispatched", b.task.Queued, waited)
	if b.task.Queued != 0 {
		waited = 0
	}
	cut("environment", b.task.Sent, waited)
	if b.task.Sent != 0 {
		waited = 0
	}
	cut("delivered", b.task.Entered, waited)
	return out
}

func retries(v *visit) []Transition {
	var ts []Transition
	for i := 1; i < len(v.attempts); i++ {
		a, b := v.attempts[i-1], v.attempts[i]
		if a.ended.ID == 0 {
			continue
		}
		ts = append(ts, Transition{From: v.state, To: fmt.Sprintf("%s (attempt %d)", v.state, i+1), Retry: true,
			Events: time.Duration(b.scheduled.Instant - a.ended.Instant)})
	}
	return ts
}

// chain is the course's table of sc. ok is false when sc has fewer than two working states that came to an end.
func chain(sc *scope, ts []Transition) (c Chain, ok bool) {
	var done []*visit
	for _, v := range sc.visits {
		if _, over := v.end(); v.works() && over {
			done = append(done, v)
		}
	}
	if len(done) < 2 {
		return c, false
	}
	for i, v := range done {
		end, _ := v.end()
		c.Marks = append(c.Marks, mark("T_"+short(v.state)+"_start", v.entered, v.state))
		if i == len(done)-1 && v.exited.ID != 0 {
			c.Marks = append(c.Marks, mark("T_"+short(v.state)+"_exit", v.exited, v.state))
			end = v.exited
		} else {
			c.Marks = append(c.Marks, mark("T_"+short(v.state)+"_end", end, v.state))
		}
		c.Processing = time.Duration(end.Instant - done[0].entered.Instant)
	}
	c.HandlerKnown = true
	for _, t := range ts {
		if t.Retry {
			continue
		}
		c.Transitions = append(c.Transitions, t)
		c.Overhead += t.Events
		c.Handler += t.Handler
		c.HandlerKnown = c.HandlerKnown && t.Known
		c.SharedStamps = c.SharedStamps || t.SharedStamp
	}
	c.Percent, c.HandlerPercent = percent(c.Overhead, c.Processing), percent(c.Handler, c.Processing)
	return c, true
}

func mark(name string, e Event, state string) Mark {
	return Mark{Name: name, Event: e.ID, Type: e.Type, State: state, At: e.Instant}
}

// short is what the course calls a state: its name's last word when that is one letter or digit group (Chain_Step_A is A).
func short(state string) string {
	for i := len(state) - 1; i > 0; i-- {
		if state[i] == '_' || state[i] == ' ' || state[i] == '-' {
			if len(state)-i-1 <= 2 && i+1 < len(state) {
				return state[i+1:]
			}
			break
		}
	}
	return state
}

func percent(part, whole time.Duration) float64 {
	if whole <= 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// fanOut is the course's table of one Parallel or Map. ok is false before its first task started.
func fanOut(v *visit) (f FanOut, ok bool) {
	f = FanOut{State: v.state, Kind: v.kind, Branches: len(v.branches)}
	var lastStarted, lastEnd Event
	var lastEntered, lastReturned int64
	f.Known = true
	for _, b := range v.branches {
		for i, w := range b.visits {
			if e, over := w.end(); over && e.Instant >= lastEnd.Instant {
				lastEnd = e
			}
			for _, a := range w.attempts {
				if a.task == nil || a.task.Entered == 0 {
					f.Known = false
				} else {
					lastReturned = max(lastReturned, a.task.Returned)
				}
			}
			if i != firstTask(b) || len(w.attempts) == 0 {
				continue
			}
			a := w.attempts[0]
			if a.started.ID != 0 && a.started.Instant >= lastStarted.Instant {
				lastStarted = a.started
				lastStarted.State = w.state
			}
			if a.task != nil {
				lastEntered = max(lastEntered, a.task.Entered)
				if a.task.Start.IsCold() {
					f.Cold++
				}
			}
		}
	}
	if lastStarted.ID == 0 {
		return f, false
	}
	f.Marks = []Mark{mark("T_parallel_start", v.entered, v.state), mark("T_last_started", lastStarted, lastStarted.State)}
	f.Delay = time.Duration(lastStarted.Instant - v.entered.Instant)
	if v.exited.ID != 0 {
		f.Marks = append(f.Marks, mark("T_parallel_exit", v.exited, v.state))
		f.Duration = time.Duration(v.exited.Instant - v.entered.Instant)
		f.Percent = percent(f.Delay, f.Duration)
		f.FanIn = time.Duration(v.exited.Instant - lastEnd.Instant)
	}
	if f.Known = f.Known && lastEntered != 0; f.Known {
		f.Handler = time.Duration(lastEntered - v.entered.Instant)
		f.HandlerIn = Span(lastReturned, v.exited.Instant)
	}
	return f, true
}

// firstTask is the index of a branch's first task; -1 when it has none.
func firstTask(b *scope) int {
	for i, v := range b.visits {
		if v.kind == "Task" {
			return i
		}
	}
	return -1
}

func criticalPath(t *Trace, s *structure) Path {
	var p Path
	if len(t.Events) == 0 {
		return p
	}
	e := t.Events[len(t.Events)-1]
	end := e.Instant
	for range t.Events { // no more steps than events: a broken history may go in circles
		if len(e.Type) > 12 && e.Type[len(e.Type)-12:] == "StateEntered" {
			p.States = append(p.States, e.State)
		}
		before, ok := s.events[e.Previous]
		if !ok {
			break
		}
		took := time.Duration(e.Instant - before.Instant)
		switch {
		case taskOver(e.Type):
			p.Tasks += took
			p.Handlers += s.handlerTime(before)
		case e.Type == "WaitStateExited", taskOver(before.Type) && isSchedule(e.Type):
			p.Waits += took
		}
		e = before
	}
	for i, j := 0, len(p.States)-1; i < j; i, j = i+1, j-1 {
		p.States[i], p.States[j] = p.States[j], p.States[i]
	}
	p.Total = time.Duration(end - e.Instant)
	p.Orchestration = p.Total - p.Tasks - p.Waits
	if p.Handlers > 0 { // then the way to and from the handler is known, and is orchestration too
		p.Orchestration = p.Total - p.Handlers - p.Waits
	}
	p.Percent = percent(p.Orchestration, p.Total)
	return p
}

func isSchedule(typ string) bool {
	return typ == "TaskScheduled" || typ == "LambdaFunctionScheduled" || typ == "ActivityScheduled"
}

// handlerTime is how long the handler of the attempt ran that e, its TaskStarted or TaskScheduled event, belongs to.
func (s *structure) handlerTime(e Event) time.Duration {
	for range 3 {
		if t := s.tasks[e.ID]; t != nil {
			return Span(t.Entered, t.Returned)
		}
		e = s.events[e.Previous]
	}
	return 0
}

// Stay is one attempt of one task with all that is known of its way, for a waterfall. Instants are nanoseconds since 1970; 0 is unknown.
type Stay struct {
	State     string
	Entered   int64 // the state was entered
	Scheduled int64
	Started   int64
	Ended     int64 // the outcome's event
	Task      *Task // nil when handlers are not known
}

// Stays are the tasks of an execution in the order in which they were entered.
func Stays(t *Trace) []Stay {
	s := build(t)
	var out []Stay
	for _, sc := range s.scopes {
		for _, v := range sc.visits {
			for _, a := range v.attempts {
				out = append(out, Stay{State: v.state, Entered: v.entered.Instant, Scheduled: a.scheduled.Instant,
					Started: a.started.Instant, Ended: a.ended.Instant, Task: a.task})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Stay) int { return cmp.Compare(a.Scheduled, b.Scheduled) })
	return out
}
