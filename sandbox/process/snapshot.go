package process

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"anthill/fault"
	"anthill/sandbox"
	"anthill/sandbox/runtimes"
	"anthill/sandbox/supervisor"
)

// snapStart is the initialization type of functions whose environments are restored from a snapshot.
const snapStart = "snap-start"

const snapshotSuffix = "\x00snapshot"

// restores reports whether environments of spec go on from a snapshot. A particular way of starting may be asked for.
func (d *Driver) restores(spec *sandbox.Spec) bool {
	if spec.InitializationType != snapStart || (spec.Method != "" && spec.Method != "snapshot") {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	_, refused := d.mu.refused[spec.Key]
	return !refused
}

// snapshotOf is what the init of a snapshot is told. The log group and stream are not among its variables (Lambda developer
// guide, "Monitoring for Lambda SnapStart").
func (d *Driver) snapshotOf(spec *sandbox.Spec, i runtimes.Interpreter) *supervisor.Snapshot {
	s := &supervisor.Snapshot{Env: map[string]string{}, Log: d.snapshotLog(spec), Limit: sandbox.SnapshotLimit(spec)}
	for _, v := range variables(spec, i, "") {
		name, value, _ := strings.Cut(v, "=")
		s.Env[name] = value
	}
	delete(s.Env, "AWS_LAMBDA_LOG_GROUP_NAME")
	delete(s.Env, "AWS_LAMBDA_LOG_STREAM_NAME")
	s.Env["AWS_LAMBDA_INITIALIZATION_TYPE"] = snapStart
	return s
}

func (d *Driver) snapshotLog(spec *sandbox.Spec) string {
	sum := sha256.Sum256([]byte(spec.Key))
	return filepath.Join(d.c.Dir, "snapshot-"+hex.EncodeToString(sum[:8])+".log")
}

// snapshotOutput takes what the init of a snapshot has printed.
func (d *Driver) snapshotOutput(spec *sandbox.Spec) []sandbox.Entry {
	path := d.snapshotLog(spec)
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	o := output{path: path}
	entries := o.read(true)
	o.close()
	_ = os.Remove(path + ".read") // what stays is read once more, at worst
	_ = os.Remove(path)
	return entries
}

// Snapshot runs spec's init and keeps the process.
func (d *Driver) Snapshot(ctx context.Context, spec sandbox.Spec) (sandbox.Snapshot, error) {
	const op = "process.Snapshot"
	m, err := d.resolve(ctx, spec)
	if err != nil {
		return sandbox.Snapshot{}, fault.In(op, err)
	}
	if m.interpreter.Language != "python" {
		reason := fmt.Sprintf("a process of %s cannot be copied", spec.Runtime)
		d.refuse(&spec, reason)
		return sandbox.Snapshot{Boot: sandbox.Boot{Outcome: sandbox.Outcome{Kind: sandbox.Answered}, RuntimeVersion: m.version}, Refused: reason}, nil
	}
	_, _ = d.libraries(ctx, m.interpreter) // the first environment says what is missing
	d.mu.Lock()
	delete(d.mu.refused, spec.Key)
	d.mu.Unlock()
	t, err := d.template(ctx, &spec, m, spec.Key+snapshotSuffix)
	if err != nil {
		return sandbox.Snapshot{}, fault.In(op, err)
	}
	client, err := d.supervisor(ctx)
	if err != nil {
		return sandbox.Snapshot{}, fault.In(op, err)
	}
	begin := time.Now().UnixNano()
	taken, err := client.Warm(ctx, t)
	if err == nil && taken == nil {
		err = &fault.Error{Kind: fault.Internal, Op: op, Noun: "snapshot", Name: spec.FunctionName, Detail: "no template could be started"}
	}
	if err != nil {
		return sandbox.Snapshot{}, fault.In(op, err)
	}
	s := sandbox.Snapshot{Boot: bootOf(taken), Refused: taken.Refused, Output: d.snapshotOutput(&spec)}
	s.SpawnBegin, s.RuntimeVersion = begin, m.version
	if s.InitBegin != 0 {
		s.SpawnBegin = min(begin, s.InitBegin)
	}
	if taken.Kind != supervisor.SnapshotKept {
		d.refuse(&spec, reasonOf(taken))
	}
	return s, nil
}

// refuse has environments of spec start by an init of their own.
func (d *Driver) refuse(spec *sandbox.Spec, reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.refused[spec.Key] = reason
}

func bootOf(t *supervisor.Taken) sandbox.Boot {
	b := sandbox.Boot{Start: sandbox.Cold, InitBegin: t.Begin, InitEnd: t.End, Method: "snapshot"}
	b.Received, b.MaxMemoryMB = t.End, t.MemoryMB
	switch t.Kind {
	case supervisor.SnapshotKept, supervisor.SnapshotRefused:
		b.Kind = sandbox.Answered
	case supervisor.SnapshotFailed:
		b.Kind, b.Payload, b.ErrorType = sandbox.Failed, t.Failure, errorTypeOf(t.Failure)
	case supervisor.SnapshotTimeout:
		b.Kind = sandbox.TimedOut
	default:
		b.Kind, b.Exit, b.OutOfMemory = sandbox.Exited, t.Exit, t.OutOfMemory
	}
	return b
}

// reasonOf says in words why a snapshot was not kept.
func reasonOf(t *supervisor.Taken) string {
	switch t.Kind {
	case supervisor.SnapshotRefused:
		return t.Refused
	case supervisor.SnapshotFailed:
		return "its init failed with " + errorTypeOf(t.Failure)
	case supervisor.SnapshotTimeout:
		return "its init took too long"
	}
	return "its init ended the process"
}
