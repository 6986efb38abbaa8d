package functions

import (
	"strconv"
	"strings"
	"time"

	"anthill/fault"
	"anthill/sandbox"
)

// RestoreTag is a tag of a function that says whether snapshots of its initialised processes are kept, $LATEST's too: "on" or
// "off". It overrides Config.RestoreAll.
const RestoreTag = "anthill:restore"

// maxAgain is how many snapshots are taken again when the platform starts. The others are when they are needed.
const maxAgain = 16

// checkSnapStart follows the rules of SnapStart (Lambda developer guide, "Improving startup performance with Lambda SnapStart":
// supported runtimes and limitations).
func (s *Service) checkSnapStart(op string, set *Settings) error {
	if set.SnapStart != snapPublished {
		return nil
	}
	if !s.c.SnapStart {
		return unsupported(op, "SnapStart")
	}
	if set.PackageType == "Image" {
		return unsupported(op, "SnapStart of a container image")
	}
	minor, err := strconv.Atoi(strings.TrimPrefix(set.Runtime, "python3."))
	if err != nil || minor < 12 {
		return invalid(op, "%s is not supported for SnapStart enabled functions.", set.Runtime)
	}
	if set.TmpMB > 512 {
		return invalid(op, "Ephemeral storage greater than 512 MB is not supported for SnapStart enabled functions.")
	}
	return nil
}

// snapshots reports whether v is to have a snapshot.
func (v *Version) snapshots() bool {
	return v.Number != Latest && v.Settings.SnapStart == snapPublished
}

// Restored reports whether environments of v are restored from a snapshot that its SnapStart setting asks for.
func (v *Version) Restored() bool { return v.snapshots() && v.Phase != Failed && v.NoSnapshot == "" }

// restores reports whether environments of v are restored from a snapshot, for whatever reason.
func (s *Service) restores(f *Function, v *Version) bool {
	if v.snapshots() {
		return v.NoSnapshot == ""
	}
	switch f.Tags[RestoreTag] {
	case "on":
	case "off":
		return false
	default:
		if !s.c.RestoreAll {
			return false
		}
	}
	return s.c.SnapStart && v.Settings.PackageType == "Zip" && strings.HasPrefix(v.Settings.Runtime, "python")
}

// unready is AWS's refusal to invoke a version whose snapshot is being taken, or could not be.
func unready(name string, v *Version) error {
	const op = "functions.Invoke"
	switch v.Phase {
	case Snapping:
		return &fault.Error{Kind: fault.Conflict, Op: op, Noun: noun, Name: name, Reason: ReasonNotReady,
			Detail: "Lambda is initializing your function. It will be ready to invoke once your function state becomes ACTIVE."}
	case Failed:
		if v.Code.Image != nil {
			return conflict(op, name, "The operation cannot be performed at this time. The function is currently in the following state: Failed")
		}
		return &fault.Error{Kind: fault.Conflict, Op: op, Noun: noun, Name: name, Reason: ReasonSnapshot,
			Detail: "The function is currently in the following state: Failed. " + v.Failure.Reason}
	}
	return nil
}

// unrestored is AWS's refusal of a request whose environment could not be restored. Its words are those of the model.
func unrestored(op, name string, r *sandbox.Result) error {
	f := &fault.Error{Kind: fault.Conflict, Op: op, Noun: noun, Name: name, Reason: ReasonUnrestored,
		Detail: "The afterRestore() runtime hook encountered an error. For more information, check the Amazon CloudWatch logs."}
	if r.ErrorType == "SnapStartTimeoutException" {
		f.Reason, f.Detail = ReasonSlowRestore, "Lambda couldn't restore the snapshot within the timeout limit."
	}
	return f
}

// takeSnapshot runs the init of a version once and keeps the process. A published version becomes Active or Failed by it.
func (s *Service) takeSnapshot(k Key, number, instance string) {
	l, ok := s.find(k)
	if !ok {
		return
	}
	v, ok := l.version(number)
	if !ok || v.Instance != instance {
		return // it has gone, or changed, meanwhile
	}
	begun := time.Now()
	out, err := s.c.Pool.Snapshot(s.ahead.ctx, s.specOf(l.Function, v))
	if s.ahead.ctx.Err() != nil {
		return // the next Open goes on
	}
	if err != nil {
		s.log.Warn("no snapshot of a function could be taken", "function", k.Name, "version", number, "err", err)
	}
	if v.Phase != Snapping {
		return
	}
	if left := s.settle() - time.Since(begun); left > 0 { // as long as any change shows as being under way
		select {
		case <-time.After(left):
		case <-s.ahead.ctx.Done():
			return
		}
	}
	_, err = s.edit("functions.Publish", Ref{k.Account, k.Region, k.Name, ""}, func(e *edit) error {
		for i, v := range e.Versions {
			if v.Number == number && v.Instance == instance && v.Phase == Snapping {
				e.Versions[i] = v.snapped(out, err)
			}
		}
		return nil
	})
	if err != nil && !fault.Is(err, fault.NotFound) {
		s.log.Error("a version stays Pending", "function", k.Name, "version", number, "err", err)
	}
}

// snapped is v after its snapshot has been taken, or not.
func (v *Version) snapped(out sandbox.Snapshot, err error) *Version {
	w := *v
	w.Phase, w.Revision, w.Settled, w.SettleAt = Steady, v.Settled, "", time.Time{}
	w.NoSnapshot = out.Refused
	switch {
	case err != nil:
		w.NoSnapshot = err.Error()
	case out.Kind != sandbox.Answered:
		w.Phase = Failed
		w.Failure = Failure{Code: "FunctionError", Reason: "An error occurred during function initialization."}
		switch {
		case out.Kind == sandbox.TimedOut:
			w.Failure.Code = "FunctionError.InitTimeout"
		case out.OutOfMemory:
			w.Failure.Code = "FunctionError.InitResourceExhausted"
		}
	}
	return &w
}

// snapshotAgain goes on, after a start of the platform, with snapshots that were being taken, and has the pool take those
// again that did not survive it.
func (s *Service) snapshotAgain() {
	type job struct {
		k    Key
		v    *Version
		spec sandbox.Spec
	}
	var lost, pending []job
	for k, l := range s.mu.live {
		for _, v := range l.all() {
			spec := s.specOf(l.Function, v)
			switch {
			case v.Phase == Snapping:
				pending = append(pending, job{k, v, spec})
			case spec.InitializationType == sandbox.SnapStart && v.Phase != Failed:
				lost = append(lost, job{k, v, spec})
			}
		}
	}
	s.ahead.Go(func() {
		for _, j := range pending {
			s.takeSnapshot(j.k, j.v.Number, j.v.Instance)
		}
		for _, j := range lost[:min(len(lost), maxAgain)] {
			if err := s.c.Pool.Prepare(s.ahead.ctx, j.spec); err != nil && s.ahead.ctx.Err() == nil {
				s.log.Warn("a snapshot was lost with the machine and could not be taken again", "function", j.k.Name, "version", j.v.Number, "err", err)
			}
		}
	})
}

// followTag takes the snapshots that a change of RestoreTag asks for.
func (s *Service) followTag(before, after *Function) {
	if before == nil || before.Tags[RestoreTag] == after.Tags[RestoreTag] {
		return
	}
	for _, v := range after.all() {
		if old, ok := before.version(v.Number); ok && old.Instance == v.Instance && s.restores(after, v) && !s.restores(before, v) {
			s.ahead.Go(func() { s.takeSnapshot(after.Key(), v.Number, v.Instance) })
		}
	}
}
