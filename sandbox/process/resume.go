package process

import (
	"context"
	"time"

	"anthill/fault"
	"anthill/sandbox"
	"anthill/sandbox/supervisor"
)

// Resume gets a survivor a fresh socket and learns what it is doing. A running handler has no time to say so: its state
// page does. Otherwise the runtime's hello tells, once it has read all that the earlier platform had sent.
func (e *environment) Resume(ctx context.Context) (sandbox.Resumed, error) {
	const op = "process.Resume"
	p := e.current()
	page, err := supervisor.ReadPage(e.statePath())
	if err != nil {
		return sandbox.Resumed{}, fault.In(op, err)
	}
	e.number = page.Number
	select {
	case <-p.ended: // it crashed, or was ended, while no platform was there
		r := sandbox.Resumed{Ended: true}
		if page.State == supervisor.Running || page.State == supervisor.Kept {
			r.RequestID, r.Deadline, r.Sent, r.First = page.RequestID, page.Deadline, page.Received, page.Number == 1
		}
		return r, nil
	default:
	}
	client, err := e.d.supervisor(ctx)
	if err != nil {
		return sandbox.Resumed{}, fault.In(op, err)
	}
	data, err := client.Attach(e.id)
	if err != nil {
		return sandbox.Resumed{}, fault.In(op, err)
	}
	spread(p.pid, e.d.prompts) // the platform that kept it somewhere is no more
	e.mu.Lock()
	p.conn = newConn(data, p.pid, e.d.prompts)
	e.mu.Unlock()
	if page.State == supervisor.Starting { // nobody waits for an init that an earlier platform began
		return sandbox.Resumed{}, &fault.Error{Kind: fault.Conflict, Op: op, Noun: "environment", Name: e.id, Detail: "it was starting"}
	}
	var hello frame
	for hello.kind == 0 {
		if page, err = supervisor.ReadPage(e.statePath()); err != nil {
			return sandbox.Resumed{}, fault.In(op, err)
		}
		if page.State == supervisor.Running {
			e.number = page.Number
			return sandbox.Resumed{RequestID: page.RequestID, Deadline: page.Deadline, Sent: page.Received, First: page.Number == 1}, nil
		}
		var out sandbox.Outcome
		hello, out, err = e.next(ctx, p, time.Now().Add(20*time.Millisecond), func(f frame) bool { return f.kind == frameHello })
		if err != nil {
			return sandbox.Resumed{}, fault.In(op, err)
		}
		if out.Kind == sandbox.Exited {
			return sandbox.Resumed{Ended: true}, nil
		}
	}
	e.number = hello.number
	if len(hello.payload) == 0 {
		return sandbox.Resumed{}, nil
	}
	if page, err = supervisor.ReadPage(e.statePath()); err != nil {
		return sandbox.Resumed{}, fault.In(op, err)
	}
	return sandbox.Resumed{RequestID: string(hello.payload), Deadline: page.Deadline, Sent: page.Received, First: page.Number == 1}, nil
}
