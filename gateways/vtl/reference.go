package vtl

// reference reads $name, $!name, ${name} and what follows. It gives nil, one byte further, when '$' is text.
func (p *parser) reference() *reference {
	at := p.i
	if !p.take("$") {
		return nil
	}
	p.take("!")
	braces := p.take("{")
	r := &reference{name: p.name()}
	if r.name == "" {
		p.i = at + 1
		return nil
	}
	p.enter()
	defer p.leave()
	for p.i < len(p.s) {
		s, ok := p.step()
		if !ok {
			break
		}
		r.steps = append(r.steps, s)
	}
	if braces && !p.take("}") {
		p.i = at + 1
		return nil
	}
	return r
}

func (p *parser) step() (s step, ok bool) {
	switch {
	case p.s[p.i] == '.' && p.i+1 < len(p.s) && isLetter(p.s[p.i+1]):
		p.i++
		s.name = p.name()
		if p.take("(") {
			s.call = true
			s.args = p.list(")")
		}
		return s, true
	case p.s[p.i] == '[':
		at := p.i
		p.i++
		s.index = p.tryIndex()
		if s.index == nil {
			p.i = at
			return s, false
		}
		return s, true
	}
	return s, false
}

// tryIndex reads an index, or nil when the bracket is text after a reference.
func (p *parser) tryIndex() (e expr) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(*SyntaxError); !ok {
				panic(r)
			}
			e = nil
		}
	}()
	depth := p.depth
	defer func() { p.depth = depth }()
	p.enter()
	e = p.expr()
	p.space()
	if !p.take("]") {
		return nil
	}
	return e
}

// list reads expressions up to the closing sign.
func (p *parser) list(end string) (all []expr) {
	p.space()
	if p.take(end) {
		return nil
	}
	for {
		all = append(all, p.expr())
		p.space()
		if p.take(end) {
			return all
		}
		if !p.take(",") {
			p.fail("expected ',' or '%s'", end)
		}
	}
}
