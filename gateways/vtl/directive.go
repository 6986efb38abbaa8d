package vtl

import "strings"

// directive reads what begins with '#'. ok is false when it is text. closing names a directive that ends a block.
func (p *parser) directive(level int) (n node, closing string, ok bool) {
	p.i++
	switch {
	case strings.HasPrefix(p.s[p.i:], "#"):
		if at := strings.IndexByte(p.s[p.i:], '\n'); at >= 0 {
			p.i += at + 1
		} else {
			p.i = len(p.s)
		}
		return nil, "", true
	case strings.HasPrefix(p.s[p.i:], "*"):
		at := strings.Index(p.s[p.i:], "*#")
		if at < 0 {
			p.fail("a comment that does not end")
		}
		p.i += at + 2
		return nil, "", true
	case strings.HasPrefix(p.s[p.i:], "[["):
		at := strings.Index(p.s[p.i:], "]]#")
		if at < 0 {
			return nil, "", false
		}
		raw := p.s[p.i+2 : p.i+at]
		p.i += at + 3
		return text(raw), "", true
	}
	switch w := p.word(); w {
	case "set":
		return p.set(), "", true
	case "if":
		return p.branch(level), "", true
	case "foreach":
		return p.loop(level), "", true
	case "end", "else", "elseif":
		if level == 0 {
			p.fail("#%s without its beginning", w)
		}
		if w != "elseif" {
			p.blankLine()
		}
		return nil, w, true
	case "break", "stop":
		p.blankLine()
		return stop{w == "stop"}, "", true
	case "macro", "define", "evaluate", "parse", "include":
		p.fail("#%s is not supported", w)
	}
	return nil, "", false
}

func (p *parser) set() node {
	p.open()
	p.space()
	to := p.reference()
	if to == nil {
		p.fail("#set wants a reference")
	}
	if n := len(to.steps); n > 0 && to.steps[n-1].call {
		p.fail("#set cannot assign to a method call")
	}
	p.space()
	if !p.take("=") {
		p.fail("#set wants '='")
	}
	from := p.expr()
	p.close()
	return set{to, from}
}

func (p *parser) branch(level int) node {
	var n branch
	for {
		p.open()
		n.conditions = append(n.conditions, p.expr())
		p.close()
		b, end := p.block(level + 1)
		n.blocks = append(n.blocks, b)
		switch end {
		case "end":
			return n
		case "else":
			b, end := p.block(level + 1)
			if end != "end" {
				p.fail("#else wants #end")
			}
			n.blocks = append(n.blocks, b)
			return n
		case "":
			p.fail("#if wants #end")
		}
	}
}

func (p *parser) loop(level int) node {
	p.open()
	p.space()
	r := p.reference()
	if r == nil || len(r.steps) > 0 {
		p.fail("#foreach wants a variable")
	}
	p.space()
	if !p.take("in") {
		p.fail("#foreach wants 'in'")
	}
	over := p.expr()
	p.close()
	body, end := p.block(level + 1)
	if end != "end" {
		p.fail("#foreach wants #end")
	}
	return loop{r.name, over, body}
}
