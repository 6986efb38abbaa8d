package sandboxtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"anthill/fault"
	"anthill/sandbox"
)

// Func is a handler. Its ctx ends when the environment is stopped: at the timeout, or when the pool closes. A handler
// that ignores ctx keeps Driver.Close waiting.
//
// It fails as functions do: an Error it returns becomes AWS's error object, any other error one with the type "Error",
// a panic with Exit ends the environment with that status, any other panic ends it with status 1.
type Func func(ctx context.Context, event []byte) ([]byte, error)

// Error is an exception of the handler.
type Error struct {
	Type, Message string
}

func (e *Error) Error() string { return e.Type + ": " + e.Message }

// Exit, when a handler panics with it, ends its environment with that exit status.
type Exit int

// Killed, when a handler panics with it, ends its environment as a signal would. OutOfMemory says that it was the
// memory limit's.
type Killed struct{ OutOfMemory bool }

// Options change what a Driver does.
type Options struct {
	// Init runs as the init phase of an environment, when it is set. Its error fails the init.
	Init func(ctx context.Context, spec sandbox.Spec) error
	// Restore runs as the hooks after a restore, when it is set. Its error fails the restore.
	Restore func(ctx context.Context, spec sandbox.Spec) error
	// Refuse says why no snapshot of a function can be kept; nil and "" mean that one can.
	Refuse func(spec sandbox.Spec) string
}

// Driver runs Go functions as environments.
type Driver struct {
	functions map[string]Func
	o         Options

	wg sync.WaitGroup
	mu struct {
		sync.Mutex
		environments map[string]*environment
		snapshots    map[string]bool // by Spec.Key
		stopped      map[string]bool // request ids whose environment was stopped
		freezes      int
		complete     time.Time // when the first platform asked for survivors
		closed       bool
	}
}

var (
	_ sandbox.Driver      = (*Driver)(nil)
	_ sandbox.Snapshotter = (*Driver)(nil)
	_ sandbox.Ledger      = (*Driver)(nil)
)

// New makes a driver of functions, which are found by Spec.Handler and, failing that, by Spec.FunctionName. A function
// that is in neither fails its init as a missing module does.
func New(functions map[string]Func) *Driver { return NewWith(functions, Options{}) }

// NewWith is New with options.
func NewWith(functions map[string]Func, o Options) *Driver {
	d := &Driver{functions: functions, o: o}
	d.mu.environments = map[string]*environment{}
	d.mu.snapshots = map[string]bool{}
	d.mu.stopped = map[string]bool{}
	return d
}

// Create makes an environment.
func (d *Driver) Create(ctx context.Context, spec sandbox.Spec, id string) (sandbox.Environment, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.closed {
		return nil, &fault.Error{Kind: fault.Canceled, Op: "sandboxtest.Create", Noun: "environment", Name: id}
	}
	e := &environment{d: d, id: id, spec: spec, created: time.Now()}
	d.mu.environments[id] = e
	return e, nil
}

// Survivors gives every environment that was not closed.
func (d *Driver) Survivors(ctx context.Context) ([]sandbox.Survivor, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.complete.IsZero() {
		d.mu.complete = time.Now()
	}
	var all []sandbox.Survivor
	for _, e := range d.mu.environments {
		all = append(all, sandbox.Survivor{ID: e.id, Spec: e.spec, Created: e.created, Environment: e})
	}
	return all, nil
}

// Complete is when the driver's first platform came: before it there may have been another driver.
func (d *Driver) Complete() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.complete
}

// Ended reports whether the environment of an invocation was stopped.
func (d *Driver) Ended(requestID string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.stopped[requestID]
}

// Close ends every environment and waits for its handler.
func (d *Driver) Close() error {
	d.mu.Lock()
	d.mu.closed = true
	all := d.mu.environments
	d.mu.environments = map[string]*environment{}
	d.mu.Unlock()
	for _, e := range all {
		e.Stop()
	}
	d.wg.Wait()
	return nil
}

// Functions is what the driver was made of: for another that takes its place when the machine has gone down.
func (d *Driver) Functions() map[string]Func { return d.functions }

// Len is the number of environments that exist.
func (d *Driver) Len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.mu.environments)
}

// Kill ends what runs in every environment, as if its process had been killed.
func (d *Driver) Kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.mu.environments {
		e.mu.Lock()
		if e.mu.run != nil {
			e.mu.run.end(sandbox.Outcome{Kind: sandbox.Exited, Exit: "signal: killed"})
		}
		e.mu.booted = false
		e.mu.Unlock()
	}
}

type logKey struct{}

// Log writes one log event from inside a handler.
func Log(ctx context.Context, format string, args ...any) {
	e, ok := ctx.Value(logKey{}).(*environment)
	if !ok {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.output = append(e.mu.output, sandbox.Entry{Time: time.Now(), Text: fmt.Sprintf(format, args...) + "\n"})
}

type environment struct {
	d       *Driver
	id      string
	spec    sandbox.Spec
	created time.Time

	mu struct {
		sync.Mutex
		booted bool
		frozen bool
		run    *run // the newest invocation, until the next or a Stop
		output []sandbox.Entry
	}
}

// run is one invocation. It ends once.
type run struct {
	requestID string
	deadline  time.Time
	sent      int64
	stop      context.CancelFunc
	done      chan struct{}
	once      sync.Once
	out       sandbox.Outcome
}

func (r *run) over() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

func (r *run) end(out sandbox.Outcome) {
	r.once.Do(func() {
		out.Received = time.Now().UnixNano()
		r.out = out
		r.stop()
		close(r.done)
	})
}

func (e *environment) function() (Func, bool) {
	if f, ok := e.d.functions[e.spec.Handler]; ok {
		return f, true
	}
	f, ok := e.d.functions[e.spec.FunctionName]
	return f, ok
}

// Snapshot runs the init phase. Environments of spec then start without it.
func (d *Driver) Snapshot(ctx context.Context, spec sandbox.Spec) (sandbox.Snapshot, error) {
	e := &environment{d: d, spec: spec}
	b, err := e.init(ctx)
	s := sandbox.Snapshot{Boot: b, Output: e.Output()}
	if d.o.Refuse != nil {
		s.Refused = d.o.Refuse(spec)
	}
	if b.Kind == sandbox.Answered && s.Refused == "" {
		d.mu.Lock()
		d.mu.snapshots[spec.Key] = true
		d.mu.Unlock()
	}
	return s, err
}

// Boot runs the init phase, or restores a snapshot.
func (e *environment) Boot(ctx context.Context) (sandbox.Boot, error) {
	e.d.mu.Lock()
	kept := e.spec.InitializationType == sandbox.SnapStart && e.d.mu.snapshots[e.spec.Key]
	e.d.mu.Unlock()
	if !kept {
		return e.init(ctx)
	}
	e.mu.Lock()
	e.mu.booted = true
	e.mu.Unlock()
	b := sandbox.Boot{Outcome: sandbox.Outcome{Kind: sandbox.Answered}, Start: sandbox.Restored, SpawnBegin: time.Now().UnixNano(), InitBegin: time.Now().UnixNano()}
	if e.d.o.Restore != nil {
		ctx, cancel := context.WithTimeout(ctx, sandbox.RestoreLimit)
		defer cancel()
		err := e.d.o.Restore(ctx, e.spec)
		switch {
		case ctx.Err() != nil:
			b.Kind = sandbox.TimedOut
		case err != nil:
			b.Outcome = failed("Runtime.AfterRestoreError", err.Error())
		}
	}
	b.InitEnd = time.Now().UnixNano()
	return b, nil
}

func (e *environment) init(ctx context.Context) (sandbox.Boot, error) {
	b := sandbox.Boot{Start: sandbox.Cold, SpawnBegin: time.Now().UnixNano(), InitBegin: time.Now().UnixNano()}
	_, known := e.function()
	switch {
	case !known:
		b.Outcome = failed("Runtime.ImportModuleError", "Unable to import module '"+e.spec.Handler+"'")
	case e.d.o.Init == nil:
		b.Kind = sandbox.Answered
	default:
		err := e.d.o.Init(context.WithValue(ctx, logKey{}, e), e.spec)
		switch {
		case ctx.Err() != nil:
			b.Kind = sandbox.TimedOut
		case err != nil:
			b.Outcome = failedBy(err)
		default:
			b.Kind = sandbox.Answered
		}
	}
	b.InitEnd = time.Now().UnixNano()
	e.mu.Lock()
	e.mu.booted = b.Kind == sandbox.Answered
	e.mu.Unlock()
	return b, nil
}

// Freeze freezes: to send an invocation to a frozen environment panics, and so does to freeze one that runs.
func (e *environment) Freeze() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.frozen || e.mu.run != nil && !e.mu.run.over() {
		panic("an environment was frozen that is frozen or not idle")
	}
	e.mu.frozen = e.mu.booted
	e.d.mu.Lock()
	e.d.mu.freezes++
	e.d.mu.Unlock()
	return e.mu.frozen
}

// Thaw takes that back.
func (e *environment) Thaw() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.frozen = false
}

// Freezes counts how often an environment was frozen.
func (d *Driver) Freezes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.freezes
}

// Send starts the handler.
func (e *environment) Send(inv *sandbox.Invocation, deadline time.Time) error {
	f, _ := e.function()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.mu.booted {
		return &fault.Error{Kind: fault.Conflict, Op: "sandboxtest.Send", Noun: "environment", Name: e.id, Detail: "not running"}
	}
	if e.mu.frozen {
		panic("an invocation was sent to a frozen environment")
	}
	ctx, stop := context.WithCancel(context.WithValue(context.Background(), logKey{}, e))
	r := &run{requestID: inv.RequestID, deadline: deadline, sent: time.Now().UnixNano(), stop: stop, done: make(chan struct{})}
	e.mu.run = r
	event := append([]byte(nil), inv.Payload...)
	e.d.wg.Go(func() { r.end(call(ctx, f, event)) })
	return nil
}

func call(ctx context.Context, f Func, event []byte) (out sandbox.Outcome) {
	entered := time.Now().UnixNano()
	defer func() {
		switch p := recover().(type) {
		case nil:
		case Exit:
			out = sandbox.Outcome{Kind: sandbox.Exited}
			if p != 0 {
				out.Exit = fmt.Sprintf("exit status %d", int(p))
			}
		case Killed:
			out = sandbox.Outcome{Kind: sandbox.Exited, Exit: "signal: killed", OutOfMemory: p.OutOfMemory}
		default:
			out = sandbox.Outcome{Kind: sandbox.Exited, Exit: "exit status 1"}
		}
		out.Entered, out.Returned = entered, time.Now().UnixNano()
	}()
	answer, err := f(ctx, event)
	if err != nil {
		return failedBy(err)
	}
	if answer == nil {
		answer = []byte("null")
	}
	return sandbox.Outcome{Kind: sandbox.Answered, Payload: answer, MaxMemoryMB: 1}
}

func failedBy(err error) sandbox.Outcome {
	var e *Error
	if errors.As(err, &e) {
		return failed(e.Type, e.Message)
	}
	return failed("Error", err.Error())
}

func failed(errorType, message string) sandbox.Outcome {
	payload, _ := json.Marshal(map[string]any{"errorMessage": message, "errorType": errorType, "stackTrace": []string{}}) // strings always marshal
	return sandbox.Outcome{Kind: sandbox.Failed, Payload: payload, ErrorType: errorType}
}

// Wait waits for the handler.
func (e *environment) Wait(ctx context.Context, until time.Time) (sandbox.Outcome, error) {
	e.mu.Lock()
	r := e.mu.run
	e.mu.Unlock()
	if r == nil {
		return sandbox.Outcome{Kind: sandbox.Exited, Exit: "signal: killed"}, nil
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-r.done:
		return r.out, nil
	case <-ctx.Done():
		return sandbox.Outcome{}, &fault.Error{Kind: fault.Canceled, Op: "sandboxtest.Wait", Noun: "invocation", Err: ctx.Err()}
	case <-timer.C:
		return sandbox.Outcome{}, nil
	}
}

// Output gives what Log has written.
func (e *environment) Output() []sandbox.Entry {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := e.mu.output
	e.mu.output = nil
	return out
}

// Resume says which invocation runs or has an outcome that is kept.
func (e *environment) Resume(ctx context.Context) (sandbox.Resumed, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.frozen = false // as a supervisor lets all run on when its platform goes
	r := sandbox.Resumed{Ended: !e.mu.booted}
	if e.mu.run != nil {
		r.RequestID, r.Deadline, r.Sent = e.mu.run.requestID, e.mu.run.deadline, e.mu.run.sent
	}
	return r, nil
}

func (d *Driver) noteStop(requestID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.stopped[requestID] = true
}

// Stop ends the handler's ctx. A handler that does not heed it runs on unseen, which a real one could not.
func (e *environment) Stop() {
	e.mu.Lock()
	r := e.mu.run
	e.mu.booted, e.mu.frozen, e.mu.run = false, false, nil
	e.mu.Unlock()
	if r != nil {
		e.d.noteStop(r.requestID)
		r.end(sandbox.Outcome{Kind: sandbox.Exited, Exit: "signal: killed"})
	}
}

// Close ends the environment.
func (e *environment) Close() error {
	e.Stop()
	e.d.mu.Lock()
	defer e.d.mu.Unlock()
	delete(e.d.mu.environments, e.id)
	return nil
}
