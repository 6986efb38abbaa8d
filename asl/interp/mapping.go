package interp

import (
	"strings"

	"anthill/asl/failure"
	"anthill/value"
)

// mapItems does a Map state up to its iterations or its map run.
func (x *Execution) mapItems(f *frame) *trouble {
	m := f.state.Map
	v := x.view(f)
	in, t := f.input, (*trouble)(nil)
	if !f.state.JSONata {
		if in, t = v.effective(); t != nil {
			return t
		}
	}
	items, t := v.items(in)
	if t != nil {
		return t
	}
	items = items.Compact()
	width, _, t := v.number(m.MaxConcurrency, in)
	if t != nil {
		return t
	}
	if width < 0 {
		return f.runtimeTrouble("MaxConcurrency cannot be negative.")
	}
	e := Event{Type: MapStateStarted, Prev: f.prev, Frame: f.id, Index: items.Len(), Count: int(width)}
	if f.state.JSONata && m.ItemsExpr != nil || f.state.InputPath != nil || f.state.DiscardInput || m.Items != nil {
		e.Payload = items
	}
	if m.Distributed {
		if m.Reader != nil {
			e.Payload, e.Index = emptyObject, 0
		}
		x.emit(e)
		return x.beginMapRun(f)
	}
	if e.Count == 0 || e.Count > MaxInlineWidth {
		e.Count = MaxInlineWidth
	}
	x.emit(e)
	return nil
}

// items is what a Map state goes over.
func (v *view) items(in value.Value) (value.Value, *trouble) {
	f := v.f
	m := f.state.Map
	if m.Reader != nil {
		return value.Value{}, nil
	}
	if f.state.JSONata {
		if m.ItemsExpr == nil {
			if f.input.Kind() != value.Array {
				t := f.evaluation("", "Map state input must be an array but was: %s", f.input)
				return f.input, t
			}
			return f.input, nil
		}
		out, t := v.expr(m.ItemsExpr, value.Value{})
		if t == nil && m.ItemsExpr.Source() != "" {
			t = v.expect(m.ItemsExpr, out, value.Array)
		}
		return out, t
	}
	path := "$"
	if m.Items != nil {
		var t *trouble
		if in, t = v.path(m.Items, in); t != nil {
			return in, t
		}
		path = m.Items.String()
	}
	if in.Kind() != value.Array {
		if strings.HasPrefix(path, "$$") {
			path = path[1:] // AWS names the place in the context object
		}
		return in, f.runtimeTrouble("Reference path \"%s\" must point to array.", path)
	}
	return in, nil
}

// beginMapRun does a distributed Map up to its map run's being owed.
func (x *Execution) beginMapRun(f *frame) *trouble {
	if _, t := x.mapRunOf(f); t != nil {
		return t
	}
	x.emit(Event{Type: MapRunStarted, Prev: f.prev, Resource: x.mapRunARN(x.seq+1, f.state), Frame: f.id})
	return nil
}

// mapRunOf computes what a distributed Map asks for. It looks only at what a replay has too.
func (x *Execution) mapRunOf(f *frame) (*RunMap, *trouble) {
	m := f.state.Map
	v := x.view(f)
	r := &RunMap{State: f.state, x: x, frame: f.id}
	in, t := f.input, (*trouble)(nil)
	if !f.state.JSONata {
		if in, t = v.effective(); t != nil {
			return nil, t
		}
	}
	if m.Reader == nil {
		r.Items = f.data
	}
	given := false
	if r.MaxConcurrency, _, t = v.number(m.MaxConcurrency, in); t != nil {
		return nil, t
	}
	if r.ToleratedCount, given, t = v.number(m.ToleratedCount, in); t != nil {
		return nil, t
	}
	if r.ToleratedCount < 0 {
		return nil, f.runtimeTrouble("ToleratedFailureCount cannot be negative.")
	}
	if !given {
		r.ToleratedCount = -1
	}
	if r.ToleratedShare, t = v.share(m.ToleratedShare, in); t != nil {
		return nil, t
	}
	if r.ToleratedShare < 0 || r.ToleratedShare > 100 {
		return nil, f.runtimeTrouble("ToleratedFailurePercentage must be between 0 and 100.")
	}
	if m.ToleratedShare == nil {
		r.ToleratedShare = -1
	}
	if t := v.batch(r, in); t != nil {
		return nil, t
	}
	if m.Reader != nil {
		if r.MaxItems, _, t = v.number(m.Reader.MaxItems, in); t != nil {
			return nil, t
		}
		if r.Reader, t = v.optional(m.Reader.Arguments != nil, func() (value.Value, *trouble) { return v.expr(m.Reader.Arguments, in) }); t != nil {
			return nil, t
		}
	}
	if m.Writer != nil {
		if r.Writer, t = v.optional(m.Writer.Arguments != nil, func() (value.Value, *trouble) { return v.expr(m.Writer.Arguments, in) }); t != nil {
			return nil, t
		}
	}
	return r, nil
}

// optional computes a value that may be left out, which gives an empty object.
func (v *view) optional(there bool, compute func() (value.Value, *trouble)) (value.Value, *trouble) {
	if !there {
		return emptyObject, nil
	}
	return compute()
}

// batch computes ItemBatcher.
func (v *view) batch(r *RunMap, in value.Value) (t *trouble) {
	m := v.f.state.Map
	if b := m.Batch; b != nil {
		if r.BatchItems, _, t = v.number(b.MaxItems, in); t != nil {
			return t
		}
		if r.BatchBytes, _, t = v.number(b.MaxBytes, in); t != nil {
			return t
		}
	}
	return nil
}

func (x *Execution) applyMapRun(f *frame, e *Event) {
	switch e.Type {
	case MapRunStarted:
		f.prev, f.phase = e.ID, working
		x.oweMapRun(f, e)
	case MapRunRedriven:
		f.prev, f.phase = e.ID, working
		x.oweMapRun(f, e)
	case MapRunSucceeded:
		f.prev = e.ID
		f.result = e.Payload
		f.data = value.Value{}
		x.owed.settle(Key{f.mapRun.seq, MapRunEffect})
		x.enqueue(f)
	case MapRunFailed, MapRunAborted:
		f.prev = e.ID
		x.applyFailure(f, e)
	}
}

// oweMapRun asks for f's map run to be run, or to be run again.
func (x *Execution) oweMapRun(f *frame, e *Event) {
	f.mapRun, f.mapRunARN = &mapRun{seq: e.Seq, arn: e.Resource, started: e.ID}, e.Resource
	if r, t := x.mapRunOf(f); t == nil {
		r.MapRun, r.ARN, r.Redriven = e.Seq, e.Resource, e.Type == MapRunRedriven
		x.owed.owe(f, r)
	}
}

// mapRunOutput handles the result of a map run.
func (x *Execution) mapRunOutput(in MapRunOutput) {
	d := x.owed.find(Key{in.MapRun, MapRunEffect})
	if d == nil {
		return
	}
	f := d.frame
	out := in.Output.Sealed()
	if len(out.Raw()) > MaxPayload {
		x.emit(Event{Type: MapRunFailed, Prev: f.prev, Frame: f.id, Error: failure.DataLimitExceeded,
			Cause: "The state/task '" + f.state.Name + "' returned a result with a size exceeding the maximum number of bytes service limit."})
		return
	}
	x.emit(Event{Type: MapRunSucceeded, Prev: f.prev, Payload: out, Frame: f.id})
}

// mapRunFailure handles the failure of a map run.
func (x *Execution) mapRunFailure(in MapRunFailure) {
	d := x.owed.find(Key{in.MapRun, MapRunEffect})
	if d == nil {
		return
	}
	f := d.frame
	x.emit(Event{Type: MapRunFailed, Prev: f.prev, Error: in.Error, Cause: in.Cause, Frame: f.id})
}
