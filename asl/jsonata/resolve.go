package jsonata

import (
	"strconv"

	"anthill/value"
)

// resolve rewrites the raw tree: chains of "." become paths, predicates become stages of steps, and every % finds the
// step whose input it means.
func (p *parser) resolve(n *node) *node {
	p.enter(n)
	defer p.leave()
	out := p.resolveKind(n)
	if n.keepArray {
		out.keepArray = true
	}
	return out
}

func (p *parser) resolveKind(n *node) *node {
	switch n.kind {
	case kBinary:
		return p.resolveBinary(n)
	case kUnary:
		return p.resolveUnary(n)
	case kFunction, kPartial:
		for i, arg := range n.list {
			n.list[i] = p.resolve(arg)
			n.inherit(n.list[i])
		}
		n.proc = p.resolve(n.proc)
	case kLambda:
		n.body = tailCalls(p.resolve(n.body))
	case kCondition:
		for _, part := range []**node{&n.cond, &n.then, &n.other} {
			if *part != nil {
				*part = p.resolve(*part)
				n.inherit(*part)
			}
		}
	case kTransform:
		n.pattern, n.update = p.resolve(n.pattern), p.resolve(n.update)
		if n.remove != nil {
			n.remove = p.resolve(n.remove)
		}
	case kBlock:
		for i, item := range n.list {
			part := p.resolve(item)
			n.list[i] = part
			n.inherit(part)
			if part.consArray || part.kind == kPath && part.list[0].consArray {
				n.consArray = true
			}
		}
	case kName:
		return &node{kind: kPath, pos: n.pos, list: []*node{n}, keepSingleton: n.keepArray}
	case kParent:
		n.slot = &slot{label: "!" + strconv.Itoa(p.slots), level: 1}
		p.slots++
	case kOperator:
		switch n.text {
		case "and", "or", "in":
			n.kind = kName
			return p.resolve(n)
		case "?":
			return n
		}
		p.fail("S0201", n, "")
	case kEnd:
		p.fail("S0207", n, "")
	}
	return n
}

func (p *parser) resolveUnary(n *node) *node {
	switch n.text {
	case "[":
		for i, item := range n.list {
			n.list[i] = p.resolve(item)
			n.inherit(n.list[i])
		}
	case "{":
		n.pairs = p.resolvePairs(n, n.pairs)
	default:
		n.rhs = p.resolve(n.rhs)
		if n.rhs.kind == kNumber {
			n.rhs.lit = value.OfFloat(-n.rhs.lit.Float())
			return n.rhs
		}
		n.inherit(n.rhs)
	}
	return n
}

func (p *parser) resolvePairs(owner *node, pairs [][2]*node) [][2]*node {
	for i, pair := range pairs {
		for j := range pair {
			pairs[i][j] = p.resolve(pair[j])
			if owner != nil {
				owner.inherit(pairs[i][j])
			}
		}
	}
	return pairs
}

// asPath makes n a path of one step if it is none.
func asPath(n *node) *node {
	if n.kind == kPath {
		return n
	}
	return &node{kind: kPath, list: []*node{n}}
}

// lastStep is the step that an operator after n applies to.
func lastStep(n *node) *node {
	if n.kind == kPath {
		return n.list[len(n.list)-1]
	}
	return n
}

func (p *parser) resolveBinary(n *node) *node {
	switch n.text {
	case ".":
		return p.resolveMap(n)
	case "[":
		return p.resolveFilter(n)
	case "{":
		out := p.resolve(n.lhs)
		if out.group != nil {
			p.fail("S0210", n, "")
		}
		out.group = &node{kind: kUnary, text: "{", pos: n.pos, pairs: p.resolvePairs(nil, n.pairs)}
		return out
	case "^":
		out := asPath(p.resolve(n.lhs))
		step := &node{kind: kSort, pos: n.pos}
		for _, t := range n.terms {
			t.expr = p.resolve(t.expr)
			step.inherit(t.expr)
			step.terms = append(step.terms, t)
		}
		out.list = append(out.list, step)
		p.resolveAncestry(out)
		return out
	case ":=":
		out := &node{kind: kBind, text: n.lhs.text, pos: n.pos, lhs: p.resolve(n.lhs), rhs: p.resolve(n.rhs)}
		out.inherit(out.rhs)
		return out
	case "@":
		return p.resolveFocus(n)
	case "#":
		return p.resolveIndex(n)
	case "~>":
		out := &node{kind: kApply, pos: n.pos, lhs: p.resolve(n.lhs), rhs: p.resolve(n.rhs)}
		out.keepArray = out.lhs.keepArray || out.rhs.keepArray
		return out
	}
	n.lhs, n.rhs = p.resolve(n.lhs), p.resolve(n.rhs)
	n.inherit(n.lhs)
	n.inherit(n.rhs)
	return n
}

func (p *parser) resolveMap(n *node) *node {
	left := p.resolve(n.lhs)
	out := asPath(left)
	if left.kind == kParent {
		out.seeking = []*slot{left.slot}
	}
	rest := p.resolve(n.rhs)
	if rest.kind == kPath {
		out.list = append(out.list, rest.list...)
	} else {
		if rest.predicate != nil {
			rest.stages, rest.predicate = rest.predicate, nil
		}
		out.list = append(out.list, rest)
	}
	for _, step := range out.list {
		switch step.kind {
		case kNumber, kValue:
			panic(&Error{Code: "S0213", Position: step.pos, Value: step.lit})
		case kString:
			step.kind = kName
		}
		if step.keepArray {
			out.keepSingleton = true
		}
	}
	for _, step := range []*node{out.list[0], out.list[len(out.list)-1]} {
		if step.isUnary("[") {
			step.consArray = true
		}
	}
	p.resolveAncestry(out)
	return out
}

func (p *parser) resolveFilter(n *node) *node {
	out := p.resolve(n.lhs)
	step := lastStep(out)
	if step.group != nil {
		p.fail("S0209", n, "")
	}
	pred := p.resolve(n.rhs)
	if pred.seeking != nil {
		for _, s := range pred.seeking {
			if s.level == 1 {
				p.seekParent(step, s)
			} else {
				s.level--
			}
		}
		step.inherit(pred)
	}
	filter := stage{filter: pred, pos: n.pos}
	if out.kind == kPath {
		step.stages = append(step.stages, filter)
	} else {
		step.predicate = append(step.predicate, filter)
	}
	return out
}

func (p *parser) resolveFocus(n *node) *node {
	out := p.resolve(n.lhs)
	step := lastStep(out)
	if step.stages != nil || step.predicate != nil {
		p.fail("S0215", n, "")
	}
	if step.kind == kSort {
		p.fail("S0216", n, "")
	}
	if n.keepArray {
		step.keepArray = true
	}
	step.focus, step.tuple = n.rhs.text, true
	return out
}

func (p *parser) resolveIndex(n *node) *node {
	left := p.resolve(n.lhs)
	out, step := asPath(left), lastStep(left)
	if left.kind != kPath && step.predicate != nil {
		step.stages, step.predicate = step.predicate, nil
	}
	if step.stages == nil {
		step.index = n.rhs.text
	} else {
		step.stages = append(step.stages, stage{index: n.rhs.text, pos: n.pos})
	}
	step.tuple = true
	return out
}

// inherit hands the %s that part could not resolve on to n.
func (n *node) inherit(part *node) {
	if part.seeking == nil && part.kind != kParent {
		return
	}
	slots := part.seeking
	if part.kind == kParent {
		slots = append(slots, part.slot)
	}
	n.seeking = append(n.seeking, slots...)
}

// resolveAncestry walks back from the last step of a path to the steps that its %s mean.
func (p *parser) resolveAncestry(path *node) {
	last := path.list[len(path.list)-1]
	slots := last.seeking
	if last.kind == kParent {
		slots = append(slots, last.slot)
	}
	for _, s := range slots {
		i := len(path.list) - 2
		for s.level > 0 {
			if i < 0 {
				path.seeking = append(path.seeking, s)
				break
			}
			step := path.list[i]
			i--
			for i >= 0 && step.focus != "" && path.list[i].focus != "" {
				step = path.list[i]
				i--
			}
			p.seekParent(step, s)
		}
	}
}

// seekParent makes step, or a step inside it, carry its input for s, when s means that one.
func (p *parser) seekParent(step *node, s *slot) {
	switch step.kind {
	case kName, kWildcard:
		if s.level--; s.level > 0 {
			return
		}
		if step.ancestor != nil {
			s.label = step.ancestor.label
		}
		step.ancestor = s
		step.tuple = true
	case kParent:
		s.level++
	case kBlock:
		if len(step.list) > 0 {
			step.tuple = true
			p.seekParent(step.list[len(step.list)-1], s)
		}
	case kPath:
		step.tuple = true
		i := len(step.list) - 1
		p.seekParent(step.list[i], s)
		for i--; s.level > 0 && i >= 0; i-- {
			p.seekParent(step.list[i], s)
		}
	default:
		panic(&Error{Code: "S0217", Position: step.pos, Token: kindNames[step.kind]})
	}
}

// tailCalls marks the calls whose result is the lambda's result.
func tailCalls(n *node) *node {
	switch n.kind {
	case kFunction:
		if n.predicate == nil {
			n.tail = true
		}
	case kCondition:
		tailCalls(n.then)
		if n.other != nil {
			tailCalls(n.other)
		}
	case kBlock:
		if len(n.list) > 0 {
			tailCalls(n.list[len(n.list)-1])
		}
	}
	return n
}

// parse gives the resolved tree of a whole expression. It panics with an *Error.
func parse(src string) *node {
	p := &parser{lx: lexer{src: src}}
	p.advance("", false)
	n := p.expression(0)
	if p.tok.kind != kEnd {
		p.fail("S0201", p.tok, "")
	}
	n = p.resolve(n)
	if n.kind == kParent || n.seeking != nil {
		panic(&Error{Code: "S0217", Position: n.pos, Token: kindNames[n.kind]})
	}
	return n
}
