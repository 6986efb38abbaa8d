package interp

import (
	"time"

	"anthill/asl"
	"anthill/asl/failure"
	"anthill/value"
)

// TestConfig is a state to be tried by itself, and what it finds (TestState).
type TestConfig struct {
	Machine   *asl.Machine
	State     *asl.State // any state of Machine
	Identity  Identity
	Input     value.Value
	Context   value.Value // the context object; Absent for one like an execution's
	Variables value.Value // an object; Absent for none
	Seed      [16]byte

	Retries     int64   // attempts that the matching retrier has made before
	FailedItems int64   // iterations of a Map that are said to have failed
	ReaderData  *string // what a Map's ItemReader is said to have read, as found in its source; nil for nothing
}

// Test is one state being tried. After NewTest it either has its Result or wants an outcome: that of Task, or of the
// branches or iterations of a Parallel or Map.
type Test struct {
	x     *Execution
	f     *frame
	c     TestConfig
	trace trace
	task  *RunTask
	wants bool
	until time.Time
	items int
	spec  *RunMap
}

// trace gathers the inspection data of a test.
type trace struct {
	members []value.Member
	retry   int // index of the retrier that will try again; -1 for none
	catch   int // index of the catcher; -1 for none
	delay   time.Duration
}

// note remembers what a state looked like at a point of its processing. A nil trace forgets it.
func (t *trace) note(name string, v value.Value) {
	if t == nil {
		return
	}
	for i := range t.members {
		if t.members[i].Key == name {
			t.members[i].Value = v
			return
		}
	}
	t.members = append(t.members, value.Member{Key: name, Value: v})
}

// TestResult is what became of a state that was tried.
type TestResult struct {
	Status string      // SUCCEEDED, FAILED, RETRIABLE or CAUGHT_ERROR
	Output value.Value // Absent unless the state was left
	Error  string
	Cause  string
	Next   string // the state that would follow; "" for none

	// Inspection is inspectionData by its member names. Payloads are values, to be shown as their text; maxConcurrency and
	// the tolerated failures are numbers; errorDetails is an object of numbers.
	Inspection []value.Member
}

// NewTest enters the state and goes as far as it goes without an outcome.
func NewTest(c TestConfig, now time.Time) *Test {
	x := New(c.Machine, c.Identity)
	t := &Test{x: x, c: c, trace: trace{retry: -1, catch: -1}}
	x.trace, x.now, x.given = &t.trace, now, c.Context
	x.emit(Event{Type: ExecutionStarted, Payload: c.Input})
	x.seed = c.Seed
	f := x.root
	t.f, f.tested = f, true
	f.flow, f.state = flowOf(&c.Machine.Flow, c.State), c.State
	for name, v := range c.Variables.Members() {
		f.vars.set(name, v)
	}
	t.trace.note("input", c.Input)
	x.emit(Event{Type: enteredEvent[c.State.Type], Name: c.State.Name, Payload: c.Input, Frame: f.id})
	f.attempt = int(c.Retries)
	if len(c.State.Retry) > 0 {
		f.tries = make([]int64, len(c.State.Retry))
		for i := range f.tries {
			f.tries[i] = c.Retries
		}
	}
	switch c.State.Type {
	case asl.Parallel:
		_, tr := x.view(f).parameters()
		t.wants = tr == nil
		x.settle(f, tr)
	case asl.Map:
		tr := t.mapped()
		t.wants = tr == nil
		x.settle(f, tr)
	case asl.Wait:
		x.settle(f, x.wait(f))
		if timer := x.owed.find(f.timer); timer != nil {
			t.until = timer.effect.(*Timer).At
			return t
		}
	default:
		if c.State.Type == asl.Fail && !c.State.JSONata {
			t.trace.note("afterInputPath", c.Input)
		}
		x.settle(f, x.work(f))
	}
	if f.task != nil {
		t.task = f.runTask()
		t.wants = true
		return t
	}
	t.goOn()
	return t
}

// flowOf is the flow among f and those inside of it that s belongs to.
func flowOf(f *asl.Flow, s *asl.State) *asl.Flow {
	for _, x := range f.Order {
		if x == s {
			return f
		}
		inner := x.Branches
		if x.Map != nil {
			inner = append(inner, x.Map.Processor)
		}
		for _, b := range inner {
			if found := flowOf(b, s); found != nil {
				return found
			}
		}
	}
	return nil
}

// mapped computes what a Map asks for before its iterations.
func (t *Test) mapped() *trouble {
	v := t.x.view(t.f)
	in, tr := t.f.input, (*trouble)(nil)
	if !t.f.state.JSONata {
		if in, tr = v.effective(); tr != nil {
			return tr
		}
	}
	items, tr := t.itemsOf(v, in)
	if tr != nil {
		return tr
	}
	t.items = items.Len()
	if t.f.state.Map.Selector != nil {
		selected := make([]value.Value, items.Len())
		for i, item := range items.Items() {
			if selected[i], tr = t.x.selectItem(t.f, i, item, ""); tr != nil {
				return tr
			}
		}
		items = value.OfArray(selected...)
		t.trace.note("afterItemSelector", items)
	}
	t.f.data = items
	if t.spec, tr = t.x.mapRunOf(t.f); tr != nil {
		return tr
	}
	if t.f.state.Map.Batch != nil {
		batches, tr := t.batches(v, in, items)
		if tr != nil {
			return tr
		}
		t.trace.note("afterItemBatcher", batches)
	}
	t.trace.note("maxConcurrency", value.OfInt(t.spec.MaxConcurrency))
	if t.spec.ToleratedCount >= 0 {
		t.trace.note("toleratedFailureCount", value.OfInt(t.spec.ToleratedCount))
	}
	if share := t.spec.ToleratedShare; share >= 0 {
		t.trace.note("toleratedFailurePercentage", value.OfFloat(share))
	}
	return nil
}

// itemsOf is what a Map goes over. in is its effective input.
func (t *Test) itemsOf(v *view, in value.Value) (value.Value, *trouble) {
	reader := t.f.state.Map.Reader
	if reader == nil {
		items, tr := v.items(in)
		if tr == nil && !t.f.state.JSONata {
			t.trace.note("afterItemsPath", items)
		}
		return items, tr
	}
	items := value.OfArray()
	if t.c.ReaderData != nil {
		var err error
		if items, err = ReadItems(reader.Config, *t.c.ReaderData); err != nil {
			return items, t.f.failed(err)
		}
		if !reader.Config.Get("ItemsPointer").IsAbsent() {
			t.trace.note("afterItemsPointer", items)
		}
	}
	most, given, tr := v.number(reader.MaxItems, in)
	if tr == nil && given && most > 0 && most < int64(items.Len()) {
		items = value.OfArray(items.Slice()[:most]...)
	}
	return items, tr
}

// batches groups items as ItemBatcher says: the inputs of the iterations.
func (t *Test) batches(v *view, in, items value.Value) (value.Value, *trouble) {
	shared := value.Value{}
	if e := t.f.state.Map.Batch.Input; e != nil {
		var tr *trouble
		if shared, tr = v.expr(e, in); tr != nil {
			return shared, tr
		}
	}
	inputOf := func(batch []value.Value) value.Value {
		out := value.OfObject(value.Member{Key: "Items", Value: value.OfArray(batch...)})
		if !shared.IsAbsent() {
			out = out.With("BatchInput", shared)
		}
		return out
	}
	var all, batch []value.Value
	for _, item := range items.Items() {
		full := t.spec.BatchItems > 0 && int64(len(batch)) == t.spec.BatchItems
		if !full && len(batch) > 0 && t.spec.BatchBytes > 0 {
			full = int64(len(inputOf(append(batch[:len(batch):len(batch)], item)).String())) > t.spec.BatchBytes
		}
		if full {
			all, batch = append(all, inputOf(batch)), nil
		}
		batch = append(batch, item)
	}
	if len(batch) > 0 {
		all = append(all, inputOf(batch))
	}
	return value.OfArray(all...), nil
}

// Until is when the wait of a Wait state is over, when Elapsed or Fail must be called; zero for any other state.
func (t *Test) Until() time.Time { return t.until }

// Elapsed ends the wait.
func (t *Test) Elapsed() {
	t.f.phase = waited
	t.goOn()
}

// Wants reports whether the state waits for an outcome: Succeed or Fail must be called.
func (t *Test) Wants() bool { return t.wants }

// Task is the task whose outcome is wanted; nil for a Parallel or Map, whose branches are not run.
func (t *Test) Task() *RunTask { return t.task }

// Items is how many iterations a Map would have.
func (t *Test) Items() int { return t.items }

// Succeed gives the outcome of the task, or the array of outputs of branches or iterations.
func (t *Test) Succeed(result value.Value) {
	t.wants = false
	switch {
	case t.task != nil:
		t.x.taskOutput(t.f, TaskOutput{Task: t.task.Task, Output: result})
	case t.exceeded():
		t.Fail(failure.ExceedToleratedThreshold, "The specified tolerated failure threshold was exceeded")
		return
	default:
		t.f.result, t.f.phase = result, answered
	}
	t.goOn()
}

// exceeded reports whether more iterations of a Map failed than it puts up with.
func (t *Test) exceeded() bool {
	if t.spec == nil || t.c.FailedItems == 0 {
		return false
	}
	count, share := t.spec.ToleratedCount, t.spec.ToleratedShare
	return count >= 0 && t.c.FailedItems > count || share >= 0 && t.items > 0 && float64(t.c.FailedItems)*100/float64(t.items) > share
}

// Fail gives the failure of the task, a branch or an iteration.
func (t *Test) Fail(name, cause string) {
	t.wants = false
	if t.task != nil {
		t.x.taskFailure(t.f, TaskFailure{Task: t.task.Task, Error: name, Cause: cause})
	} else {
		t.f.fail, t.f.phase = failure.Failure{Name: name, Cause: cause}, failing
	}
	t.goOn()
}

// goOn takes the state to its end.
func (t *Test) goOn() {
	for !t.wants && !t.x.Done() {
		before := t.f.phase
		switch before {
		case waited, answered, failing:
			t.x.step(t.f)
		}
		if t.f.phase == before || t.f.phase == entering || t.f.phase == ended || t.f.phase == retrying {
			return
		}
	}
}

// Result is what became of the state.
func (t *Test) Result() TestResult {
	r := TestResult{Status: "SUCCEEDED", Inspection: t.trace.members}
	events := t.x.batch()
	for i := range events {
		switch e := &events[i]; {
		case e.Type >= PassStateExited && e.Type <= MapStateExited:
			r.Output, r.Next = e.Payload, e.Next
			t.noteVariables(&r, e)
		case e.Type == ExecutionFailed:
			r.Status = "FAILED"
			r.Error, r.Cause = e.Error, e.Cause
		}
	}
	switch {
	case t.trace.retry >= 0:
		r.Status = "RETRIABLE"
		r.Error, r.Cause = t.trace.failure(t.x)
		r.note("errorDetails", value.OfObject(
			value.Member{Key: "retryIndex", Value: value.OfInt(int64(t.trace.retry))},
			value.Member{Key: "retryBackoffIntervalSeconds", Value: value.OfInt(int64(t.trace.delay / time.Second))}))
	case t.trace.catch >= 0:
		r.Status = "CAUGHT_ERROR"
		r.Error, r.Cause = t.trace.failure(t.x)
		r.note("errorDetails", value.OfObject(value.Member{Key: "catchIndex", Value: value.OfInt(int64(t.trace.catch))}))
	}
	return r
}

func (r *TestResult) note(name string, v value.Value) {
	r.Inspection = append(r.Inspection, value.Member{Key: name, Value: v})
}

// noteVariables shows the variables as the state leaves them: those it was given and those it has assigned.
func (t *Test) noteVariables(r *TestResult, e *Event) {
	all := emptyObject
	for name, v := range t.c.Variables.Members() {
		all = all.With(name, v)
	}
	for _, v := range e.Assigned {
		all = all.With(v.Name, v.Value)
	}
	if all.Len() > 0 {
		r.note("variables", all)
	}
}

// failure is what a retrier or catcher has taken on.
func (t *trace) failure(x *Execution) (name, cause string) { return x.tried.Name, x.tried.Cause }
