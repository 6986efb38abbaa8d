package server

import (
	"context"

	"anthill/fault"
	"anthill/functions"
	"anthill/logs"
	"anthill/sandbox"
)

// lines brings the output of execution environments to the log groups.
type lines struct{ to *logs.Service }

// Write never waits for a disk, as sandbox asks.
func (l lines) Write(in []sandbox.Line) {
	var room [8]logs.Line // most invocations have fewer
	out := room[:0]
	for _, line := range in {
		out = append(out, logs.Line(line))
	}
	l.to.Write(out)
}

// deliver hands a batch of a log subscription to its function.
func (h *house) deliver(ctx context.Context, account, region, functionARN string, payload []byte) error {
	ref, err := functions.ParseRef(account, region, functionARN, "")
	if err != nil {
		return err
	}
	_, err = h.functions.Invoke(ctx, functions.Invocation{Ref: ref, Mode: functions.Queued, Payload: payload})
	return fault.In("server.deliver", err)
}
