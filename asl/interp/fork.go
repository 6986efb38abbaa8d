package interp

import (
	"anthill/asl"
	"anthill/value"
)

// fork does a Parallel state up to its branches.
func (x *Execution) fork(f *frame) *trouble {
	in, t := x.view(f).parameters()
	if t != nil {
		return t
	}
	e := Event{Type: ParallelStateStarted, Prev: f.prev, Frame: f.id}
	if f.state.InputPath != nil || f.state.DiscardInput || f.state.Parameters != nil || f.state.Arguments != nil {
		e.Payload = f.printed(in)
	}
	x.emit(e)
	return nil
}

// allEnded reports whether every branch has come to its end.
func (j *join) allEnded() bool {
	for _, c := range j.children {
		if c.phase != ended {
			return false
		}
	}
	return true
}

// advance takes a Map that is at work further: it begins iterations of an inline one as far as its width lets it, begins
// the map run of a distributed one, and ends the Map after the last.
func (x *Execution) advance(f *frame) *trouble {
	j := f.join
	switch {
	case f.state.Type != asl.Map:
		return nil
	case f.state.Map.Distributed:
		if f.mapRun == nil {
			return x.beginMapRun(f)
		}
		if !f.result.IsAbsent() {
			x.emit(Event{Type: MapStateSucceeded, Prev: f.prev, Frame: f.id})
		}
		return nil
	}
	for x.status == Running && j.next < len(j.children) && j.running < j.width {
		e := Event{Type: MapIterationStarted, Prev: j.launch, Name: f.state.Name, Index: j.next, Frame: f.id}
		if f.state.Map.Selector != nil {
			in, t := x.selectItem(f, j.next, j.items.At(j.next).Value, "")
			if t != nil {
				return t
			}
			e.Payload = in.Compact()
		}
		x.emit(e)
	}
	if j.done == len(j.children) {
		x.emit(Event{Type: MapStateSucceeded, Prev: j.succeeded, Frame: f.id})
	}
	return nil
}

// selectItem computes ItemSelector for one item. source is where an ItemReader found it.
func (x *Execution) selectItem(f *frame, index int, item value.Value, source string) (value.Value, *trouble) {
	v := x.view(f)
	v.item = iterationItem(index, item)
	if source != "" {
		v.item = v.item.With("Source", value.OfString(source))
	}
	in, t := f.input, (*trouble)(nil)
	if !f.state.JSONata {
		if in, t = v.effective(); t != nil {
			return in, t
		}
	}
	return v.expr(f.state.Map.Selector, in)
}
