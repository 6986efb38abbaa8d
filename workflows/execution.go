package workflows

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"anthill/asl/interp"
	"anthill/fault"
	"anthill/history"
	"anthill/store"
	"anthill/uuid"
	"anthill/value"
)

// Status is where an execution stands, in AWS's words.
type Status string

const (
	Running   Status = "RUNNING"
	Succeeded Status = "SUCCEEDED"
	Failed    Status = "FAILED"
	TimedOut  Status = "TIMED_OUT"
	Aborted   Status = "ABORTED"
)

func statusOf(x *interp.Execution) Status {
	switch x.Status() {
	case interp.Succeeded:
		return Succeeded
	case interp.Failed:
		return Failed
	case interp.TimedOut:
		return TimedOut
	case interp.Aborted:
		return Aborted
	}
	return Running
}

// Execution is the document of one execution. Its input, output and events are in its stream.
type Execution struct {
	ARN         string
	Name        string
	MachineARN  string // without a version or alias; of a map run's child, with its label
	MachineName string
	VersionARN  string `json:",omitempty"`
	AliasARN    string `json:",omitempty"`
	RevisionKey string
	RoleARN     string
	Type        Type
	Started     time.Time
	Stopped     time.Time `json:",omitzero"`
	Status      Status
	TraceHeader string    `json:",omitempty"`
	TestCase    string    `json:",omitempty"` // of a mock configuration
	TestOf      string    `json:",omitempty"` // of a map run's child with a test case: the execution that was started with it
	MapRunARN   string    `json:",omitempty"`
	MapState    string    `json:",omitempty"` // of a map run's child: the path of the Map state in the definition
	ItemCount   int       `json:",omitempty"` // of a map run's child: the items it was given
	Events      int64     `json:",omitempty"` // of one that has ended: the events that AWS shows of it
	Redrives    int       `json:",omitempty"`
	Redriven    time.Time `json:",omitzero"`

	// RedriveTokens are the client tokens of the last redrives, oldest first.
	RedriveTokens []redriveToken `json:",omitempty"`
}

// stream is where the execution's events are.
func (e *Execution) stream() history.Stream { return history.Stream("execution/" + e.ARN) }

// orderKey lists the executions of a machine newest first.
func (e *Execution) orderKey() string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], ^uint64(e.Started.UnixNano()))
	return e.MachineARN + "\x01" + hexOf(b[:]) + "/" + e.ARN
}

// StartInput is what StartExecution is given.
type StartInput struct {
	Target      string  // a state machine, version or alias ARN
	Name        string  // "" makes one
	Input       *string // nil is {}
	TraceHeader string
}

// longestExpress is how many seconds an Express execution may take (Service quotas).
const longestExpress = 5 * 60

// maxInput is how many bytes an input may have (Service quotas).
const maxInput = 256 * 1024

// start is a name that is being taken. done is closed when it is known what became of it.
type start struct{ done chan struct{} }

// Start begins an execution of a Standard or Express machine. When it returns, a Standard one is durable. A name that is
// taken gives the execution that has it while it runs and has the same input (API reference, StartExecution).
func (s *Service) Start(ctx context.Context, in StartInput) (*Execution, error) {
	const op = "workflows.Start"
	r, input, err := s.prepare(op, in)
	if err != nil {
		return nil, err
	}
	if r.e.Type == Express {
		r.begin(input)
		return &r.e, nil
	}
	if in.Name == "" { // nobody else has the name that was made for it
		if err := r.begin(input); err != nil {
			return nil, fault.In(op, err)
		}
		return &r.e, nil
	}
	release, err := s.claim(ctx, r.e.ARN)
	if err != nil {
		return nil, fault.In(op, err)
	}
	defer release()
	old, taken, err := s.executions.Get(r.e.ARN)
	if err != nil {
		return nil, fault.In(op, err)
	}
	if taken {
		if was, _, err := s.input(&old); err != nil || old.Status != Running || !value.Equal(was, input) {
			return nil, &fault.Error{Kind: fault.Exists, Op: op, Noun: "execution", Name: r.e.ARN, Detail: "Execution Already Exists: '" + r.e.ARN + "'"}
		}
		return &old, nil
	}
	r.fresh = true // its events and its document come and go together
	if err := r.begin(input); err != nil {
		return nil, fault.In(op, err)
	}
	return &r.e, nil
}

// claim waits until nobody else starts or redrives the execution, and keeps others from it until release.
func (s *Service) claim(ctx context.Context, executionARN string) (release func(), err error) {
	mine := &start{done: make(chan struct{})}
	for {
		s.mu.Lock()
		other := s.mu.starting[executionARN]
		if other == nil {
			s.mu.starting[executionARN] = mine
		}
		s.mu.Unlock()
		if other == nil {
			break
		}
		select {
		case <-other.done:
		case <-ctx.Done():
			return nil, &fault.Error{Kind: fault.Canceled, Noun: "execution", Name: executionARN, Err: ctx.Err()}
		}
	}
	return func() {
		s.mu.Lock()
		delete(s.mu.starting, executionARN)
		s.mu.Unlock()
		close(mine.done)
	}, nil
}

// prepare checks a StartInput and makes the run it asks for.
func (s *Service) prepare(op string, in StartInput) (*run, value.Value, error) {
	target, test, err := s.testCase(op, in.Target)
	if err != nil {
		return nil, value.Value{}, err
	}
	t, err := s.Resolve(target)
	if err != nil {
		return nil, value.Value{}, err
	}
	named := in.Name == "" // by us
	if named {
		in.Name = uuid.New()
	}
	if err := checkName(op, in.Name); err != nil {
		return nil, value.Value{}, err
	}
	input, err := parseInput(op, in.Input)
	if err != nil {
		return nil, value.Value{}, err
	}
	now := time.Now()
	m := t.Machine
	e := Execution{Name: in.Name, MachineARN: m.ARN, MachineName: m.Name, RevisionKey: t.Revision.Key, RoleARN: t.Revision.RoleARN,
		Type: t.Revision.Type, Started: now, Status: Running, TraceHeader: in.TraceHeader, TestCase: test}
	if t.Version != nil {
		e.VersionARN = t.Version.ARN()
	}
	if t.Alias != nil {
		e.AliasARN = t.Alias.ARN
	}
	e.ARN = resource(m.Scope, "execution", m.Name+":"+in.Name)
	if e.Type == Express {
		e.ARN = resource(m.Scope, "express", m.Name+":"+in.Name+":"+uuid.New())
	}
	r, err := s.newRun(e, t.Revision)
	if err == nil {
		r.fresh = named || e.Type == Express
	}
	return r, input, err
}

// parseInput reads an execution's input or gives AWS's words about it.
func parseInput(op string, text *string) (value.Value, error) {
	if text == nil {
		return value.MustParse("{}"), nil
	}
	invalid := func(why string) (value.Value, error) {
		return value.Value{}, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "execution input", Detail: "Invalid State Machine Execution Input: '" + why + "'"}
	}
	if len(*text) > maxInput {
		return invalid("Input exceeds the maximum number of bytes service limit.")
	}
	v, err := value.Parse(*text)
	if err != nil {
		return invalid(jacksonMessage(*text, err))
	}
	return v, nil
}

// begin decides and flushes the execution's start, and acts upon it. For a Standard one an error means that nothing
// happened.
func (r *run) begin(input value.Value) error {
	var seed [16]byte
	rand.Read(seed[:])
	r.mu.busy = true // nobody else knows r yet
	err := r.first(message{in: interp.Start{Input: input, Seed: seed}, at: r.e.Started})
	if err != nil {
		return err
	}
	r.drive()
	return nil
}

// Get gives the document of an execution.
func (s *Service) Get(executionARN string) (*Execution, error) {
	const op = "workflows.Get"
	if _, err := parseARN(op, executionARN, "execution"); err != nil {
		return nil, err
	}
	e, ok, err := s.executions.Get(executionARN)
	if err != nil {
		return nil, fault.In(op, err)
	}
	if !ok {
		return nil, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "execution", Name: executionARN, Detail: "Execution Does Not Exist: '" + executionARN + "'"}
	}
	if e.Status != Running && s.driven(executionARN) {
		// Its end is committed and not flushed yet: readers of its history do not see it, and a power cut could still undo it.
		e.Status, e.Stopped = Running, time.Time{}
	}
	return &e, nil
}

// driven reports whether an execution is open here.
func (s *Service) driven(executionARN string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.runs[executionARN] != nil || s.mu.resting[executionARN] != nil
}

// Result is how an execution stands, with its data.
type Result struct {
	Execution
	Input  value.Value
	Output value.Value // Absent unless it succeeded
	Error  string
	Cause  string
}

// Describe gives an execution with its input, output, error and cause.
func (s *Service) Describe(executionARN string) (*Result, error) {
	return s.describe("workflows.Describe", executionARN, true)
}

// Metadata is Describe without the input and the output.
func (s *Service) Metadata(executionARN string) (*Result, error) {
	return s.describe("workflows.Metadata", executionARN, false)
}

func (s *Service) describe(op, executionARN string, data bool) (*Result, error) {
	e, err := s.Get(executionARN)
	if err != nil {
		return nil, err
	}
	r := &Result{Execution: *e}
	if !data && (e.Status == Running || e.Status == Succeeded) { // neither has an error or a cause
		return r, nil
	}
	if e.Status == Running {
		if r.Input = s.inputInMemory(executionARN); !r.Input.IsAbsent() { // who polls an open execution costs no disk
			return r, nil
		}
	}
	if data {
		if r.Input, _, err = s.input(e); err != nil {
			return nil, fault.In(op, err)
		}
	}
	if e.Status == Running {
		return r, nil
	}
	for rec, err := range s.c.History.ReadBack(e.stream()) {
		if err != nil {
			return nil, fault.In(op, err)
		}
		ev, ok, err := eventOf(rec.Data)
		if err != nil {
			return nil, fault.In(op, err)
		}
		if !ok {
			continue
		}
		if !ev.Type.Ends() { // the end is on its way to the disk; until it is there, nobody is told of it
			r.Status, r.Stopped = Running, time.Time{}
			return r, nil
		}
		if ev.Type != interp.ExecutionTimedOut { // AWS's description of those has neither
			r.Error, r.Cause = ev.Error, ev.Cause
		}
		if ev.Type == interp.ExecutionSucceeded {
			r.Output = ev.Payload
		}
		return r, nil
	}
	return r, nil
}

// inputInMemory is the input of an execution that began since the platform did and is driven; absent for others.
func (s *Service) inputInMemory(executionARN string) value.Value {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.mu.runs[executionARN]; r != nil {
		if in := r.input.Load(); in != nil {
			return *in
		}
	}
	return value.Value{}
}

// input is what an execution was started with, from its first event.
func (s *Service) input(e *Execution) (value.Value, time.Time, error) {
	for rec, err := range s.c.History.Read(e.stream(), 1) {
		if err != nil {
			return value.Value{}, time.Time{}, err
		}
		if ev, ok, err := eventOf(rec.Data); err != nil || ok {
			return ev.Payload, ev.Time, err
		}
	}
	return value.Value{}, time.Time{}, &fault.Error{Kind: fault.Internal, Noun: "execution", Name: e.ARN, Detail: "its stream has no events"}
}

// Listing asks for executions of a machine, or of a map run. Empty fields do not restrict.
type Listing struct {
	MachineARN string // a state machine, version or alias
	MapRunARN  string
	Status     Status
	Redriven   *bool
	Limit      int    // 0 means 100
	After      string // the token of the page before
}

// List gives executions newest first, and the token of the next page, "" for none.
func (s *Service) List(l Listing) (page []Execution, next string, err error) {
	const op = "workflows.List"
	if l.Limit <= 0 {
		l.Limit = 100
	}
	prefix := l.MapRunARN
	if prefix == "" {
		t, err := s.Resolve(l.MachineARN)
		if err != nil {
			return nil, "", err
		}
		if t.Revision.Type == Express {
			return nil, "", wrongType(op, l.MachineARN)
		}
		prefix = t.Machine.ARN
	}
	from := prefix + "\x01"
	if l.After != "" {
		key, ok := openToken(l.After)
		if !ok || !strings.HasPrefix(key, from) {
			return nil, "", badToken(op)
		}
		from = key
	}
	for d, err := range s.order.ScanFrom(prefix+"\x01", from) {
		if err != nil {
			return nil, "", fault.In(op, err)
		}
		_, executionARN, _ := strings.Cut(d.Key[len(prefix)+1:], "/")
		e, ok, err := s.executions.Get(executionARN)
		if err != nil {
			return nil, "", fault.In(op, err)
		}
		if !ok || !l.wants(&e) {
			continue
		}
		if len(page) == l.Limit {
			return page, sealToken(d.Key), nil
		}
		page = append(page, e)
	}
	return page, "", nil
}

func (l *Listing) wants(e *Execution) bool {
	if l.Status != "" && e.Status != l.Status || l.Redriven != nil && *l.Redriven != (e.Redrives > 0) {
		return false
	}
	return l.MapRunARN != "" || slices.Contains([]string{e.MachineARN, e.VersionARN, e.AliasARN}, l.MachineARN)
}

// Stop ends an execution as ABORTED, and returns when that is durable. One that has ended stays as it is.
func (s *Service) Stop(ctx context.Context, executionARN, errorName, cause string) (time.Time, error) {
	const op = "workflows.Stop"
	e, err := s.Get(executionARN)
	if err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	if e.Status != Running {
		return e.Stopped, nil
	}
	return at, fault.In(op, s.tell(ctx, executionARN, message{in: interp.Stop{Error: errorName, Cause: cause}, at: at}))
}

// openWrites are what the start of a Standard execution commits beside its events.
func (s *Service) openWrites(e *Execution, rest openRecord) []store.Write {
	return []store.Write{s.write(e), s.order.Write(e.listKey(), struct{}{}), s.open.Write(e.ARN, rest)}
}

// listKey is the key in the order of the machine, or of the map run that the execution belongs to.
func (e *Execution) listKey() string {
	if e.MapRunARN == "" {
		return e.orderKey()
	}
	of := *e
	of.MachineARN = e.MapRunARN
	return of.orderKey()
}
