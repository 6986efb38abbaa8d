package process

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"anthill/fault"
	"anthill/sandbox"
	"anthill/sandbox/supervisor"
)

// environment is one execution environment.
type environment struct {
	d        *Driver
	id       string
	spec     sandbox.Spec
	dir      string
	created  time.Time
	runtime  managed
	survivor bool // made by an earlier platform, and not booted since

	tmp    string          // the name of its /tmp
	frozen []int           // processes that are stopped until the next invocation
	notice string          // for the log, before anything else
	early  []sandbox.Entry // printed by the init of the snapshot that it was restored from first
	out    output
	number uint64                                 // of the newest invocation
	stream func(contentType string, piece []byte) // of it, nil when its answer comes whole

	mu struct {
		sync.Mutex
		p *running // nil when no runtime runs
	}
}

// running is one process of a runtime.
type running struct {
	pid   int
	conn  *conn
	ended chan struct{} // closed when exit is there
	exit  supervisor.Exit
	first frame // of a survivor: what came with its hello
	has   bool
}

// past is a deadline that has passed: it wakes a blocked reader.
var past = time.Unix(1, 0)

func (e *environment) begin(c *conn, pid int) *running {
	p := &running{pid: pid, conn: c, ended: make(chan struct{})}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.p = p
	return p
}

func (e *environment) current() *running {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.mu.p
}

func (e *environment) exited(x supervisor.Exit) {
	e.mu.Lock()
	p := e.mu.p
	defer e.mu.Unlock()
	if p == nil || (p.pid != 0 && p.pid != x.PID) {
		return
	}
	select {
	case <-p.ended:
		return
	default:
	}
	p.exit = x
	close(p.ended)
	if p.conn != nil {
		_ = p.conn.SetReadDeadline(past)
	}
}

// RuntimeVersion is what INIT_START shows.
func (e *environment) RuntimeVersion() string { return e.runtime.version }

// Boot starts the runtime and waits for its init phase.
func (e *environment) Boot(ctx context.Context) (sandbox.Boot, error) {
	const op = "process.Boot"
	e.survivor = false
	client, err := e.d.supervisor(ctx)
	if err != nil {
		return sandbox.Boot{}, fault.In(op, err)
	}
	lead := e.goFirst(ctx)
	defer func() { lead.end() }()
	b := sandbox.Boot{Start: sandbox.Cold, RuntimeVersion: e.runtime.version, SpawnBegin: time.Now().UnixNano()}
	begun, p, err := e.start(ctx, client)
	if begun.Taken != nil { // the snapshot was lost, and could not be taken again: it starts by an init of its own
		reason := reasonOf(begun.Taken)
		e.d.refuse(&e.spec, reason)
		e.notice += "SnapStart: there is no snapshot: " + reason + "\n"
		begun, p, err = e.start(ctx, client)
	}
	if err != nil {
		return sandbox.Boot{}, fault.In(op, err)
	}
	b.Spawned = time.Now().UnixNano()
	b.RuntimeVersion = e.runtime.version
	e.keepTmp(begun.Tmp)
	b.PID, b.Method = begun.PID, begun.Method
	if begun.Restored {
		b.Start = sandbox.Restored
	}
	if e.spec.Method == "plain" {
		b.Method = "plain"
	}
	deadline, limited := ctx.Deadline()
	if end := time.Now().Add(e.d.limit); begun.Restored && (!limited || end.Before(deadline)) {
		deadline = end // its start is not the function's: another snapshot may have had to be taken
	}
	f, out, err := e.next(ctx, p, deadline, func(f frame) bool { return f.kind == frameInitDone || f.kind == frameInitError })
	switch {
	case err != nil && ctx.Err() == nil:
		return sandbox.Boot{}, fault.In(op, err)
	case err != nil, out.Kind == sandbox.Pending && f.kind == 0:
		b.Kind = sandbox.TimedOut
		return b, nil
	case out.Kind == sandbox.Exited:
		b.Outcome = out
		return b, nil
	}
	var rest []byte
	if b.InitBegin, b.InitEnd, b.MaxMemoryMB, rest, err = times(f.payload); err != nil {
		return sandbox.Boot{}, fault.In(op, err)
	}
	b.Spawned = min(b.Spawned, b.InitBegin) // the answer that it was there may be read after its own word
	b.Received = time.Now().UnixNano()
	if f.kind == frameInitDone {
		b.Kind = sandbox.Answered
		if time.Duration(b.InitEnd-b.InitBegin) > slowInit {
			e.d.learn(e, rest, lead)
			lead = nil
		}
		return b, nil
	}
	b.Kind, b.Payload, b.ErrorType = sandbox.Failed, rest, errorTypeOf(rest)
	return b, nil
}

// start has the supervisor start e's runtime.
func (e *environment) start(ctx context.Context, client *supervisor.Client) (supervisor.Started, *running, error) {
	cmd, err := e.d.command(ctx, e)
	if err != nil {
		return supervisor.Started{}, nil, err
	}
	p := e.begin(nil, 0) // an exit may be told before the start is answered
	begun, data, err := client.Start(cmd)
	if err != nil {
		return begun, nil, err
	}
	e.mu.Lock()
	p.pid, p.conn = begun.PID, newConn(data, begun.PID, e.d.prompts)
	e.mu.Unlock()
	if begun.Restored {
		e.early = append(e.early, e.d.snapshotOutput(&e.spec)...)
	}
	return begun, p, nil
}

// next reads frames until one is wanted, the process has ended, or until has passed. A kind of Pending without a frame
// means the last.
func (e *environment) next(ctx context.Context, p *running, until time.Time, wanted func(frame) bool) (frame, sandbox.Outcome, error) {
	for {
		f, err, came := p.conn.soon()
		if !came {
			f, err = e.wait(ctx, p, until)
		}
		switch {
		case err == nil && wanted(f):
			return f, sandbox.Outcome{}, nil
		case err == nil:
			continue // of an earlier invocation
		case errors.Is(err, os.ErrDeadlineExceeded):
			p.conn.until = time.Time{}
			select {
			case <-p.ended:
				if ctx.Err() == nil {
					f, err := p.conn.readNow()
					if err == nil && wanted(f) {
						return f, sandbox.Outcome{}, nil
					}
					return e.reset(p, err)
				}
			default:
			}
			if ctx.Err() != nil {
				return frame{}, sandbox.Outcome{}, &fault.Error{Kind: fault.Canceled, Noun: "invocation", Err: ctx.Err()}
			}
			if !until.IsZero() && !time.Now().Before(until) {
				return frame{}, sandbox.Outcome{}, nil
			}
		default:
			return e.reset(p, err)
		}
	}
}

// wait reads one frame patiently.
func (e *environment) wait(ctx context.Context, p *running, until time.Time) (frame, error) {
	if err := p.conn.within(until); err != nil {
		return frame{}, err
	}
	if ctx.Done() != nil {
		defer context.AfterFunc(ctx, func() { _ = p.conn.SetReadDeadline(past) })()
	}
	select {
	case <-p.ended: // whatever it said before is in the socket
		p.conn.until = time.Time{}
		_ = p.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	default:
	}
	return p.conn.read()
}

// reset says how the process ended whose socket gave err. When its end of the socket was closed with something unread in it,
// that was the invocation: nothing is sent after one until its outcome has come.
func (e *environment) reset(p *running, err error) (frame, sandbox.Outcome, error) {
	f, out, lost := e.lost(p)
	out.Untaken = out.Kind == sandbox.Exited && errors.Is(err, syscall.ECONNRESET)
	return f, out, lost
}

// lost says how the process ended, which the supervisor knows. One that closed its socket and lives is ended.
func (e *environment) lost(p *running) (frame, sandbox.Outcome, error) {
	limit := time.NewTimer(2 * time.Second)
	defer limit.Stop()
	select {
	case <-p.ended:
	case <-limit.C:
		e.Stop()
	}
	out := sandbox.Outcome{Kind: sandbox.Exited, Exit: "signal: killed", Received: time.Now().UnixNano()}
	select {
	case <-p.ended:
		out.Exit, out.OutOfMemory = p.exit.Status, p.exit.OutOfMemory
		if p.exit.Late {
			out.Kind = sandbox.TimedOut
		}
	default:
	}
	return frame{}, out, nil
}

// Send hands over an invocation.
func (e *environment) Send(inv *sandbox.Invocation, deadline time.Time) error {
	const op = "process.Send"
	p := e.current()
	if p == nil || p.conn == nil {
		return &fault.Error{Kind: fault.Conflict, Op: op, Noun: "environment", Name: e.id, Detail: "not running"}
	}
	select {
	case <-p.ended:
		return &fault.Error{Kind: fault.Conflict, Op: op, Noun: "environment", Name: e.id, Detail: "it has ended"}
	default:
	}
	e.number++
	kind := byte(frameInvoke)
	if e.stream = inv.Stream; e.stream != nil && e.runtime.interpreter.Language != "python" { // it streams only through the Runtime API
		kind = frameStreamed
	}
	return fault.In(op, p.conn.invoke(e.number, inv, deadline, kind))
}

// Wait waits for the outcome of the newest invocation.
func (e *environment) Wait(ctx context.Context, until time.Time) (sandbox.Outcome, error) {
	p := e.current()
	if p == nil {
		return sandbox.Outcome{Kind: sandbox.Exited, Exit: "signal: killed"}, nil
	}
	wanted := func(f frame) bool {
		switch {
		case f.kind == frameLearned:
			e.d.learn(e, f.payload, nil)
		case f.kind == framePiece && f.number == e.number && e.stream != nil:
			if n := 2; len(f.payload) >= n {
				n += int(binary.BigEndian.Uint16(f.payload))
				if n <= len(f.payload) {
					e.stream(string(f.payload[2:n]), f.payload[n:])
				}
			}
		}
		return f.number == e.number && (f.kind == frameResponse || f.kind == frameFailure || f.kind == frameUntaken)
	}
	var f frame
	if p.has {
		f, p.has = p.first, false
	} else {
		if p.conn == nil { // a survivor that has ended
			_, out, err := e.lost(p)
			return out, err
		}
		var out sandbox.Outcome
		var err error
		f, out, err = e.next(ctx, p, until, wanted)
		if err != nil || f.kind == 0 {
			return out, err
		}
	}
	if f.kind == frameUntaken {
		_, out, err := e.lost(p)
		out.Untaken = out.Kind == sandbox.Exited
		return out, err
	}
	out, err := outcomeOf(f)
	if p.conn != nil {
		p.conn.pace(time.Duration(out.Returned-out.Entered), time.Unix(0, out.Received))
	}
	return out, err
}

func outcomeOf(f frame) (sandbox.Outcome, error) {
	entered, returned, memory, rest, err := times(f.payload)
	if err != nil {
		return sandbox.Outcome{}, fault.In("process.Wait", err)
	}
	out := sandbox.Outcome{Kind: sandbox.Answered, Payload: rest, Entered: entered, Returned: returned,
		Received: time.Now().UnixNano(), MaxMemoryMB: memory}
	if f.kind == frameFailure {
		kind, object, _ := bytes.Cut(rest, []byte{0})
		out.Kind, out.ErrorType, out.Payload = sandbox.Failed, string(kind), object
	}
	return out, nil
}

// Output gives the new lines.
func (e *environment) Output() []sandbox.Entry {
	entries := e.out.read(e.current() == nil)
	if e.early != nil {
		entries, e.early = append(e.early, entries...), nil
	}
	if e.notice != "" {
		entries = append([]sandbox.Entry{{Time: e.created, Text: e.notice}}, entries...)
		e.notice = ""
	}
	return entries
}

// Stop ends every process of the environment.
func (e *environment) Stop() {
	e.mu.Lock()
	p := e.mu.p
	e.mu.p = nil
	e.mu.Unlock()
	if p == nil {
		return
	}
	e.noteEnd()
	e.d.mu.Lock()
	client := e.d.mu.client
	e.d.mu.Unlock()
	if client != nil {
		_ = client.Stop(e.id) // a supervisor that is gone took its environments with it
	}
	if p.conn != nil {
		_ = p.conn.Close()
	}
}

// Freeze stops what the function left running.
func (e *environment) Freeze() bool {
	client := e.supervisor()
	if client == nil || e.current() == nil {
		return false
	}
	e.frozen, _ = client.Freeze(e.id) // a supervisor that is gone took its environments with it
	return len(e.frozen) > 0
}

// Thaw lets it run on. Where we may we do it ourselves, which is quicker than the supervisor.
func (e *environment) Thaw() {
	refused := false
	for _, pid := range e.frozen {
		refused = syscall.Kill(pid, syscall.SIGCONT) == syscall.EPERM || refused
	}
	e.frozen = nil
	if !refused {
		return
	}
	if client := e.supervisor(); client != nil {
		_ = client.Thaw(e.id) // the same
	}
}

func (e *environment) supervisor() *supervisor.Client {
	e.d.mu.Lock()
	defer e.d.mu.Unlock()
	return e.d.mu.client
}

// Close ends the environment and removes its directory.
func (e *environment) Close() error {
	e.Stop()
	e.d.mu.Lock()
	delete(e.d.mu.environments, e.id)
	client := e.d.mu.client
	e.d.mu.Unlock()
	if e.spec.Method == "plain" && client != nil {
		_ = client.Forget(e.templateKey()) // it served this environment alone
	}
	e.out.close()
	if e.tmp != "" {
		_ = os.RemoveAll(filepath.Join(e.d.tmps(&e.spec), e.tmp)) // what stays goes when the platform starts anew
	}
	return fault.In("process.Close", e.d.leave(e.dir))
}

// keepTmp notes the name of the environment's /tmp, for this platform and for the next.
func (e *environment) keepTmp(name string) {
	if name == "" || name == e.tmp {
		return
	}
	e.tmp = name
	_ = e.note() // without it a crash of the platform and then of the function would lose its /tmp
}

func (e *environment) abandon() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.p != nil && e.mu.p.conn != nil {
		_ = e.mu.p.conn.Close()
	}
}

func (e *environment) statePath() string { return filepath.Join(e.dir, "state") }
