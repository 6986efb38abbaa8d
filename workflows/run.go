package workflows

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"anthill/arn"
	"anthill/asl"
	"anthill/asl/interp"
	"anthill/fault"
	"anthill/history"
	"anthill/store"
	"anthill/value"
)

// run drives one open execution. Whoever delivers a message when nobody drives becomes the driver until the inbox is
// empty; all fields below mu belong to the driver.
type run struct {
	s   *Service
	arn string

	mu struct {
		sync.Mutex
		inbox []message
		busy  bool      // somebody drives
		gone  bool      // it was put down: who has a message finds the one that took its place
		calm  bool      // it is among those that may be put down
		since time.Time // when it was last driven to the end of its inbox

		notices notices
	}

	e       Execution
	scope   Scope // of the execution's ARN
	logging Logging
	origin  origin
	callees *callees
	x       *interp.Execution
	timers  map[interp.Key]*time.Timer
	tasks   map[interp.Key]*Task
	marks   marks                       // what is written with the next flush
	kept    kept                        // Express: records that are written at the end
	emptied []message                   // an inbox that was emptied, for the next messages
	resting bool                        // the record of it among the open ones says that it only waits
	next    work                        // a task that the driver does itself when it has driven
	fresh   bool                        // its stream has no events for certain
	dead    error                       // why the execution is not driven any more, until the platform starts again
	done    chan struct{}               // closed when the execution has ended and that is durable
	input   atomic.Pointer[value.Value] // what it was started with, for readers; nil when that is only on disk
}

// work is something to do, which may give something to do next: the tasks of a chain follow one another on one goroutine.
type work func() work

func (w work) do() {
	for w != nil {
		w = w()
	}
}

// message is an input for an execution.
type message struct {
	in    interp.Input
	at    time.Time                // when it happened; zero is now
	reply func(*Task) interp.Input // instead of in: makes it of the task, which the message is refused without
	task  uint64                   // with reply: the task
	token string                   // with reply: that task's token, unless it is empty
	side  []byte                   // a record to be written beside its events
	after func(error)              // called when its events are durable, or could not be made so

	of      *Task  // whose outcome it is; nil for others
	release func() // called when its events are durable; nil for nothing
}

// newRun makes the run of an execution that has not begun, or that is about to be taken up again.
func (s *Service) newRun(e Execution, rev *Revision) (*run, error) {
	m, err := s.machineOf(&e, rev)
	if err != nil {
		return nil, err
	}
	return s.runOf(e, m, rev.Logging), nil
}

// machineOf is what e runs: the machine of its revision, or the one inside of a distributed Map.
func (s *Service) machineOf(e *Execution, rev *Revision) (*asl.Machine, error) {
	m, err := s.compile(rev)
	if err != nil {
		return nil, err
	}
	if e.MapState != "" {
		if m = childOf(m, e.MapState); m == nil {
			return nil, &fault.Error{Kind: fault.Internal, Op: "workflows.machineOf", Noun: "execution", Name: e.ARN, Detail: "its Map state is missing in the definition"}
		}
	}
	return m, nil
}

// childOf is the machine of the child executions of the distributed Map at path; nil when there is none.
func childOf(m *asl.Machine, path string) *asl.Machine {
	for _, st := range m.All() {
		if st.Path == path && st.Map != nil {
			return st.Map.Child()
		}
	}
	return nil
}

// blank makes a run that knows nothing of its execution yet. done is who waits for the execution's end already; nil is nobody.
func (s *Service) blank(executionARN string, done chan struct{}) *run {
	if done == nil {
		done = make(chan struct{})
	}
	r := &run{s: s, arn: executionARN, done: done}
	r.origin.e = &r.e
	return r
}

// runOf makes the run of an execution of a compiled machine.
func (s *Service) runOf(e Execution, m *asl.Machine, l Logging) *run {
	r := s.blank(e.ARN, nil)
	r.fill(e, m, l)
	return r
}

func (r *run) fill(e Execution, m *asl.Machine, l Logging) {
	r.e, r.logging, r.callees = e, l, r.s.calleesOf(e.RevisionKey)
	if a, err := arn.Parse(e.ARN); err == nil {
		r.scope = Scope{a.Account, a.Region}
	}
	r.timers, r.tasks = map[interp.Key]*time.Timer{}, map[interp.Key]*Task{}
	r.x = interp.New(m, r.identity())
}

func (r *run) identity() interp.Identity {
	executionARN := r.e.ARN
	longest := int64(0)
	if r.e.Type == Express {
		longest = longestExpress
	}
	return interp.Identity{
		ID: executionARN, Longest: longest, Name: r.e.Name, RoleARN: r.e.RoleARN, StateMachineID: r.e.MachineARN, StateMachineName: r.e.MachineName,
		Token:  func(task uint64, random [16]byte) string { return makeTaskToken(executionARN, task, random) },
		Refuse: r.s.refuse,
	}
}

// first commits what begins an execution. The caller has set busy.
func (r *run) first(m message) error {
	room := r.s.rooms.Get().(*eventRoom)
	defer r.s.rooms.give(room)
	events := room.decide(r.x, &m)
	records := r.encode(room, nil, events, &m)
	input := r.x.Input()
	r.input.Store(&input)
	var also []store.Write
	if r.e.Type == Standard {
		if r.x.Done() {
			r.close(&room.last)
			also = []store.Write{r.s.write(&r.e), r.s.order.Write(r.e.listKey(), struct{}{})}
			if !r.fresh {
				also = append(also, r.s.open.Remove(r.e.ARN))
			}
		} else {
			also = r.s.openWrites(&r.e, r.rest())
		}
		if err := r.append(history.Flushed, records, also); err != nil {
			return err
		}
		r.marks.flushed(r.x.Seq())
	} else if r.x.Done() {
		r.close(&room.last)
		if err := r.append(history.Behind, r.kept.records(), nil); err != nil {
			return err
		}
	}
	r.logEvents(events)
	r.tellEnded()
	if !r.x.Done() {
		r.s.mu.Lock()
		r.s.mu.runs[r.e.ARN] = r
		r.s.mu.Unlock()
	}
	r.settle()
	return nil
}

// deliver brings a message and drives the execution unless somebody does. It returns a piece of work that the caller
// should do next, or nil: the execution's next task, so that a chain of tasks stays on one goroutine.
func (r *run) deliver(m message) work {
	if m.at.IsZero() {
		m.at = time.Now()
	}
	r.mu.Lock()
	if m.of != nil {
		r.overLocked(m.of)
	}
	if r.mu.gone {
		r.mu.Unlock()
		if r = r.s.find(r.arn); r != nil {
			return r.deliver(m)
		}
		m.tell(taskGone("workflows.deliver"))
		return nil
	}
	r.mu.inbox = append(r.mu.inbox, m)
	if r.mu.busy {
		r.mu.Unlock()
		return nil
	}
	r.mu.busy = true
	r.mu.Unlock()
	return r.drain()
}

// drive is drain for callers that have other things to do: the next task goes to a goroutine of its own.
func (r *run) drive() {
	r.s.spawn(r.drain())
}

// drain handles messages until there are none. The caller has set busy.
func (r *run) drain() work {
	for {
		r.mu.Lock()
		batch := r.mu.inbox
		if len(batch) == 0 {
			next := r.next
			r.next = nil
			r.mu.busy = false
			calm := r.resting && !r.mu.calm && !r.x.Done()
			if calm {
				r.mu.calm = true
			}
			if r.resting {
				r.mu.since = time.Now()
			}
			r.mu.Unlock()
			if calm {
				r.s.mayRest(r)
			}
			return next
		}
		r.mu.inbox = r.emptied
		r.mu.Unlock()
		r.stepSafely(batch)
		clear(batch)
		r.emptied = batch[:0]
	}
}

// stepSafely is step that a mistake of ours in one execution does not take the others down with.
func (r *run) stepSafely(batch []message) {
	defer func() {
		if p := recover(); p != nil {
			r.dead = &fault.Error{Kind: fault.Internal, Op: "workflows.step", Noun: "execution", Name: r.e.ARN, Detail: fmt.Sprint(p)}
			r.s.log.Error("an execution cannot go on", "execution", r.e.ARN, "panic", p, "stack", string(debug.Stack()))
			for _, m := range batch {
				m.tell(r.dead)
			}
		}
	}()
	r.step(batch)
}

// step decides what follows from messages, makes it durable in one flush, and acts.
//
// Invariant: an event is in history before anything it calls for begins, and before anybody is told of it.
func (r *run) step(batch []message) {
	if r.dead != nil {
		for _, m := range batch {
			m.tell(r.dead)
		}
		return
	}
	var all []interp.Event
	room := r.s.rooms.Get().(*eventRoom)
	defer r.s.rooms.give(room)
	records := room.records
	defer func() { room.records = records }()
	wait, decided := time.Duration(0), false
	for i := range batch {
		m := &batch[i]
		if m.reply != nil && !r.answer(m) {
			continue
		}
		if m.in == nil {
			continue
		}
		events := room.decide(r.x, m)
		if m.reply != nil && len(events) == 0 { // the message before it ended the task
			m.refuse()
			continue
		}
		wait = max(wait, r.shift(events))
		if len(events) > 0 {
			decided = true
			room.last = events[len(events)-1]
			if r.logging.Level != "" && r.logging.Level != logOff {
				all = append(all, events...)
			}
		}
		records = r.encode(room, records, events, m)
	}
	r.hold(wait)
	if decided {
		if err := r.commit(records, &room.last); err != nil {
			for _, m := range batch {
				m.tell(err)
			}
			return
		}
	}
	if r.x.Done() {
		r.leave() // whoever is told now and asks finds it ended
		if decided {
			r.tellEnded()
		}
	}
	for _, m := range batch {
		m.tell(nil)
	}
	r.logEvents(all)
	r.settle()
}

func (m *message) tell(err error) {
	if m.after != nil {
		m.after(err)
	}
	if m.release != nil && err == nil {
		m.release()
	}
}

// answer turns a message about a task into an input, or refuses it.
func (r *run) answer(m *message) bool {
	t := r.tasks[interp.Key{Seq: m.task, Kind: interp.TaskEffect}]
	if t != nil && (m.token == "" || t.Token == m.token) {
		if m.in = m.reply(t); m.in != nil {
			return true
		}
	}
	m.refuse()
	return false
}

// refuse says that there is no such task any more.
func (m *message) refuse() {
	m.tell(taskGone("workflows.answer"))
	m.after, m.release = nil, nil
}

// commit writes records. While the disk is full it waits and tries again: the events are decided, and nothing has been
// done about them. Other failures end the driving of this execution until the next start of the platform.
func (r *run) commit(records [][]byte, last *interp.Event) error {
	var also []store.Write
	ended := r.x.Done() && r.e.Status == Running
	if ended {
		r.close(last)
		if r.e.Type == Standard {
			also = []store.Write{r.s.write(&r.e), r.s.open.Remove(r.e.ARN)}
		}
	} else if r.e.Type == Standard {
		also = r.restWrites()
	}
	if r.e.Type == Express {
		if !ended {
			return nil
		}
		records, r.kept = r.kept.records(), kept{}
	}
	records = r.marks.with(records)
	d := history.Flushed
	if r.e.Type == Express {
		d = history.Behind
	}
	for {
		err := r.append(d, records, also)
		if err == nil {
			if d == history.Flushed {
				r.marks.flushed(r.x.Seq())
			}
			return nil
		}
		if !fault.Is(err, fault.Full) {
			if r.s.ctx.Err() == nil {
				r.s.log.Error("an execution cannot be written and waits for a restart", "execution", r.e.ARN, "error", err)
			}
			r.dead = err
			return err
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-r.s.ctx.Done():
			r.dead = err
			return err
		}
	}
}

// append adds records to the execution's stream, with what is committed beside them.
func (r *run) append(d history.Durability, records [][]byte, also []store.Write) (err error) {
	if r.fresh {
		_, err = r.s.c.History.Begin(r.s.ctx, r.e.stream(), d, records, also...)
	} else {
		_, err = r.s.c.History.Append(r.s.ctx, r.e.stream(), d, records, also...)
	}
	r.fresh = r.fresh && err != nil
	return err
}

// close sets the execution's end, which is that of its last event.
func (r *run) close(last *interp.Event) {
	r.e.Status = statusOf(r.x)
	r.e.Stopped, r.e.Events = last.Time, last.ID
}

// settle begins what the execution owes now and ends what it does not want any more.
func (r *run) settle() {
	begin, end := r.x.Take()
	for _, k := range end {
		if k.Kind == interp.TaskEffect || k.Kind == interp.MapRunEffect {
			if t := r.tasks[k]; t != nil {
				t.end()
				delete(r.tasks, k)
			}
		} else if t := r.timers[k]; t != nil {
			t.Stop()
			delete(r.timers, k)
		}
	}
	if r.s.c.Delays != nil {
		r.startDelayed(begin)
	} else {
		for _, e := range begin {
			r.start(e, false)
		}
	}
	if r.x.Done() {
		r.end()
	}
}

// start begins one effect. recovered says that the platform went down since it was called for.
func (r *run) start(e interp.Effect, recovered bool) {
	switch e := e.(type) {
	case *interp.Timer:
		key := e.Timer
		r.timers[key] = time.AfterFunc(time.Until(e.At), func() {
			if r.s.enter() {
				defer r.s.leave()
				r.deliver(message{in: interp.TimerFired{Timer: key}}).do()
			}
		})
	case *interp.RunTask:
		t := r.newTask(e, recovered)
		r.tasks[e.Key()] = t
		if recovered && e.Open() && (e.Started || e.Submitted || r.resting) {
			return // an answer will come, or a worker: a resting execution's tasks wait for one already
		}
		w := func() work { return r.perform(t) }
		if r.next == nil {
			r.next = w
			return
		}
		r.s.spawn(w)
	case *interp.RunMap:
		r.s.spawn(r.startMap(e))
	}
}

// end forgets an execution that has ended.
func (r *run) end() {
	if r.e.TestCase != "" && r.e.TestOf == "" {
		r.s.mocked.forget(r.e.ARN)
	}
	for _, t := range r.timers {
		t.Stop()
	}
	for _, t := range r.tasks {
		t.end()
	}
	clear(r.timers)
	clear(r.tasks)
	r.mu.Lock()
	r.mu.notices.stopLocked()
	r.mu.Unlock()
	r.leave()
	select {
	case <-r.done:
	default:
		close(r.done)
	}
}

// leave takes the execution out of the open ones.
func (r *run) leave() {
	r.s.mu.Lock()
	if r.s.mu.runs[r.arn] == r {
		delete(r.s.mu.runs, r.arn)
	}
	r.s.mu.Unlock()
}

// tell brings a message to an open execution and waits until it is durable.
func (s *Service) tell(ctx context.Context, executionARN string, m message) error {
	if !s.enter() {
		return &fault.Error{Kind: fault.Canceled, Noun: "execution", Name: executionARN, Detail: "the platform is stopping"}
	}
	defer s.leave()
	r := s.find(executionARN)
	if r == nil {
		return taskGone("workflows.tell")
	}
	told := make(chan error, 1)
	m.after = func(err error) { told <- err }
	s.spawn(r.deliver(m))
	select {
	case err := <-told:
		return err
	case <-ctx.Done():
		return &fault.Error{Kind: fault.Canceled, Noun: "execution", Name: executionARN, Err: ctx.Err()}
	case <-s.ctx.Done():
		return &fault.Error{Kind: fault.Canceled, Noun: "execution", Name: executionARN, Detail: "the platform is stopping"}
	}
}

// taskGone is the refusal of an answer for a task that nobody waits for.
func taskGone(op string) error {
	return &fault.Error{Kind: fault.Timeout, Op: op, Noun: "task", Detail: "Task Timed Out: 'Provided task does not exist anymore'"}
}

// outcomeOf is how an execution that has ended ended.
func (r *run) outcome() (status Status, output value.Value, name, cause string) {
	f := r.x.Failure()
	return statusOf(r.x), r.x.Output(), f.Name, f.Cause
}
