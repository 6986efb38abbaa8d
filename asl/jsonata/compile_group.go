package jsonata

import (
	"slices"
)

type groupCode func(ev *eval, in val, f *frame) val

type pairCode struct{ key, val code }

// grouped compiles the grouping of something that is no path.
func (c *compiler) grouped(body code, n *node) code {
	var group groupCode
	if !n.tuple {
		c.within(func() { group = c.group(n.group) })
		return func(ev *eval, in val, f *frame) val { return group(ev, body(ev, in, f), f) }
	}
	names := map[string]bool{}
	tupleNames(names, n)
	c.in(&scope{tuple: names}, func() { c.within(func() { group = c.group(n.group) }) })
	return func(ev *eval, in val, f *frame) val { return group(ev, body(ev, in, f), &frame{parent: f}) }
}

// group compiles {key: value, …}: items are sorted into groups by key, and each value is evaluated once for its group.
func (c *compiler) group(n *node) groupCode {
	pairs := make([]pairCode, len(n.pairs))
	names := make([]string, len(n.pairs))
	fixed := true
	for i, pair := range n.pairs {
		pairs[i] = pairCode{c.expr(pair[0]), c.expr(pair[1])}
		if pair[0].kind != kString || pair[0].predicate != nil || slices.Contains(names[:i], pair[0].text) {
			fixed = false
			continue
		}
		names[i] = pair[0].text
	}
	pos := n.pos
	object := func(ev *eval, in val, f *frame) val {
		if !in.isArray() {
			if fixed {
				return fixedObject(ev, pairs, names, in, f)
			}
			return groupItems(ev, pairs, []val{in}, false, f, pos)
		}
		items, tuples := in.list(), in.isTuples()
		if len(items) == 0 {
			items, tuples = []val{undefined}, false
		}
		if fixed && !tuples && len(items) == 1 {
			return fixedObject(ev, pairs, names, items[0], f)
		}
		return groupItems(ev, pairs, items, tuples, f, pos)
	}
	return func(ev *eval, in val, f *frame) val {
		ev.down()
		v := object(ev, in, f)
		ev.up()
		return v
	}
}

// fixedObject makes an object of one context whose keys are known.
func fixedObject(ev *eval, pairs []pairCode, names []string, in val, f *frame) val {
	ev.step()
	ev.charge(boxSize + valSize*len(pairs))
	plain := true
	b := &box{kind: boxObject, keys: names, items: make([]val, len(pairs))}
	for i := range pairs {
		v := pairs[i].val(ev, in, f)
		if v.undef() {
			plain = false
		}
		b.items[i] = v
	}
	if plain && len(names) <= indexFrom {
		b.keys = names[:len(names):len(names)]
		return val{b: b}
	}
	o := newObject()
	for i, name := range names {
		if !b.items[i].undef() {
			o.set(name, b.items[i])
		}
	}
	return val{b: o}
}

type entry struct {
	key  string
	pair int
	data val
	own  bool // data is an array that only this group has
}

func groupItems(ev *eval, pairs []pairCode, items []val, tuples bool, f *frame, pos int) val {
	var entries []*entry
	byKey := map[string]*entry{}
	for _, item := range items {
		ctx, env := item, f
		if tuples {
			ctx, env = item.b.tup.ctx, &frame{parent: f.parent, tup: item.b.tup}
		}
		for i := range pairs {
			ev.step()
			key := pairs[i].key(ev, ctx, env)
			if key.undef() {
				continue
			}
			if !key.isString() {
				panic(&Error{Code: "T1003", Position: pos, detail: key})
			}
			e := byKey[key.text()]
			switch {
			case e == nil:
				ev.charge(2 * valSize)
				e = &entry{key: key.text(), pair: i, data: item}
				byKey[e.key] = e
				entries = append(entries, e)
			case e.pair != i:
				panic(&Error{Code: "D1009", Position: pos, detail: key})
			default:
				appendItem(ev, e, item)
			}
		}
	}
	out := newObject()
	for _, e := range entries {
		ctx, env := e.data, f
		if tuples {
			var t *tuple
			if ctx.isArray() {
				t = reduced(ev, ctx)
			} else {
				t = ctx.b.tup
			}
			ctx, env = t.ctx, &frame{parent: f.parent, tup: t}
		}
		if v := pairs[e.pair].val(ev, ctx, env); !v.undef() {
			ev.charge(2 * valSize)
			out.set(e.key, v)
		}
	}
	return val{b: out}
}

// appendItem is appendVals for a group's data, which grows in place once it is the group's own array.
func appendItem(ev *eval, e *entry, item val) {
	if !e.own || item.isArray() {
		own := !item.undef() && !e.data.undef()
		e.data, e.own = appendVals(ev, e.data, item), own
		return
	}
	if !item.undef() {
		ev.charge(valSize)
		e.data.b.items = append(e.data.b.items, item)
	}
}

// appendVals is $append: two values as one array.
func appendVals(ev *eval, a, b val) val {
	if a.undef() {
		return b
	}
	if b.undef() {
		return a
	}
	n := 0
	for _, x := range []val{a, b} {
		if x.isArray() {
			n += x.len()
		} else {
			n++
		}
	}
	ev.chargeN(float64(n), valSize)
	out := make([]val, 0, n)
	for _, x := range []val{a, b} {
		if x.isArray() {
			out = x.appendTo(out)
		} else {
			out = append(out, x)
		}
	}
	return ofItems(out)
}

type termCode struct {
	key        code
	descending bool
}

func (c *compiler) terms(terms []sortTerm) []termCode {
	out := make([]termCode, len(terms))
	for i, t := range terms {
		out[i] = termCode{c.expr(t.expr), t.descending}
	}
	return out
}

// sortItems is the ^(…) step. Each key is evaluated once for each item, and later keys only where earlier ones tie.
func sortItems(ev *eval, st *step, in val, f *frame) val {
	n := in.len()
	if n <= 1 {
		return in
	}
	tuples := in.isTuples()
	ev.chargeN(float64(n*len(st.terms)), valSize+8)
	keys := make([]variable, n*len(st.terms))
	key := func(i, term int) val {
		k := &keys[i*len(st.terms)+term]
		if !k.set {
			ctx, env := in.at(i), f
			if tuples {
				t := ctx.b.tup
				ctx, env = t.ctx, &frame{parent: f.parent, tup: t}
			}
			*k = variable{st.terms[term].key(ev, ctx, env), true}
		}
		return k.val
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		ev.step()
		for t := range st.terms {
			if r := compareKeys(key(i, t), key(j, t), st.pos, st.terms[t].descending); r != 0 {
				return r
			}
		}
		return 0
	})
	out := make([]val, n)
	for i, j := range order {
		out[i] = in.at(j)
	}
	return val{b: &box{items: out, tuples: tuples, seq: tuples}}
}

func compareKeys(a, b val, pos int, descending bool) int {
	switch {
	case a.undef() && b.undef():
		return 0
	case a.undef():
		return 1
	case b.undef():
		return -1
	}
	for _, x := range []val{a, b} {
		if !x.isString() && !x.isNumber() {
			panic(&Error{Code: "T2008", Position: pos, detail: x})
		}
	}
	if a.isString() != b.isString() {
		panic(&Error{Code: "T2007", Position: pos, detail: a, detail2: b})
	}
	r := 0
	if a.isString() {
		r = compareStrings(a.text(), b.text())
	} else if x, y := a.num(), b.num(); x < y {
		r = -1
	} else if x > y {
		r = 1
	}
	if descending {
		return -r
	}
	return r
}

// arrayOf compiles [a, b, …].
func (c *compiler) arrayOf(n *node) code {
	items := make([]code, len(n.list))
	nested := make([]bool, len(n.list))
	for i, item := range n.list {
		items[i] = c.expr(item)
		nested[i] = item.text == "[" && (item.kind == kUnary || item.kind == kString || item.kind == kName)
	}
	cons := n.consArray
	if len(n.list) == 1 && n.list[0].isBinary("..") && !cons {
		return func(ev *eval, in val, f *frame) val {
			ev.charge(boxSize)
			if r := items[0](ev, in, f); r.b != nil && r.b.lazy {
				return val{b: &box{lazy: true, low: r.b.low, size: r.b.size}}
			} else if !r.undef() {
				return ofItems([]val{r})
			}
			return ofItems(nil)
		}
	}
	return func(ev *eval, in val, f *frame) val {
		ev.step()
		ev.down()
		ev.charge(boxSize + valSize*len(items))
		out := make([]val, 0, len(items))
		for i, item := range items {
			v := item(ev, in, f)
			switch {
			case v.undef():
			case nested[i] || !v.isArray():
				out = append(out, v)
			default:
				ev.chargeN(float64(v.len()), valSize)
				out = v.appendTo(out)
			}
		}
		ev.up()
		return val{b: &box{items: out, cons: cons}}
	}
}
