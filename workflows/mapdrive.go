package workflows

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"anthill/arn"
	"anthill/asl"
	"anthill/asl/failure"
	"anthill/asl/interp"
	"anthill/fault"
	"anthill/uuid"
	"anthill/value"
)

// childrenAtOnce is how many child executions of one map run are open at most, whatever MaxConcurrency says.
const childrenAtOnce = 1000

// mapRun drives a MapRun.
type mapRun struct {
	parent  *run
	effect  *interp.RunMap
	child   *asl.Machine
	rev     Revision
	inputs  []childInput
	results []childResult // by child; each is written by who follows the child, and read when all have ended

	redrives int // of the parent, when this run goes on with one that did not succeed; else 0

	mu struct {
		sync.Mutex
		doc  MapRun
		wake chan struct{} // closed and replaced when the limits change
	}
}

// childInput is what one child execution is given.
type childInput struct {
	input value.Value
	items int64
}

// childResult is how a child execution ended.
type childResult struct {
	Status           Status      // "" when it was never started
	Output           value.Value // Absent unless it succeeded
	Error, Cause     string
	Started, Stopped time.Time
	Redrives         int
	Generation       int // of an Express child: the redrives of the map run when it ran
}

// startMap begins a distributed Map while the driver owns the execution.
func (r *run) startMap(e *interp.RunMap) work {
	t := &Task{r: r, RunTask: &interp.RunTask{}, wanted: wanted{of: r.s.ctx}}
	ctx := &t.wanted
	r.tasks[e.Key()] = t
	if !e.Items.IsAbsent() {
		return r.prepareMap(ctx, e, &itemList{all: e.Items})
	}
	if e.State.Map.Reader == nil { // an older version redrove it while its Retry was pending
		return func() work {
			return r.failMap(e, failure.New(failure.Runtime, "The items of the map run are not known any more."))
		}
	}
	return func() work {
		list, err := r.s.readItems(ctx, e)
		switch {
		case ctx.Err() != nil:
			return nil // nobody wants it any more, or it is read again at the next start
		case err != nil:
			return r.failMap(e, err)
		}
		return r.deliver(message{after: func(err error) {
			if err == nil && ctx.Err() == nil {
				r.s.spawn(r.prepareMap(ctx, e, list))
			}
		}})
	}
}

// failMap tells the execution that its map run failed before it had children.
func (r *run) failMap(e *interp.RunMap, err error) work {
	var f *failure.Failure
	if !errors.As(err, &f) {
		f = failure.New(failure.Runtime, "%v", err)
	}
	return r.deliver(message{in: interp.MapRunFailure{MapRun: e.MapRun, Error: f.Name, Cause: f.Cause}})
}

// prepareMap computes the children's inputs while the driver owns the execution, and gives the work of running them.
func (r *run) prepareMap(ctx context.Context, e *interp.RunMap, list *itemList) work {
	m := &mapRun{parent: r, effect: e, child: e.State.Map.Child()}
	var err error
	if m.inputs, err = childInputs(e, list); err != nil {
		return func() work { return r.failMap(e, err) }
	}
	if e.Redriven {
		m.redrives = r.x.RedriveCount()
	}
	d := MapRun{ARN: e.ARN, Execution: r.e.ARN, MachineARN: r.e.MachineARN + "/" + labelIn(e.ARN), Started: time.Now(), Status: Running,
		MaxConcurrency: e.MaxConcurrency, ToleratedCount: max(e.ToleratedCount, 0), ToleratedShare: max(e.ToleratedShare, 0)}
	for _, c := range m.inputs {
		d.Items.Total += c.items
	}
	d.Executions.Total, d.Executions.Pending, d.Items.Pending = int64(len(m.inputs)), int64(len(m.inputs)), d.Items.Total
	m.results = make([]childResult, len(m.inputs))
	m.mu.doc, m.mu.wake = d, make(chan struct{})
	return func() work { return m.run(ctx) }
}

// childInputs computes what each child execution is given: an item, or a batch of them.
func childInputs(e *interp.RunMap, list *itemList) ([]childInput, error) {
	chosen := list.all
	if e.Items.IsAbsent() {
		var err error
		if chosen, err = e.ItemsOf(chosen); err != nil {
			return nil, err
		}
	}
	items := make([]value.Value, 0, chosen.Len())
	for i, item := range chosen.Items() {
		if e.Items.IsAbsent() && e.MaxItems > 0 && int64(i) == e.MaxItems {
			break
		}
		in, err := e.Input(i, item, list.sourceOf(i))
		if err != nil {
			return nil, err
		}
		items = append(items, in)
	}
	if e.BatchItems == 0 && e.BatchBytes == 0 {
		out := make([]childInput, len(items))
		for i, in := range items {
			out[i] = childInput{in, 1}
		}
		return out, nil
	}
	shared, err := e.BatchInput()
	if err != nil {
		return nil, err
	}
	return batches(e, items, shared), nil
}

// batches groups items as ItemBatcher says. A batch is what a child is given, and so is its size.
func batches(e *interp.RunMap, items []value.Value, shared value.Value) (out []childInput) {
	var batch []value.Value
	around := int64(len(`{"Items":[]}`))
	if !shared.IsAbsent() {
		around += int64(len(`"BatchInput":,`) + len(shared.Compact().String()))
	}
	bytes := around
	flush := func() {
		if len(batch) == 0 {
			return
		}
		members := []value.Member{{Key: "Items", Value: value.OfArray(batch...)}}
		if !shared.IsAbsent() {
			members = append([]value.Member{{Key: "BatchInput", Value: shared}}, members...)
		}
		out = append(out, childInput{value.OfObject(members...), int64(len(batch))})
		batch, bytes = nil, around
	}
	for _, in := range items {
		size := int64(len(in.Compact().String())) + 1
		if e.BatchItems > 0 && int64(len(batch)) == e.BatchItems || e.BatchBytes > 0 && len(batch) > 0 && bytes+size-1 > e.BatchBytes {
			flush()
		}
		batch = append(batch, in)
		bytes += size
	}
	flush()
	return out
}

// labelIn is the label in a map run's ARN: "mapRun:machine/label:id".
func labelIn(mapRunARN string) string {
	a, err := arn.Parse(mapRunARN)
	if err != nil {
		return ""
	}
	_, label, _ := strings.Cut(a.Split()[1], "/")
	return label
}

// run runs the children and gives the result to the parent. What a crash cut short is found again: a child's name follows
// from the map run and its index.
func (m *mapRun) run(ctx context.Context) work {
	s := m.parent.s
	if err := m.open(); err != nil {
		return m.finish(ctx, Failed, failure.New(failure.Runtime, "the map run cannot be kept: %v", err))
	}
	s.mu.Lock()
	s.mu.mapRuns[m.effect.ARN] = m
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.mu.mapRuns, m.effect.ARN)
		s.mu.Unlock()
	}()
	exceeded := m.runChildren(ctx)
	switch {
	case s.ctx.Err() != nil:
		return nil // goes on at the next start of the platform
	case ctx.Err() != nil:
		return m.finish(ctx, Aborted, nil)
	case exceeded:
		return m.finish(ctx, Failed, failure.New(failure.ExceedToleratedThreshold, "The specified tolerated failure threshold was exceeded"))
	}
	return m.finish(ctx, Succeeded, nil)
}

// open takes up what is known of the map run from before a restart or redrive, and keeps it.
func (m *mapRun) open() error {
	s := m.parent.s
	old, ok, err := s.mapRunDocs.Get(m.effect.ARN)
	if err != nil {
		return err
	}
	if ok {
		m.mu.doc.Started, m.mu.doc.MaxConcurrency = old.Started, old.MaxConcurrency
		m.mu.doc.ToleratedCount, m.mu.doc.ToleratedShare = old.ToleratedCount, old.ToleratedShare
		m.mu.doc.Redrives, m.mu.doc.Redriven = old.Redrives, old.Redriven
		if m.redrives > old.Redrives {
			m.mu.doc.Redrives, m.mu.doc.Redriven = m.redrives, time.Now()
		}
		if err := m.recall(); err != nil {
			return err
		}
	}
	rev, ok, err := s.revisionDocs.Get(m.parent.e.RevisionKey)
	if err != nil {
		return err
	}
	if !ok {
		return &fault.Error{Kind: fault.Internal, Op: "workflows.mapRun", Noun: "state machine revision", Name: m.parent.e.RevisionKey, Detail: "it is missing"}
	}
	m.rev = rev
	return s.keepMapRun(m.doc())
}

// runChildren runs children until all have ended, ctx ends or too many have failed.
func (m *mapRun) runChildren(ctx context.Context) (exceeded bool) {
	children, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	slots := 0
	ended := make(chan struct{}, childrenAtOnce)
	for next := 0; (next < len(m.inputs) || slots > 0) && ctx.Err() == nil; {
		if next < len(m.inputs) && slots < m.limit() && !exceeded {
			i := next
			next++
			slots++
			wg.Go(func() { m.follow(children, i); ended <- struct{}{} })
			continue
		}
		if slots == 0 {
			break
		}
		m.mu.Lock()
		wake := m.mu.wake
		m.mu.Unlock()
		select {
		case <-ended:
			slots--
			if m.exceeded() {
				exceeded = true
				stop()
			}
		case <-wake:
		case <-ctx.Done():
		}
	}
	return exceeded
}

func (m *mapRun) doc() MapRun {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.doc
}

func (m *mapRun) limit() int {
	if n := m.doc().MaxConcurrency; n > 0 {
		return int(min(n, childrenAtOnce))
	}
	return childrenAtOnce
}

// exceeded reports whether more items failed than are put up with.
func (m *mapRun) exceeded() bool {
	d := m.doc()
	failed := d.Items.Failed + d.Items.TimedOut + d.Items.Aborted
	if failed == 0 {
		return false
	}
	count, share := m.effect.ToleratedCount, m.effect.ToleratedShare
	if d.ToleratedCount > 0 {
		count = d.ToleratedCount
	}
	if d.ToleratedShare > 0 {
		share = d.ToleratedShare
	}
	if count < 0 && share < 0 {
		return true // none is put up with unless one of them says so
	}
	return count >= 0 && failed > count || share >= 0 && float64(failed)*100 > share*float64(d.Items.Total)
}

// follow runs child i to its end, or finds how it ended before a restart.
func (m *mapRun) follow(ctx context.Context, i int) {
	s, in := m.parent.s, m.inputs[i]
	if m.results[i].Status != "" { // it is recalled
		m.moved("", m.results[i].Status, in.items)
		return
	}
	m.moved("", Running, in.items)
	res, err := m.execute(ctx, i)
	if err != nil {
		s.log.Error("a child execution cannot be run", "mapRun", m.effect.ARN, "index", i, "error", err)
		res.Status, res.Cause = Failed, err.Error()
	}
	m.results[i] = res
	m.moved(Running, res.Status, in.items)
	if m.effect.State.Map.Express && res.Status != Running {
		m.remember(i)
	}
}

func (m *mapRun) moved(from, to Status, items int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.doc.Items.add(from, to, items)
	m.mu.doc.Executions.add(from, to, 1)
}

// execute starts child i unless it was started before, and waits for it. When ctx ends the child is stopped.
func (m *mapRun) execute(ctx context.Context, i int) (childResult, error) {
	s := m.parent.s
	e := m.childOf(i, m.generation())
	done := s.openUntil(e.ARN)
	if done == nil && e.Type == Standard { // of one that is not open, the store has the last word
		if res, ended, err := m.endedBefore(ctx, e.ARN); ended || err != nil {
			return res, err
		}
		done = s.openUntil(e.ARN) // it may have been redriven
	}
	var r *run
	if done == nil {
		r = s.runOf(e, m.child, m.rev.Logging)
		if err := r.begin(m.inputs[i].input); err != nil {
			return childResult{}, err
		}
		done = r.done
	}
	select {
	case <-done:
	case <-ctx.Done():
		if s.ctx.Err() != nil {
			return childResult{Status: Running}, nil
		}
		// It may have ended meanwhile; then there is nobody to be told.
		_ = s.tell(context.WithoutCancel(ctx), e.ARN, message{in: interp.Stop{}})
		select {
		case <-done:
		case <-s.ctx.Done():
			return childResult{Status: Running}, nil
		}
	}
	if e.Type == Standard { // its run may be another by now
		return m.resultOf(e.ARN)
	}
	res := childResult{Started: r.e.Started, Stopped: r.e.Stopped, Redrives: r.e.Redrives, Generation: m.generation()}
	res.Status, res.Output, res.Error, res.Cause = r.outcome()
	return res, nil
}

// endedBefore gives the result of a Standard child that has ended, after redriving it when the map run is redriven and it
// did not succeed.
func (m *mapRun) endedBefore(ctx context.Context, executionARN string) (res childResult, ended bool, err error) {
	s := m.parent.s
	old, ok, err := s.executions.Get(executionARN)
	if err != nil || !ok || old.Status == Running {
		return res, false, err
	}
	if d := m.doc(); old.Status != Succeeded && old.Stopped.Before(d.Redriven) {
		if _, err := s.redrive(ctx, executionARN, "", true); err != nil && !fault.Is(err, fault.Conflict) {
			return res, false, err
		}
		if old, _, err = s.executions.Get(executionARN); err != nil || old.Status == Running {
			return res, false, err
		}
	}
	res, err = m.resultOf(executionARN)
	return res, err == nil, err
}

// resultOf is how a Standard child has ended.
func (m *mapRun) resultOf(executionARN string) (childResult, error) {
	d, err := m.parent.s.Describe(executionARN)
	if err != nil {
		return childResult{}, err
	}
	return childResult{Status: d.Status, Output: d.Output, Error: d.Error, Cause: d.Cause, Started: d.Started, Stopped: d.Stopped, Redrives: d.Redrives}, nil
}

// generation tells the Express children of a redriven map run from those before. A Standard child that is redriven is the same.
func (m *mapRun) generation() int {
	if m.effect.State.Map.Express {
		return m.doc().Redrives
	}
	return 0
}

// childOf is the document of child i.
func (m *mapRun) childOf(i, generation int) Execution {
	h := sha256.Sum256(fmt.Appendf(nil, "%s#%d#%d", m.effect.ARN, i, generation))
	var id [16]byte
	copy(id[:], h[:])
	name := uuid.Of(id)
	p := m.parent.e
	e := Execution{Name: name, MachineARN: m.mu.doc.MachineARN, MachineName: p.MachineName, RevisionKey: p.RevisionKey, RoleARN: p.RoleARN,
		Type: Standard, Started: time.Now(), Status: Running, TestCase: p.TestCase, TestOf: p.testOf(), TraceHeader: p.TraceHeader, MapRunARN: m.effect.ARN, MapState: m.effect.State.Path, ItemCount: int(m.inputs[i].items)}
	kind := "execution"
	if m.effect.State.Map.Express {
		e.Type, kind = Express, "express"
	}
	a, err := arn.Parse(p.ARN)
	if err == nil {
		machine, _, _ := strings.Cut(a.Split()[1], "/")
		e.ARN = resource(Scope{a.Account, a.Region}, kind, machine+"/"+labelIn(m.effect.ARN)+":"+name)
	}
	return e
}

// finish writes the results and how the map run ended, and tells the parent.
func (m *mapRun) finish(ctx context.Context, status Status, f *failure.Failure) work {
	var output value.Value
	if w := m.effect.State.Map.Writer; status == Succeeded || status == Failed && w != nil && w.Resource.ARN != "" {
		out, err := m.output(ctx)
		if err != nil && f == nil && !errors.As(err, &f) {
			f = failure.New(failure.Runtime, "%v", err)
		}
		output = out
	}
	if f != nil {
		status = Failed
	}
	m.mu.Lock()
	m.mu.doc.Status, m.mu.doc.Stopped = status, time.Now()
	doc := m.mu.doc
	m.mu.Unlock()
	r := m.parent
	if err := r.s.keepMapRun(doc); err != nil {
		r.s.log.Error("the end of a map run cannot be kept", "mapRun", doc.ARN, "error", err)
	}
	switch {
	case status == Aborted:
		return nil
	case f != nil:
		return r.deliver(message{in: interp.MapRunFailure{MapRun: m.effect.MapRun, Error: f.Name, Cause: f.Cause}})
	}
	return r.deliver(message{in: interp.MapRunOutput{MapRun: m.effect.MapRun, Output: output}})
}
