package jsonata

import "anthill/value"

// callee compiles what a call calls, and gives its name for error messages. A bare name that is a function's says so.
func (c *compiler) callee(n *node) (proc code, name string) {
	proc = c.expr(n)
	name = n.text
	if n.kind == kPath {
		name = n.list[0].text
	}
	return proc, name
}

// notFunction is the code of the error for calling what is no function: did the name lack its $?
func (c *compiler) notFunction(n *node, name, plain, forgot string) func(ev *eval, f *frame, in val) string {
	if n.kind != kPath {
		return func(*eval, *frame, val) string { return plain }
	}
	named := (&compiler{functions: c.functions, scope: c.scope}).variable(&node{kind: kVariable, text: name, pos: n.pos}, nil)
	return func(ev *eval, f *frame, in val) string {
		if truthyRef(named(ev, in, f)) {
			return forgot
		}
		return plain
	}
}

// truthyRef is JavaScript's truth: any function, array or object.
func truthyRef(v val) bool { return v.isFunc() || v.isArray() || v.isObject() || truthy(v) }

// call compiles a call: one that runs now, or one in tail position.
func (c *compiler) call(n *node) code {
	if n.tail && n.group == nil {
		return c.postponed(n)
	}
	return c.invocation(n, nil)
}

// arguments compiles the arguments of a call.
func (c *compiler) arguments(n *node) []code {
	args := make([]code, len(n.list))
	for i, a := range n.list {
		args[i] = c.expr(a)
	}
	return args
}

// invocation compiles a call that runs at once. first, if not nil, gives the argument before the others.
func (c *compiler) invocation(n *node, first code) code {
	proc, name := c.callee(n.proc)
	args := c.arguments(n)
	notFn := c.notFunction(n.proc, name, "T1006", "T1005")
	pos, here := n.pos, c.scope
	if first != nil {
		args = append([]code{first}, args...)
	}
	isEval := name == "eval"
	return func(ev *eval, in val, f *frame) val {
		ev.down()
		var lhs val
		if first != nil {
			lhs = first(ev, in, f)
		}
		fn := proc(ev, in, f)
		if !fn.isFunc() {
			code := "T1006"
			if fn.undef() {
				code = notFn(ev, f, in)
			}
			panic(&Error{Code: code, Position: pos, Token: name, detail: fn})
		}
		fun := fn.b.fn
		var r val
		if fun.lambda != nil && fun.sig == nil {
			r = ev.invokeLambda(fun, args, lhs, first != nil, in, f, pos)
		} else {
			base := len(ev.stack)
			for i, a := range args {
				v := lhs
				if i > 0 || first == nil {
					v = a(ev, in, f)
				}
				ev.stack = append(ev.stack, v)
			}
			ev.pos, ev.name = pos, name
			if isEval {
				ev.evalFrame, ev.evalScope = f, here
			}
			list := ev.stack[base:len(ev.stack):len(ev.stack)]
			r = ev.applyOnce(fn, list, in)
			ev.stack = ev.stack[:base]
		}
		for r.b != nil && r.b.kind == boxFunction && r.b.fn.tail != nil {
			t := r.b.fn.tail
			ev.pos = t.pos
			r = ev.applyOnce(t.fn, t.args, in)
		}
		ev.up()
		return r
	}
}

// invokeLambda binds the arguments straight into the lambda's frame.
func (ev *eval) invokeLambda(fun *function, args []code, lhs val, applied bool, in val, f *frame, pos int) val {
	ev.step()
	l := fun.lambda
	ev.charge(valSize * l.slots)
	slots := make([]variable, l.slots)
	for i := range l.params {
		slots[i].set = true
	}
	for i, a := range args {
		v := lhs
		if i > 0 || !applied {
			v = a(ev, in, f)
		}
		if i < l.params {
			slots[i].val = v
		}
	}
	ev.pos = pos
	return l.body(ev, fun.in, &frame{parent: fun.frame, slots: slots})
}

// postponed compiles a call in tail position: its function and arguments are evaluated, the call itself is handed up.
func (c *compiler) postponed(n *node) code {
	proc, name := c.callee(n.proc)
	args := c.arguments(n)
	notFn := c.notFunction(n.proc, name, "T1006", "T1005")
	pos, here := n.pos, c.scope
	isEval := name == "eval"
	return func(ev *eval, in val, f *frame) val {
		fn := proc(ev, in, f)
		if !fn.isFunc() {
			code := "T1006"
			if fn.undef() {
				code = notFn(ev, f, in)
			}
			panic(&Error{Code: code, Position: pos, Token: name, detail: fn})
		}
		list := make([]val, len(args))
		for i, a := range args {
			list[i] = a(ev, in, f)
		}
		if isEval {
			ev.evalFrame, ev.evalScope = f, here
		}
		return ofFunc(&function{tail: &tailCall{fn: fn, args: list, pos: pos}})
	}
}

func (c *compiler) lambda(n *node) code {
	names := make([]string, 0, len(n.list))
	for _, p := range n.list {
		names = append(names, p.text)
	}
	s := &scope{names: names, params: len(names), lambda: true}
	for _, name := range binds(nil, n.body) {
		s.names = addName(s.names, name)
	}
	l := &lambda{params: len(n.list), sig: n.sig}
	c.in(s, func() { l.body = c.expr(n.body) })
	l.slots = len(s.names)
	return func(ev *eval, in val, f *frame) val {
		ev.charge(96)
		return ofFunc(&function{arity: l.params, sig: l.sig, lambda: l, frame: f, in: in})
	}
}

// partial compiles f(?, x): a function of the arguments left open.
func (c *compiler) partial(n *node) code {
	proc, name := c.callee(n.proc)
	notFn := c.notFunction(n.proc, name, "T1008", "T1007")
	args := make([]code, len(n.list))
	open := 0
	for i, a := range n.list {
		if a.kind == kOperator {
			open++
			continue
		}
		args[i] = c.expr(a)
	}
	pos := n.pos
	return func(ev *eval, in val, f *frame) val {
		given := make([]val, len(args))
		for i, a := range args {
			if a != nil {
				given[i] = a(ev, in, f)
			}
		}
		fn := proc(ev, in, f)
		if !fn.isFunc() {
			code := "T1008"
			if fn.undef() {
				code = notFn(ev, f, in)
			}
			panic(&Error{Code: code, Position: pos, Token: name, detail: fn})
		}
		whole := *fn.b.fn
		whole.sig = nil
		target := ofFunc(&whole)
		return ofFunc(&function{name: whole.name, arity: open, native: func(ev *eval, in val, rest []val) val {
			full := make([]val, len(given))
			k := 0
			for i := range full {
				if args[i] != nil {
					full[i] = given[i]
				} else if k < len(rest) {
					full[i] = rest[k]
					k++
				}
			}
			return ev.apply(target, full, in)
		}})
	}
}

// applied compiles lhs ~> rhs.
func (c *compiler) applied(n *node) code {
	lhs := c.expr(n.lhs)
	if n.rhs.kind == kFunction {
		invoke := c.invocation(n.rhs, lhs)
		return invoke
	}
	rhs, pos := c.expr(n.rhs), n.pos
	return func(ev *eval, in val, f *frame) val {
		ev.down()
		left := lhs(ev, in, f)
		fn := rhs(ev, in, f)
		if !fn.isFunc() {
			panic(&Error{Code: "T2006", Position: pos, Token: "~>", detail: fn})
		}
		null := ofValue(value.NullValue)
		var r val
		if left.isFunc() {
			r = ofFunc(&function{arity: 1, native: func(ev *eval, in val, args []val) val {
				x := undefined
				if len(args) > 0 {
					x = args[0]
				}
				return ev.apply(fn, []val{ev.apply(left, []val{x}, null)}, null)
			}})
		} else {
			ev.pos = pos
			r = ev.apply(fn, []val{left}, null)
		}
		ev.up()
		return r
	}
}

// transform compiles |pattern|update,delete|: a function that changes a copy.
func (c *compiler) transform(n *node) code {
	var pattern, update, remove code
	c.within(func() {
		pattern = c.expr(n.pattern)
		update = c.expr(n.update)
		if n.remove != nil {
			remove = c.expr(n.remove)
		}
	})
	clone := c.variable(&node{kind: kVariable, text: "clone", pos: n.pos}, nil)
	sig, _ := parseSignature("<(oa):o>")
	pos, updatePos, removePos := n.pos, n.update.pos, n.pos
	if n.remove != nil {
		removePos = n.remove.pos
	}
	return func(ev *eval, in val, f *frame) val {
		return ofFunc(&function{name: "transform", arity: 1, sig: sig, native: func(ev *eval, _ val, args []val) val {
			if args[0].undef() {
				return undefined
			}
			cloner := clone(ev, in, f)
			if !cloner.isFunc() {
				panic(&Error{Code: "T2013", Position: pos})
			}
			result := ev.apply(cloner, args[:1:1], ofValue(value.NullValue))
			matches := pattern(ev, result, f)
			switch {
			case matches.undef():
			case matches.isArray():
				for i := range matches.len() {
					change(ev, matches.at(i), update, remove, f, updatePos, removePos)
				}
			default:
				change(ev, matches, update, remove, f, updatePos, removePos)
			}
			return result
		}})
	}
}

// change updates one matched object of a transform's copy.
func change(ev *eval, match val, update, remove code, f *frame, pos, removePos int) {
	ev.step()
	if u := update(ev, match, f); !u.undef() {
		if !u.isObject() {
			panic(&Error{Code: "T2011", Position: pos, detail: u})
		}
		if match.b != nil && match.b.kind == boxObject {
			for i := range u.len() {
				k, v := u.member(i)
				ev.charge(2 * valSize)
				match.b.set(k, v)
			}
		}
	}
	if remove == nil {
		return
	}
	d := remove(ev, match, f)
	if d.undef() {
		return
	}
	names := []val{d}
	if d.isArray() {
		names = d.list()
	}
	for _, name := range names {
		if !name.isString() {
			panic(&Error{Code: "T2012", Position: removePos, detail: d})
		}
	}
	if match.b != nil && match.b.kind == boxObject {
		for _, name := range names {
			match.b.remove(name.text())
		}
	}
}
