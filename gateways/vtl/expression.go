package vtl

import (
	"strconv"
	"strings"
)

// operators by precedence, the weakest first; a word is an operator only when no name goes on.
var operators = [][][2]string{
	{{"||", "||"}, {"or", "||"}},
	{{"&&", "&&"}, {"and", "&&"}},
	{{"==", "=="}, {"!=", "!="}, {"eq", "=="}, {"ne", "!="}},
	{{"<=", "<="}, {">=", ">="}, {"<", "<"}, {">", ">"}, {"le", "<="}, {"ge", ">="}, {"lt", "<"}, {"gt", ">"}},
	{{"+", "+"}, {"-", "-"}},
	{{"*", "*"}, {"/", "/"}, {"%", "%"}},
}

func (p *parser) expr() expr {
	p.enter()
	defer p.leave()
	return p.binary(0)
}

func (p *parser) binary(level int) expr {
	if level == len(operators) {
		return p.unary()
	}
	l := p.binary(level + 1)
	for {
		p.space()
		op := p.operator(level)
		if op == "" {
			return l
		}
		l = &binary{op, l, p.binary(level + 1)}
	}
}

func (p *parser) operator(level int) string {
	for _, o := range operators[level] {
		if !strings.HasPrefix(p.s[p.i:], o[0]) {
			continue
		}
		end := p.i + len(o[0])
		if isLetter(o[0][0]) && end < len(p.s) && isName(p.s[end]) {
			continue
		}
		p.i = end
		return o[1]
	}
	return ""
}

func (p *parser) unary() expr {
	p.space()
	if p.take("!") || strings.HasPrefix(p.s[p.i:], "not ") && p.take("not ") {
		p.enter()
		defer p.leave()
		return &unary{p.unary()}
	}
	return p.primary()
}

func (p *parser) primary() expr {
	p.space()
	if p.i >= len(p.s) {
		p.fail("expected an expression")
	}
	switch c := p.s[p.i]; {
	case c == '$':
		if r := p.reference(); r != nil {
			return r
		}
		p.fail("expected a reference")
	case c == '\'' || c == '"':
		return p.quoted(c)
	case c == '(':
		p.i++
		e := p.expr()
		p.space()
		if !p.take(")") {
			p.fail("expected ')'")
		}
		return e
	case c == '[':
		p.i++
		return p.array()
	case c == '{':
		p.i++
		return p.object()
	case isDigit(c) || c == '-':
		return p.number()
	}
	for word, v := range map[string]any{"true": true, "false": false, "null": nil} {
		if end := p.i + len(word); strings.HasPrefix(p.s[p.i:], word) && (end == len(p.s) || !isName(p.s[end])) {
			p.i = end
			return literal{v}
		}
	}
	p.fail("expected an expression")
	return nil
}

func (p *parser) quoted(q byte) expr {
	p.i++
	var b strings.Builder
	for ; p.i < len(p.s); p.i++ {
		c := p.s[p.i]
		if c == q {
			if p.i+1 < len(p.s) && p.s[p.i+1] == q { // a doubled quote is one
				p.i++
			} else {
				p.i++
				return p.interpolated(b.String(), q)
			}
		} else if c == '\\' && q == '"' && p.i+1 < len(p.s) && p.s[p.i+1] == '"' {
			p.i++
			c = '"'
		}
		b.WriteByte(c)
	}
	p.fail("a text that does not end")
	return nil
}

func (p *parser) interpolated(s string, q byte) expr {
	if q == '\'' || !strings.ContainsAny(s, "$#") {
		return literal{s}
	}
	in := &parser{s: s, depth: p.depth}
	b, end := in.block(0)
	if end != "" {
		p.fail("#%s inside a text", end)
	}
	return &quoted{b}
}

func (p *parser) array() expr {
	p.space()
	if p.take("]") {
		return &listExpr{}
	}
	first := p.expr()
	p.space()
	if p.take("..") {
		to := p.expr()
		p.space()
		if !p.take("]") {
			p.fail("expected ']'")
		}
		return &rangeExpr{first, to}
	}
	items := []expr{first}
	if p.take(",") {
		items = append(items, p.list("]")...)
	} else if !p.take("]") {
		p.fail("expected ']'")
	}
	return &listExpr{items}
}

func (p *parser) object() expr {
	m := &mapExpr{}
	p.space()
	if p.take("}") {
		return m
	}
	for {
		m.keys = append(m.keys, p.expr())
		p.space()
		if !p.take(":") {
			p.fail("expected ':'")
		}
		m.items = append(m.items, p.expr())
		p.space()
		if p.take("}") {
			return m
		}
		if !p.take(",") {
			p.fail("expected ',' or '}'")
		}
	}
}

func (p *parser) number() expr {
	from := p.i
	p.take("-")
	for p.i < len(p.s) && isDigit(p.s[p.i]) {
		p.i++
	}
	whole := true
	if p.i+1 < len(p.s) && p.s[p.i] == '.' && isDigit(p.s[p.i+1]) {
		whole = false
		for p.i++; p.i < len(p.s) && isDigit(p.s[p.i]); p.i++ {
		}
	}
	s := p.s[from:p.i]
	if whole {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return literal{n}
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		p.fail("expected a number")
	}
	return literal{f}
}
