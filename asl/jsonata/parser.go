package jsonata

import (
	"strconv"
	"strings"
)

// The grammar is an operator precedence one (Pratt): each token knows how strongly it binds to what stands left of it.
var bindingPower = map[string]int{
	".": 75, "[": 80, "{": 70, "(": 80, "@": 80, "#": 80, "?": 20, "+": 50, "-": 50, "*": 60, "/": 60, "%": 60,
	"=": 40, "<": 40, ">": 40, "!=": 40, "<=": 40, ">=": 40, "^": 40, "~>": 40, "and": 30, "or": 25, "in": 40, "&": 50, ":=": 10,
}

// maxNesting bounds the depth of the tree, so that compiling a hostile expression cannot exhaust the stack.
const maxNesting = 5000

type parser struct {
	lx    lexer
	tok   *node // the token not yet taken
	depth int
	slots int // of % so far
}

func (p *parser) fail(code string, n *node, val string) {
	tok := n.text
	if n.kind == kEnd {
		tok = "(end)"
	}
	panic(&Error{Code: code, Position: n.pos, Token: tok, expected: val})
}

// id is what the grammar calls the token: the operator itself, or "" for operands.
func (n *node) id() string {
	switch n.kind {
	case kOperator:
		return n.text
	case kEnd:
		return "(end)"
	}
	return ""
}

// advance takes the next token. want, if not empty, is what the current one must be.
func (p *parser) advance(want string, infix bool) {
	if want != "" && p.tok.id() != want {
		code := "S0202"
		if p.tok.kind == kEnd {
			code = "S0203"
		}
		p.fail(code, p.tok, want)
	}
	t := p.lx.next(infix)
	if t == nil {
		p.tok = &node{kind: kEnd, pos: len(p.lx.src)}
		return
	}
	if t.kind == kOperator && (t.text == "!" || t.text == "~") {
		p.fail("S0204", t, "")
	}
	p.tok = t
}

func (p *parser) power() int {
	if p.tok.kind != kOperator {
		return 0
	}
	return bindingPower[p.tok.text]
}

func (p *parser) expression(power int) *node {
	p.enter(p.tok)
	defer p.leave()
	t := p.tok
	p.advance("", true)
	left := p.prefix(t)
	for power < p.power() {
		t = p.tok
		p.advance("", false)
		left = p.infix(t, left)
	}
	return left
}

func (p *parser) enter(n *node) {
	if p.depth++; p.depth > maxNesting {
		panic(&Error{Code: "U1001", Position: n.pos})
	}
}

func (p *parser) leave() { p.depth-- }

// prefix makes a node of a token that begins an operand.
func (p *parser) prefix(t *node) *node {
	if t.kind != kOperator {
		return t
	}
	switch t.text {
	case "and", "or", "in":
		return t
	case "-":
		t.kind, t.rhs = kUnary, p.expression(70)
	case "*":
		t.kind = kWildcard
	case "**":
		t.kind = kDescendant
	case "%":
		t.kind = kParent
	case "(":
		t.kind = kBlock
		for p.tok.id() != ")" {
			t.list = append(t.list, p.expression(0))
			if p.tok.id() != ";" {
				break
			}
			p.advance(";", false)
		}
		p.advance(")", true)
	case "[":
		p.arrayItems(t)
	case "{":
		t.kind, t.pairs = kUnary, p.objectPairs()
	case "|":
		t.kind = kTransform
		t.pattern = p.expression(0)
		p.advance("|", false)
		t.update = p.expression(0)
		if p.tok.id() == "," {
			p.advance(",", false)
			t.remove = p.expression(0)
		}
		p.advance("|", false)
	default:
		p.fail("S0211", t, "")
	}
	return t
}

func (p *parser) arrayItems(t *node) {
	t.kind = kUnary
	if p.tok.id() != "]" {
		for {
			item := p.expression(0)
			if p.tok.id() == ".." {
				rng := &node{kind: kBinary, text: "..", pos: p.tok.pos, lhs: item}
				p.advance("..", false)
				rng.rhs = p.expression(0)
				item = rng
			}
			t.list = append(t.list, item)
			if p.tok.id() != "," {
				break
			}
			p.advance(",", false)
		}
	}
	p.advance("]", true)
}

func (p *parser) objectPairs() [][2]*node {
	var pairs [][2]*node
	if p.tok.id() != "}" {
		for {
			key := p.expression(0)
			p.advance(":", false)
			pairs = append(pairs, [2]*node{key, p.expression(0)})
			if p.tok.id() != "," {
				break
			}
			p.advance(",", false)
		}
	}
	p.advance("}", true)
	return pairs
}

// infix makes a node of an operator and the operand left of it.
func (p *parser) infix(t, left *node) *node {
	power := bindingPower[t.text]
	switch t.text {
	case "(":
		return p.call(t, left)
	case "[":
		if p.tok.id() == "]" {
			step := left
			for step.isBinary("[") {
				step = step.lhs
			}
			step.keepArray = true
			p.advance("]", false)
			return left
		}
		t.kind, t.lhs, t.rhs = kBinary, left, p.expression(0)
		p.advance("]", true)
		return t
	case "^":
		p.advance("(", false)
		p.sortTerms(t)
	case "{":
		t.pairs = p.objectPairs()
	case ":=":
		if left.kind != kVariable {
			p.fail("S0212", left, "")
		}
		t.rhs = p.expression(power - 1) // associates to the right
	case "@", "#":
		if t.rhs = p.expression(power); t.rhs.kind != kVariable {
			panic(&Error{Code: "S0214", Position: t.rhs.pos, Token: t.text})
		}
	case "?":
		t.kind, t.cond, t.then = kCondition, left, p.expression(0)
		if p.tok.id() == ":" {
			p.advance(":", false)
			t.other = p.expression(0)
		}
		return t
	default:
		t.rhs = p.expression(power)
	}
	t.kind, t.lhs = kBinary, left
	return t
}

func (p *parser) sortTerms(t *node) {
	for {
		term := sortTerm{}
		switch p.tok.id() {
		case "<":
			p.advance("<", false)
		case ">":
			term.descending = true
			p.advance(">", false)
		}
		term.expr = p.expression(0)
		t.terms = append(t.terms, term)
		if p.tok.id() != "," {
			break
		}
		p.advance(",", false)
	}
	p.advance(")", false)
}

func (p *parser) call(t, left *node) *node {
	t.kind, t.proc = kFunction, left
	if p.tok.id() != ")" {
		for {
			if p.tok.id() == "?" {
				t.kind = kPartial
				t.list = append(t.list, p.tok)
				p.advance("?", false)
			} else {
				t.list = append(t.list, p.expression(0))
			}
			if p.tok.id() != "," {
				break
			}
			p.advance(",", false)
		}
	}
	p.advance(")", true)
	if left.kind == kName && (left.text == "function" || left.text == "λ") {
		p.lambda(t)
	}
	return t
}

func (p *parser) lambda(t *node) {
	for i, arg := range t.list {
		if arg.kind != kVariable {
			p.fail("S0208", arg, strconv.Itoa(i+1))
		}
	}
	t.kind = kLambda
	if p.tok.id() == "<" {
		t.sig = p.signature()
	}
	p.advance("{", false)
	t.body = p.expression(0)
	p.advance("}", false)
}

func (p *parser) signature() *signature {
	at, depth := p.tok.pos, 1
	var b strings.Builder
	b.WriteByte('<')
	for depth > 0 && p.tok.id() != "{" && p.tok.kind != kEnd {
		p.advance("", false)
		switch p.tok.id() {
		case ">":
			depth--
		case "<":
			depth++
		}
		b.WriteString(p.tok.text)
	}
	p.advance(">", false)
	sig, err := parseSignature(b.String())
	if err != nil {
		err.Position += at
		panic(err)
	}
	return sig
}
