package jsonata

// tuplePath is a path in which some step binds its item (@), its position (#) or its parent (%). From that step on
// it carries tuples, and the steps see what the tuples bind as variables.
func tuplePath(steps []step, from int, keepTuples, keep bool, group groupCode) code {
	return func(ev *eval, in val, f *frame) val {
		ev.down()
		defer ev.up()
		var r val
		if in.isArray() && !steps[0].variable {
			r = in
		} else {
			r = ofSeq([]val{in})
		}
		for i := range from {
			if i == 0 && steps[0].cons {
				r = steps[0].code(ev, r, f)
			} else {
				r = evalStep(ev, &steps[i], r.list(), f, i == len(steps)-1)
			}
			if r.undef() || r.isArray() && r.len() == 0 {
				return endTuples(ev, ofSeq(nil), f, keep, group)
			}
		}
		rows, any := []*tuple(nil), false
		for i := from; i < len(steps); i++ {
			rows = tupleStep(ev, &steps[i], r, rows, any, f)
			any = true
		}
		stream := tupleStream(rows)
		if group != nil {
			return endTuples(ev, stream, f, keep, group)
		}
		if !keepTuples {
			items := make([]val, len(rows))
			for i, t := range rows {
				items[i] = t.ctx
			}
			stream = ofSeq(items)
		}
		return endTuples(ev, stream, f, keep, nil)
	}
}

func endTuples(ev *eval, r val, f *frame, keep bool, group groupCode) val {
	if keep {
		r = kept(r)
	}
	if group != nil {
		return group(ev, r, &frame{parent: f})
	}
	return r
}

func tupleStream(rows []*tuple) val {
	items := make([]val, len(rows))
	for i, t := range rows {
		items[i] = val{b: &box{kind: boxTuple, tup: t}}
	}
	return val{b: &box{seq: true, tuples: true, items: items}}
}

func rowsOf(stream val) []*tuple {
	rows := make([]*tuple, 0, stream.len())
	for _, item := range stream.list() {
		if item.b != nil && item.b.kind == boxTuple {
			rows = append(rows, item.b.tup)
		}
	}
	return rows
}

// tupleStep maps a step over the rows; when there are none yet (more is false) over the items of in.
func tupleStep(ev *eval, st *step, in val, rows []*tuple, more bool, f *frame) []*tuple {
	var stream val
	switch {
	case st.sort && more:
		stream = sortItems(ev, st, tupleStream(rows), &frame{parent: f})
	case st.sort:
		sorted := sortItems(ev, st, in, &frame{parent: f})
		var out []*tuple
		for i, item := range sorted.list() {
			t := &tuple{ctx: item}
			if st.index != "" {
				t.set(st.index, ofInt(i))
			}
			out = append(out, t)
		}
		stream = tupleStream(out)
	default:
		if !more {
			for _, item := range in.list() {
				rows = append(rows, &tuple{ctx: item})
			}
		}
		var out []*tuple
		for _, row := range rows {
			out = tupleRow(ev, st, row, out, f)
		}
		stream = tupleStream(out)
	}
	for _, sc := range st.stages {
		if sc.filter != nil {
			stream = sc.filter(ev, stream, &frame{parent: f})
			continue
		}
		for i, t := range rowsOf(stream) {
			t.set(sc.index, ofInt(i))
		}
	}
	return rowsOf(stream)
}

// tupleRow evaluates a step for one row and adds the rows that come of it.
func tupleRow(ev *eval, st *step, row *tuple, out []*tuple, f *frame) []*tuple {
	ev.step()
	r := st.code(ev, row.ctx, &frame{parent: f, tup: row})
	if r.undef() {
		return out
	}
	n := 1
	if r.isArray() {
		n = r.len()
	}
	for i := range n {
		ev.step()
		ev.charge(96 + valSize*len(row.vals))
		item := r
		if r.isArray() {
			item = r.at(i)
		}
		t := row.clone()
		if r.isTuples() {
			t.ctx = item.b.tup.ctx
			for k, name := range item.b.tup.names {
				t.set(name, item.b.tup.vals[k])
			}
			out = append(out, t)
			continue
		}
		if st.focus != "" {
			t.set(st.focus, item)
		} else {
			t.ctx = item
		}
		if st.index != "" {
			t.set(st.index, ofInt(i))
		}
		if st.ancestor != "" {
			t.set(st.ancestor, row.ctx)
		}
		out = append(out, t)
	}
	return out
}

// reduced is one tuple of several: the values of each name appended.
func reduced(ev *eval, stream val) *tuple {
	rows := rowsOf(stream)
	t := rows[0].clone()
	for _, row := range rows[1:] {
		t.ctx = appendVals(ev, t.ctx, row.ctx)
		for i, name := range row.names {
			old, _ := t.get(name)
			t.set(name, appendVals(ev, old, row.vals[i]))
		}
	}
	return t
}
