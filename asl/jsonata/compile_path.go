package jsonata

// step is one compiled step of a path.
type step struct {
	code     code
	name     string // not empty: a plain field, without stages
	variable bool
	cons     bool
	stages   []stageCode
	terms    []termCode // order-by
	sort     bool
	pos      int

	// of a path with tuples
	tuple                  bool
	focus, index, ancestor string
}

type filterCode func(ev *eval, in val, f *frame) val

type stageCode struct {
	filter filterCode
	index  string
}

// path compiles a chain of steps.
func (c *compiler) path(n *node) code {
	tupleFrom := len(n.list)
	for i, s := range n.list {
		if s.tuple {
			tupleFrom = i
			break
		}
	}
	steps := make([]step, len(n.list))
	compileSteps := func(from, to int) {
		for i := from; i < to; i++ {
			if i == 0 {
				steps[i] = c.step(n.list[i], n.list[1:])
				continue
			}
			c.within(func() { steps[i] = c.step(n.list[i], nil) })
		}
	}
	var group groupCode
	compileGroup := func() {
		if n.group != nil {
			c.within(func() { group = c.group(n.group) })
		}
	}
	compileSteps(0, tupleFrom)
	if tupleFrom == len(n.list) {
		compileGroup()
		return plainPath(steps, n.keepSingleton, group)
	}
	names := map[string]bool{}
	tupleNames(names, n)
	c.in(&scope{tuple: names}, func() {
		compileSteps(tupleFrom, len(n.list))
		compileGroup()
	})
	return tuplePath(steps, tupleFrom, n.tuple, n.keepSingleton, group)
}

func (c *compiler) step(n *node, after []*node) step {
	s := step{cons: n.consArray, variable: n.kind == kVariable, pos: n.pos, tuple: n.tuple, focus: n.focus, index: n.index}
	if n.ancestor != nil {
		s.ancestor = n.ancestor.label
	}
	switch {
	case n.kind == kSort:
		s.sort = true
		c.within(func() { s.terms = c.terms(n.terms) })
	case n.kind == kVariable && n.predicate == nil && n.group == nil && !n.keepArray:
		v := c.variable(n, after)
		s.code = func(ev *eval, in val, f *frame) val { return finish(v(ev, in, f)) }
	default:
		s.code = c.expr(n)
	}
	for _, st := range n.stages {
		sc := stageCode{index: st.index}
		if st.filter != nil {
			c.within(func() { sc.filter = c.filter(st) })
		}
		s.stages = append(s.stages, sc)
	}
	if n.kind == kName && s.stages == nil && n.predicate == nil && n.group == nil && !n.tuple {
		s.name = n.text
	}
	return s
}

func plainPath(steps []step, keep bool, group groupCode) code {
	simple := !keep && group == nil
	return func(ev *eval, in val, f *frame) val {
		ev.down()
		r := walkPath(ev, steps, in, f)
		ev.up()
		if simple {
			return r
		}
		return endPath(ev, r, f, keep, group)
	}
}

// endPath keeps the array of x[] and groups.
func endPath(ev *eval, r val, f *frame, keep bool, group groupCode) val {
	if r.undef() {
		r = ofSeq(nil)
	} else if !r.isArray() {
		r = ofSeq([]val{r})
	}
	if keep {
		if r.isCons() && !r.b.seq {
			r = ofSeq([]val{r})
		}
		r = kept(r)
	}
	if group != nil {
		return group(ev, r, f)
	}
	return r
}

// walkPath gives the result of the steps: a single value, or an array. While it has one object in hand it makes no lists.
func walkPath(ev *eval, steps []step, in val, f *frame) val {
	i := 0
	var items []val
	if in.isArray() && !steps[0].variable {
		if steps[0].cons {
			r := steps[0].code(ev, in, f)
			return walkItems(ev, steps, 1, r, f)
		}
		items = in.list()
	} else {
		cur := in
	single:
		for {
			st := &steps[i]
			var r val
			switch {
			case st.name != "":
				r = lookup(ev, cur, st.name)
				if r.isSeq() {
					r = finish(r)
				}
			case i == 0 && st.variable && st.stages == nil:
				r = st.code(ev, cur, f)
			default:
				break single
			}
			if r.undef() {
				return undefined
			}
			if i++; i == len(steps) {
				if r.isSeq() {
					return ofSeq(r.list())
				}
				return r
			}
			if r.isArray() && !r.isCons() {
				return walkItems(ev, steps, i, r, f)
			}
			cur = r
		}
		if i == 0 && steps[0].cons {
			r := steps[0].code(ev, ofSeq([]val{cur}), f)
			return walkItems(ev, steps, 1, r, f)
		}
		items = []val{cur}
	}
	r := evalStep(ev, &steps[i], items, f, i == len(steps)-1)
	return walkItems(ev, steps, i+1, r, f)
}

// walkItems goes on from step i with the array that the steps before gave.
func walkItems(ev *eval, steps []step, i int, r val, f *frame) val {
	for ; i < len(steps); i++ {
		if r.undef() || r.isArray() && r.len() == 0 {
			if r.isCons() {
				return r
			}
			return undefined
		}
		r = evalStep(ev, &steps[i], r.list(), f, i == len(steps)-1)
	}
	return r
}

// evalStep maps one step over items and flattens what it gives by one level.
func evalStep(ev *eval, st *step, items []val, f *frame, last bool) val {
	if st.sort {
		r := sortItems(ev, st, ofSeq(items), f)
		for _, sc := range st.stages {
			r = sc.filter(ev, r, f)
		}
		return r
	}
	ev.charge(valSize * len(items))
	results := make([]val, 0, len(items))
	nested := false
	for _, item := range items {
		ev.step()
		var r val
		if st.name != "" {
			r = lookup(ev, item, st.name)
			if r.b != nil {
				r = finish(r)
			}
		} else {
			r = st.code(ev, item, f)
			for _, sc := range st.stages {
				if sc.filter != nil {
					r = sc.filter(ev, r, f)
				}
			}
		}
		if !r.undef() {
			nested = nested || r.isArray()
			results = append(results, r)
		}
	}
	if !nested {
		return ofSeq(results)
	}
	if last && len(results) == 1 && results[0].isArray() && !results[0].isSeq() {
		return results[0]
	}
	return ofSeq(flattenOne(ev, results))
}

func flattenOne(ev *eval, results []val) []val {
	n := 0
	for _, r := range results {
		if r.isArray() && !r.isCons() {
			n += r.len()
		} else {
			n++
		}
	}
	ev.chargeN(float64(n), valSize)
	out := make([]val, 0, n)
	for _, r := range results {
		if r.isArray() && !r.isCons() {
			out = r.appendTo(out)
		} else {
			out = append(out, r)
		}
	}
	return out
}

// filter compiles one predicate.
func (c *compiler) filter(st stage) filterCode {
	if st.filter.kind == kNumber && st.filter.predicate == nil {
		at := floor(st.filter.lit.Float())
		return func(ev *eval, in val, f *frame) val { return itemAt(in, at) }
	}
	pred := c.expr(st.filter)
	return func(ev *eval, in val, f *frame) val {
		n := 1
		isArray := in.isArray()
		tuples := false
		if isArray {
			n, tuples = in.len(), in.isTuples()
		}
		var out []val
		for i := range n {
			ev.step()
			item := in
			if isArray {
				item = in.at(i)
			}
			ctx, env := item, f
			if tuples {
				ctx, env = item.b.tup.ctx, &frame{parent: f.parent, tup: item.b.tup}
			}
			if selects(pred(ev, ctx, env), i, n) && !item.undef() {
				ev.charge(valSize)
				out = append(out, item)
			}
		}
		return val{b: &box{seq: true, tuples: tuples, items: out}}
	}
}

func itemAt(in val, at float64) val {
	tuples := in.isTuples()
	if !in.isArray() {
		if !in.undef() && (at == 0 || at == -1) {
			return ofSeq([]val{in})
		}
		return ofSeq(nil)
	}
	n := in.len()
	if at < 0 {
		at += float64(n)
	}
	if at < 0 || at >= float64(n) {
		return ofSeq(nil)
	}
	item := in.at(int(at))
	if item.isArray() {
		return item
	}
	return val{b: &box{seq: true, tuples: tuples, items: []val{item}}}
}

// selects says whether a predicate that gave r lets item i of n through: a number is a position, and so is each of an array
// of numbers; anything else is a truth.
func selects(r val, i, n int) bool {
	if finite(r) {
		return isAt(r, i, n)
	}
	if !r.isArray() {
		return truthy(r)
	}
	hit := false
	for k := range r.len() {
		x := r.at(k)
		if !finite(x) {
			return truthy(r)
		}
		hit = hit || isAt(x, i, n)
	}
	return hit
}

func isAt(x val, i, n int) bool {
	at := floor(x.num())
	if at < 0 {
		at += float64(n)
	}
	return at == float64(i)
}

// filtered compiles a predicate on something that is no step. Where tuples may come, the filter has a frame for them.
func (c *compiler) filtered(body code, st stage, n *node) code {
	var filter filterCode
	if !n.tuple {
		c.within(func() { filter = c.filter(st) })
		return func(ev *eval, in val, f *frame) val { return filter(ev, body(ev, in, f), f) }
	}
	names := map[string]bool{}
	tupleNames(names, n)
	c.in(&scope{tuple: names}, func() { c.within(func() { filter = c.filter(st) }) })
	return func(ev *eval, in val, f *frame) val {
		return filter(ev, body(ev, in, f), &frame{parent: f})
	}
}
