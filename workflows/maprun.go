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
	"anthill/value"
)

// MapRun is one run of a distributed Map state: its child executions, and how they fare.
type MapRun struct {
	ARN            string
	Execution      string // ARN of the execution whose state it is
	MachineARN     string // with the label: what the children run
	Started        time.Time
	Stopped        time.Time `json:",omitzero"`
	Status         Status
	MaxConcurrency int64
	ToleratedCount int64
	ToleratedShare float64 // percent
	Items          Counts
	Executions     Counts
	Redrives       int
	Redriven       time.Time `json:",omitzero"`
}

// Counts are items or child executions by how they stand.
type Counts struct{ Total, Pending, Running, Succeeded, Failed, TimedOut, Aborted, ResultsWritten int64 }

// add moves n items from one status to another; "" is pending.
func (c *Counts) add(from, to Status, n int64) {
	*c.of(from) -= n
	*c.of(to) += n
}

func (c *Counts) of(s Status) *int64 {
	switch s {
	case Running:
		return &c.Running
	case Succeeded:
		return &c.Succeeded
	case Failed:
		return &c.Failed
	case TimedOut:
		return &c.TimedOut
	case Aborted:
		return &c.Aborted
	}
	return &c.Pending
}

// childrenAtOnce is how many child executions of one map run are open at most, whatever MaxConcurrency says.
const childrenAtOnce = 1000

// mapRun drives a MapRun.
type mapRun struct {
	parent *run
	effect *interp.RunMap
	child  *asl.Machine
	rev    Revision
	inputs []childInput

	redrives int // of the parent, when this run goes on with one that did not succeed; else 0

	mu struct {
		sync.Mutex
		doc     MapRun
		outputs []value.Value // by child; Absent for those that did not succeed
		wake    chan struct{} // closed and replaced when the limits change
	}
}

// childInput is what one child execution is given.
type childInput struct {
	input value.Value
	items int64
}

// startMap prepares a distributed Map while the driver owns the execution, and gives the work of running it.
func (r *run) startMap(e *interp.RunMap) work {
	fail := func(f *failure.Failure) work {
		return func() work {
			return r.deliver(message{in: interp.MapRunFailure{MapRun: e.MapRun, Error: f.Name, Cause: f.Cause}})
		}
	}
	if e.Items.IsAbsent() {
		return fail(failure.New(failure.ItemReaderFailed, "This platform reads no items from %s yet.", e.State.Map.Reader.Resource.ARN))
	}
	m := &mapRun{parent: r, effect: e, child: e.State.Map.Child()}
	inputs, err := childInputs(e)
	if err != nil {
		var f *failure.Failure
		if !errors.As(err, &f) {
			f = failure.New(failure.Runtime, "%v", err)
		}
		return fail(f)
	}
	m.inputs = inputs
	if e.Redriven {
		m.redrives = r.x.RedriveCount()
	}
	d := MapRun{ARN: e.ARN, Execution: r.e.ARN, MachineARN: r.e.MachineARN + "/" + labelIn(e.ARN), Started: time.Now(), Status: Running,
		MaxConcurrency: e.MaxConcurrency, ToleratedCount: max(e.ToleratedCount, 0), ToleratedShare: max(e.ToleratedShare, 0)}
	for _, c := range inputs {
		d.Items.Total += c.items
	}
	d.Executions.Total, d.Executions.Pending, d.Items.Pending = int64(len(inputs)), int64(len(inputs)), d.Items.Total
	m.mu.doc, m.mu.outputs, m.mu.wake = d, make([]value.Value, len(inputs)), make(chan struct{})
	ctx, cancel := context.WithCancel(r.s.ctx)
	r.tasks[e.Key()] = &Task{r: r, RunTask: &interp.RunTask{}, ctx: ctx, cancel: cancel}
	return func() work { return m.run(ctx) }
}

// childInputs computes what each child execution is given: an item, or a batch of them.
func childInputs(e *interp.RunMap) ([]childInput, error) {
	var items []value.Value
	for i, item := range e.Items.Items() {
		in, err := e.Input(i, item)
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
	var out []childInput
	var batch []value.Value
	bytes := int64(0)
	flush := func() {
		if len(batch) == 0 {
			return
		}
		members := []value.Member{{Key: "Items", Value: value.OfArray(batch...)}}
		if !shared.IsAbsent() {
			members = append([]value.Member{{Key: "BatchInput", Value: shared}}, members...)
		}
		out = append(out, childInput{value.OfObject(members...), int64(len(batch))})
		batch, bytes = nil, 0
	}
	for _, in := range items {
		size := int64(len(in.String()))
		if e.BatchItems > 0 && int64(len(batch)) == e.BatchItems || e.BatchBytes > 0 && len(batch) > 0 && bytes+size > e.BatchBytes {
			flush()
		}
		batch = append(batch, in)
		bytes += size
	}
	flush()
	return out, nil
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
	if old, ok, err := s.mapRunDocs.Get(m.effect.ARN); err == nil && ok {
		m.mu.doc.Started, m.mu.doc.MaxConcurrency = old.Started, old.MaxConcurrency
		m.mu.doc.ToleratedCount, m.mu.doc.ToleratedShare = old.ToleratedCount, old.ToleratedShare
		m.mu.doc.Redrives, m.mu.doc.Redriven = old.Redrives, old.Redriven
		if m.redrives > old.Redrives {
			m.mu.doc.Redrives, m.mu.doc.Redriven = m.redrives, time.Now()
		}
	}
	rev, ok, err := s.revisionDocs.Get(m.parent.e.RevisionKey)
	if err != nil || !ok {
		return m.finish(Failed, failure.New(failure.Runtime, "the state machine of the execution is missing: %v", err))
	}
	m.rev = rev
	if err := s.keepMapRun(m.doc()); err != nil {
		return m.finish(Failed, failure.New(failure.Runtime, "the map run cannot be kept: %v", err))
	}
	s.mu.Lock()
	s.mu.mapRuns[m.effect.ARN] = m
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.mu.mapRuns, m.effect.ARN)
		s.mu.Unlock()
	}()
	children, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	slots := 0
	ended := make(chan struct{}, childrenAtOnce)
	exceeded := false
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
	stop()
	wg.Wait()
	switch {
	case s.ctx.Err() != nil:
		return nil // goes on at the next start of the platform
	case ctx.Err() != nil:
		return m.finish(Aborted, nil)
	case exceeded:
		return m.finish(Failed, failure.New(failure.ExceedToleratedThreshold, "The specified tolerated failure threshold was exceeded"))
	}
	return m.finish(Succeeded, nil)
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
	m.moved("", Running, in.items)
	status, output, err := m.execute(ctx, i)
	if err != nil {
		s.log.Error("a child execution cannot be run", "mapRun", m.effect.ARN, "index", i, "error", err)
		status = Failed
	}
	m.mu.Lock()
	if status == Succeeded {
		m.mu.outputs[i] = output
	}
	m.mu.Unlock()
	m.moved(Running, status, in.items)
}

func (m *mapRun) moved(from, to Status, items int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.doc.Items.add(from, to, items)
	m.mu.doc.Executions.add(from, to, 1)
}

// execute starts child i unless it was started before, and waits for it. When ctx ends the child is stopped.
func (m *mapRun) execute(ctx context.Context, i int) (Status, value.Value, error) {
	s := m.parent.s
	e := m.childOf(i)
	if e.Type == Standard {
		old, ok, err := s.executions.Get(e.ARN)
		if err != nil {
			return Failed, value.Value{}, err
		}
		if d := m.doc(); ok && old.Status != Running && old.Status != Succeeded && old.Stopped.Before(d.Redriven) {
			if _, err := s.redrive(ctx, e.ARN, "", true); err != nil && !fault.Is(err, fault.Conflict) {
				return Failed, value.Value{}, err
			}
			if old, ok, err = s.executions.Get(e.ARN); err != nil {
				return Failed, value.Value{}, err
			}
		}
		if ok && old.Status != Running {
			res, err := s.Describe(e.ARN)
			if err != nil {
				return Failed, value.Value{}, err
			}
			return res.Status, res.Output, nil
		}
	}
	r := s.running(e.ARN)
	if r == nil {
		r = s.runOf(e, m.child, m.rev.Logging)
		if err := r.begin(m.inputs[i].input); err != nil {
			return Failed, value.Value{}, err
		}
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if s.ctx.Err() == nil {
			// It may have ended meanwhile; then there is nobody to be told.
			_ = s.tell(context.WithoutCancel(ctx), e.ARN, message{in: interp.Stop{}})
			<-r.done
		} else {
			return Running, value.Value{}, nil
		}
	}
	status, output, _, _ := r.outcome()
	return status, output, nil
}

// childOf is the document of child i.
func (m *mapRun) childOf(i int) Execution {
	generation := 0 // a Standard child that is redriven keeps its name
	if m.effect.State.Map.Express {
		generation = m.doc().Redrives
	}
	h := sha256.Sum256(fmt.Appendf(nil, "%s#%d#%d", m.effect.ARN, i, generation))
	var id [16]byte
	copy(id[:], h[:])
	name := uuid(id)
	p := m.parent.e
	e := Execution{Name: name, MachineARN: m.mu.doc.MachineARN, MachineName: p.MachineName, RevisionKey: p.RevisionKey, RoleARN: p.RoleARN,
		Type: Standard, Started: time.Now(), Status: Running, MapRunARN: m.effect.ARN, MapState: m.effect.State.Path, ItemCount: int(m.inputs[i].items)}
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

// finish writes how the map run ended and tells the parent.
func (m *mapRun) finish(status Status, f *failure.Failure) work {
	m.mu.Lock()
	d := &m.mu.doc
	d.Status, d.Stopped = status, time.Now()
	outputs := make([]value.Value, 0, len(m.mu.outputs))
	for _, o := range m.mu.outputs {
		if !o.IsAbsent() {
			outputs = append(outputs, o.Compact())
		}
	}
	doc := *d
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
	return r.deliver(message{in: interp.MapRunOutput{MapRun: m.effect.MapRun, Output: value.OfArray(outputs...)}})
}

func (s *Service) keepMapRun(d MapRun) error {
	return s.c.Store.Commit(s.mapRunDocs.Write(d.ARN, d), s.mapRunsOf.Write(d.Execution+"\x01"+d.Started.UTC().Format(time.RFC3339Nano)+"\x01"+d.ARN, struct{}{}))
}

// MapRun finds a map run.
func (s *Service) MapRun(mapRunARN string) (*MapRun, error) {
	const op = "workflows.MapRun"
	if _, err := parseARN(op, mapRunARN, "mapRun"); err != nil {
		return nil, err
	}
	s.mu.RLock()
	m := s.mu.mapRuns[mapRunARN]
	s.mu.RUnlock()
	if m != nil {
		d := m.doc()
		return &d, nil
	}
	d, ok, err := s.mapRunDocs.Get(mapRunARN)
	if err != nil {
		return nil, fault.In(op, err)
	}
	if !ok {
		return nil, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "resource", Name: mapRunARN, Detail: "Resource not found: '" + mapRunARN + "'"}
	}
	return &d, nil
}

// MapRuns lists the map runs of an execution, oldest first.
func (s *Service) MapRuns(executionARN string) ([]*MapRun, error) {
	const op = "workflows.MapRuns"
	if _, err := s.Get(executionARN); err != nil {
		return nil, err
	}
	var out []*MapRun
	for d, err := range s.mapRunsOf.Scan(executionARN + "\x01") {
		if err != nil {
			return nil, fault.In(op, err)
		}
		m, err := s.MapRun(d.Key[strings.LastIndex(d.Key, "\x01")+1:])
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// MapRunLimits changes a map run that runs; nil leaves what is there.
type MapRunLimits struct {
	MaxConcurrency *int64
	ToleratedCount *int64
	ToleratedShare *float64
}

// UpdateMapRun changes the limits of a map run that runs.
func (s *Service) UpdateMapRun(mapRunARN string, l MapRunLimits) error {
	const op = "workflows.UpdateMapRun"
	if _, err := s.MapRun(mapRunARN); err != nil {
		return err
	}
	s.mu.RLock()
	m := s.mu.mapRuns[mapRunARN]
	s.mu.RUnlock()
	if m == nil {
		return nil // it has ended: AWS accepts and ignores
	}
	m.mu.Lock()
	if l.MaxConcurrency != nil {
		m.mu.doc.MaxConcurrency = *l.MaxConcurrency
	}
	if l.ToleratedCount != nil {
		m.mu.doc.ToleratedCount = *l.ToleratedCount
	}
	if l.ToleratedShare != nil {
		m.mu.doc.ToleratedShare = *l.ToleratedShare
	}
	d := m.mu.doc
	close(m.mu.wake)
	m.mu.wake = make(chan struct{})
	m.mu.Unlock()
	return fault.In(op, s.keepMapRun(d))
}
