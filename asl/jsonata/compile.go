package jsonata

import (
	"sort"

	"anthill/value"
)

// compiler turns the resolved tree into Go functions.
type compiler struct {
	functions map[string]val // the dialect's
	scope     *scope
	refs      []Reference
	reads     []string
	nested    int // how many steps, blocks of steps or lambdas deep: 0 means that the context is the document
}

func compile(src string, functions map[string]val, states bool) (e *Expr, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			e, err = nil, r.complete(src)
		default:
			panic(r)
		}
	}()
	e = compileIn(src, functions, nil)
	e.states = states
	return e, nil
}

// compileIn compiles in a scope: nil for a whole expression, the caller's for $eval.
func compileIn(src string, functions map[string]val, outer *scope) *Expr {
	tree := parse(src)
	root := &scope{parent: outer, names: binds(nil, tree)}
	c := &compiler{functions: functions, scope: root}
	e := &Expr{source: src, functions: functions, root: root, body: c.expr(tree)}
	sort.SliceStable(c.refs, func(i, j int) bool { return c.refs[i].Position < c.refs[j].Position })
	for i := range c.refs {
		c.refs[i].Position = units(src[:c.refs[i].Position])
	}
	e.refs, e.reads = c.refs, c.reads
	return e
}

// expr compiles n with its filters and grouping.
func (c *compiler) expr(n *node) code {
	body := c.kind(n)
	for _, st := range n.predicate {
		body = c.filtered(body, st, n)
	}
	if n.group != nil && n.kind != kPath {
		body = c.grouped(body, n)
	}
	keep := n.keepArray
	switch n.kind {
	case kString, kNumber, kValue, kRegex, kLambda, kTransform, kSort:
		if n.predicate == nil {
			return body
		}
	case kBinary, kUnary:
		if n.predicate == nil && !keep && n.text != ".." {
			return body
		}
	}
	if keep {
		return func(ev *eval, in val, f *frame) val {
			r := body(ev, in, f)
			if r.isSeq() && !r.b.tuples {
				r = kept(r)
			}
			return finish(r)
		}
	}
	return func(ev *eval, in val, f *frame) val { return finish(body(ev, in, f)) }
}

func (c *compiler) kind(n *node) code {
	switch n.kind {
	case kPath:
		return c.path(n)
	case kName:
		c.readsInput(n.text)
		name := n.text
		return func(ev *eval, in val, f *frame) val { return lookup(ev, in, name) }
	case kString, kNumber, kValue:
		v := ofValue(n.lit)
		return func(*eval, val, *frame) val { return v }
	case kBinary:
		return c.binary(n)
	case kUnary:
		return c.unary(n)
	case kWildcard:
		c.readsInput("*")
		return wildcard
	case kDescendant:
		c.readsInput("**")
		return descendants
	case kParent:
		return c.variable(&node{kind: kVariable, text: n.slot.label, pos: n.pos}, nil)
	case kCondition:
		return c.condition(n)
	case kBlock:
		return c.block(n)
	case kBind:
		return c.bind(n)
	case kRegex:
		v := ofFunc(n.regex.function())
		return func(*eval, val, *frame) val { return v }
	case kFunction:
		return c.call(n)
	case kPartial:
		return c.partial(n)
	case kVariable:
		return c.variable(n, nil)
	case kLambda:
		return c.lambda(n)
	case kApply:
		return c.applied(n)
	case kTransform:
		return c.transform(n)
	}
	panic(&Error{Code: "S0201", Position: n.pos, Token: n.text})
}

// readsInput notes that name is read from the context, which is the document when nothing is around.
func (c *compiler) readsInput(name string) {
	if c.nested == 0 {
		c.reads = addName(c.reads, name)
	}
}

// within compiles something whose context is not the document.
func (c *compiler) within(compile func()) {
	c.nested++
	compile()
	c.nested--
}

// in compiles something in a scope of its own.
func (c *compiler) in(s *scope, compile func()) {
	s.parent = c.scope
	c.scope = s
	compile()
	c.scope = s.parent
}

func (c *compiler) condition(n *node) code {
	cond, then := c.expr(n.cond), c.expr(n.then)
	other := func(*eval, val, *frame) val { return undefined }
	if n.other != nil {
		other = c.expr(n.other)
	}
	return func(ev *eval, in val, f *frame) val {
		ev.down()
		branch := other
		if truthy(cond(ev, in, f)) {
			branch = then
		}
		r := branch(ev, in, f)
		ev.up()
		return r
	}
}

func (c *compiler) block(n *node) code {
	s := &scope{names: binds(nil, n.list...)}
	parts := make([]code, len(n.list))
	c.in(s, func() {
		for i, part := range n.list {
			parts[i] = c.expr(part)
		}
	})
	slots := len(s.names)
	return func(ev *eval, in val, f *frame) val {
		ev.down()
		if slots > 0 {
			ev.charge(32 + valSize*slots)
			f = &frame{parent: f, slots: make([]variable, slots)}
		}
		r := undefined
		for _, part := range parts {
			r = part(ev, in, f)
		}
		ev.up()
		return r
	}
}

func (c *compiler) bind(n *node) code {
	rhs := c.expr(n.rhs)
	hops, slot := 0, -1
	for s := c.scope; s != nil && slot < 0; s = s.parent {
		for i, name := range s.names {
			if name == n.lhs.text {
				slot = i
			}
		}
		if slot < 0 && s.framed() {
			hops++
		}
	}
	return func(ev *eval, in val, f *frame) val {
		ev.down()
		v := rhs(ev, in, f)
		ev.up()
		f.up(hops).slots[slot] = variable{val: v, set: true}
		return v
	}
}

// variable compiles a mention of a variable. after is what follows it in a path.
func (c *compiler) variable(n *node, after []*node) code {
	name := n.text
	switch name {
	case "":
		c.readsInput("$")
		return func(ev *eval, in val, f *frame) val {
			if in.isOuter() {
				return in.b.items[0]
			}
			return in
		}
	case "$":
		c.reads = addName(c.reads, "$$")
	}
	places := c.scope.lookup(name)
	builtin, known := c.builtin(name)
	if len(places) == 0 && !known && name != "$" {
		ref := Reference{Name: name, Position: n.pos}
		for _, step := range after {
			if step.kind != kName {
				break
			}
			ref.Path = append(ref.Path, step.text)
			if step.stages != nil {
				break
			}
		}
		c.refs = append(c.refs, ref)
	}
	if len(places) == 1 && places[0].sure {
		return local(places[0])
	}
	outside := global(name, builtin)
	if len(places) == 0 {
		return outside
	}
	return func(ev *eval, in val, f *frame) val {
		for _, p := range places {
			at := f.up(p.hops)
			if p.slot < 0 {
				if at.tup != nil {
					if v, ok := at.tup.get(name); ok {
						return v
					}
				}
			} else if s := &at.slots[p.slot]; s.set {
				return s.val
			}
		}
		return outside(ev, in, f)
	}
}

func local(p place) code {
	slot := p.slot
	switch p.hops {
	case 0:
		return func(ev *eval, in val, f *frame) val { return f.slots[slot].val }
	case 1:
		return func(ev *eval, in val, f *frame) val { return f.parent.slots[slot].val }
	}
	hops := p.hops
	return func(ev *eval, in val, f *frame) val { return f.up(hops).slots[slot].val }
}

// global looks among the bindings, then among the built-in functions.
func global(name string, builtin val) code {
	if name == "$" {
		return func(ev *eval, in val, f *frame) val { return ev.root }
	}
	return func(ev *eval, in val, f *frame) val {
		if len(ev.env.Bindings) > 0 {
			if v, ok := ev.env.Bindings[name]; ok {
				return ofValue(v)
			}
		}
		if ev.env.Lookup != nil {
			if v, ok := ev.env.Lookup(name); ok {
				return ofValue(v)
			}
		}
		return builtin
	}
}

// lookup is the field of an object, or of every object in an array.
func lookup(ev *eval, in val, name string) val {
	if in.b == nil {
		switch in.v.Kind() {
		case value.Object:
			return val{v: in.v.Get(name)}
		case value.Array:
		default:
			return undefined
		}
	} else if in.b.kind == boxObject {
		return in.get(name)
	} else if in.b.kind != boxArray || in.b.lazy {
		return undefined
	}
	ev.enter()
	var out []val
	for i := range in.len() {
		r := lookup(ev, in.at(i), name)
		switch {
		case r.isArray():
			ev.charge(valSize * r.len())
			out = r.appendTo(out)
		case !r.undef():
			ev.charge(valSize)
			out = append(out, r)
		}
		ev.step()
	}
	ev.leave()
	return ofSeq(out)
}

func wildcard(ev *eval, in val, f *frame) val {
	if in.isOuter() {
		in = in.b.items[0]
	}
	if !in.isObject() && !in.isArray() {
		return ofSeq(nil)
	}
	var out []val
	add := func(v val) {
		ev.step()
		if v.isArray() {
			out = flatten(ev, out, v)
		} else {
			ev.charge(valSize)
			out = append(out, v)
		}
	}
	for i := range in.len() {
		if in.isObject() {
			_, v := in.member(i)
			add(v)
		} else {
			add(in.at(i))
		}
	}
	return ofSeq(out)
}

// flatten adds v to out, arrays by their items, all the way down.
func flatten(ev *eval, out []val, v val) []val {
	if !v.isArray() {
		ev.charge(valSize)
		return append(out, v)
	}
	ev.enter()
	for i := range v.len() {
		ev.step()
		out = flatten(ev, out, v.at(i))
	}
	ev.leave()
	return out
}

func descendants(ev *eval, in val, f *frame) val {
	if in.undef() {
		return undefined
	}
	var out []val
	var walk func(v val)
	walk = func(v val) {
		ev.step()
		isArray := v.isArray()
		if !isArray {
			ev.charge(valSize)
			out = append(out, v)
		}
		if isArray || v.isObject() {
			ev.enter()
			for i := range v.len() {
				if isArray {
					walk(v.at(i))
				} else {
					_, x := v.member(i)
					walk(x)
				}
			}
			ev.leave()
		}
	}
	walk(in)
	return ofSeq(out)
}
