package sandbox

import (
	"context"
	"time"

	"anthill/fault"
)

// SnapStart is the Spec.InitializationType of environments that are restored from a snapshot of an initialised process.
const SnapStart = "snap-start"

// SnapshotLimit is how long the init of a snapshot may take, with its hooks (Lambda developer guide, "Lambda SnapStart runtime
// hooks": 130 s or the function's timeout, whichever is longer).
func SnapshotLimit(spec *Spec) time.Duration { return max(provisionLimit, spec.Timeout) }

// RestoreLimit is how long the hooks after a restore may take, with what the runtime itself does there (Lambda developer guide,
// "Troubleshooting SnapStart errors": SnapStartTimeoutException).
const RestoreLimit = 10 * time.Second

// Snapshot runs spec's init once and keeps the process, so that environments of spec are restored from it. What it printed,
// INIT_START and INIT_REPORT go to a log stream of their own. It fails with the kind Unsupported when the driver has no
// snapshots; an init that fails, and a process that cannot be copied, are outcomes.
func (p *Pool) Snapshot(ctx context.Context, spec Spec) (Snapshot, error) {
	const op = "sandbox.Snapshot"
	d, ok := p.c.Driver.(Snapshotter)
	if !ok {
		return Snapshot{}, &fault.Error{Kind: fault.Unsupported, Op: op, Noun: "snapshot", Name: spec.FunctionName}
	}
	spec.InitializationType = SnapStart
	m := newMember(newID(), spec, nil, time.Now())
	begin := time.Now()
	s, err := d.Snapshot(ctx, spec)
	if err != nil {
		return s, fault.In(op, err)
	}
	if s.SpawnBegin == 0 {
		s.SpawnBegin = begin.UnixNano()
	}
	if s.InitEnd == 0 {
		s.InitEnd = time.Now().UnixNano()
	}
	m.boot = s.Boot
	m.boot.Start = "" // not the start of an environment: its type is that of the snapshot
	m.line(begin, m.phaseLine("INIT_START", "platform.initStart", "init"))
	for _, e := range s.Output {
		m.line(e.Time, e.Text)
	}
	m.initReport(m.boot, "init", SnapshotLimit(&spec))
	if s.Refused != "" {
		m.line(time.Now(), "SnapStart: no snapshot is kept: "+s.Refused+". Cold starts of this version run its init.\n")
	}
	m.emit(p)
	return s, nil
}
