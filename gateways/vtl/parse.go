package vtl

import (
	"fmt"
	"strconv"
	"strings"
)

// SyntaxError says what is wrong with a template and where.
type SyntaxError struct {
	Offset int // in bytes
	Msg    string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.Msg, e.Offset) }

// Template is a parsed template. Any number of goroutines may render it.
type Template struct{ body block }

type block []node

// node is a part of a template: text, *reference, or a directive.
type node any

type (
	text string
	set  struct {
		to   *reference
		from expr
	}
	branch struct { // #if … #elseif … #else
		conditions []expr
		blocks     []block // one more than conditions when there is an #else
	}
	loop struct {
		name string
		over expr
		body block
	}
	stop    struct{ all bool } // #stop, or #break when not all
	literal struct{ v any }
)

type reference struct {
	name  string
	steps []step
}

// step goes on from a value: a property, a call or an index.
type step struct {
	name  string
	call  bool
	args  []expr
	index expr
}

// expr is literal, *reference, *template text in quotes, *unary, *binary, *listExpr, *rangeExpr or *mapExpr.
type expr any

type (
	quoted struct{ body block }
	unary  struct{ of expr } // not
	binary struct {
		op   string
		l, r expr
	}
	listExpr  struct{ items []expr }
	rangeExpr struct{ from, to expr }
	mapExpr   struct{ keys, items []expr }
)

// maxNesting bounds how deeply blocks, brackets and calls lie in each other.
const maxNesting = 200

// Parse reads a template.
func Parse(s string) (t *Template, err error) {
	p := &parser{s: s}
	defer func() {
		if r := recover(); r != nil {
			se, ok := r.(*SyntaxError)
			if !ok {
				panic(r)
			}
			t, err = nil, se
		}
	}()
	body, end := p.block(0)
	if end != "" {
		p.fail("#%s without its beginning", end)
	}
	return &Template{body}, nil
}

type parser struct {
	s     string
	i     int
	depth int
}

func (p *parser) fail(format string, args ...any) {
	panic(&SyntaxError{p.i, fmt.Sprintf(format, args...)})
}

func (p *parser) enter() {
	if p.depth++; p.depth > maxNesting {
		p.fail("the template is nested too deeply")
	}
}

func (p *parser) leave() { p.depth-- }

// block reads until the end of the text or a directive that closes a block: "end", "else" or "elseif", which it names.
func (p *parser) block(level int) (b block, end string) {
	p.enter()
	defer p.leave()
	start := p.i
	flush := func(to int) {
		if to > start {
			b = append(b, text(p.s[start:to]))
		}
	}
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == '\\' && p.i+1 < len(p.s) && (p.s[p.i+1] == '$' || p.s[p.i+1] == '#'):
			if !p.escapes() {
				p.i++
				continue
			}
			flush(p.i)
			start = p.i + 1
			p.i += 2
		case c == '$':
			at := p.i
			if r := p.reference(); r != nil {
				flush(at)
				b = append(b, r)
				start = p.i
			}
		case c == '#':
			at := p.i
			n, closing, ok := p.directive(level)
			if !ok {
				p.i = at + 1
				continue
			}
			if _, isSet := n.(set); isSet { // #set takes the blanks before it away
				for at > start && (p.s[at-1] == ' ' || p.s[at-1] == '\t') {
					at--
				}
			}
			flush(at)
			start = p.i
			if closing != "" {
				return b, closing
			}
			if n != nil {
				b = append(b, n)
			}
		default:
			p.i++
		}
	}
	flush(len(p.s))
	return b, ""
}

// escapes reports whether the backslash here stands before something that would be a reference or a directive.
func (p *parser) escapes() bool {
	q := &parser{s: p.s, i: p.i + 1}
	if p.s[p.i+1] == '$' {
		rest := strings.TrimLeft(p.s[p.i+2:], "!{")
		return rest != "" && isLetter(rest[0])
	}
	switch q.i++; q.word() {
	case "set", "if", "else", "elseif", "end", "foreach", "break", "stop":
		return true
	}
	return false
}

// word reads a directive's name: letters, or letters in braces.
func (p *parser) word() string {
	braces := p.i < len(p.s) && p.s[p.i] == '{'
	i := p.i
	if braces {
		i++
	}
	from := i
	for i < len(p.s) && isLetter(p.s[i]) {
		i++
	}
	w := p.s[from:i]
	if braces {
		if i >= len(p.s) || p.s[i] != '}' {
			return ""
		}
		i++
	} else if strings.HasPrefix(w, "else") && w != "elseif" { // "#elsefoo" is #else and text
		i, w = from+4, "else"
	} else if strings.HasPrefix(w, "end") {
		i, w = from+3, "end"
	}
	if w != "" {
		p.i = i
	}
	return w
}

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

// open reads "(", close ")" and the rest of a line that is blank.
func (p *parser) open() {
	p.blanks()
	if !p.take("(") {
		p.fail("expected '('")
	}
}

func (p *parser) close() {
	p.space()
	if !p.take(")") {
		p.fail("expected ')'")
	}
	p.blankLine()
}

// blankLine takes the rest of the line away when nothing is on it.
func (p *parser) blankLine() {
	i := p.i
	for i < len(p.s) && (p.s[i] == ' ' || p.s[i] == '\t') {
		i++
	}
	if strings.HasPrefix(p.s[i:], "\r\n") {
		p.i = i + 2
	} else if i < len(p.s) && p.s[i] == '\n' {
		p.i = i + 1
	}
}

func (p *parser) blanks() {
	for p.i < len(p.s) && (p.s[p.i] == ' ' || p.s[p.i] == '\t') {
		p.i++
	}
}

func (p *parser) space() {
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.i]) >= 0 {
		p.i++
	}
}

func (p *parser) take(s string) bool {
	if strings.HasPrefix(p.s[p.i:], s) {
		p.i += len(s)
		return true
	}
	return false
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func isName(c byte) bool   { return isLetter(c) || c >= '0' && c <= '9' || c == '-' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

func (p *parser) name() string {
	from := p.i
	if p.i < len(p.s) && isLetter(p.s[p.i]) {
		for p.i < len(p.s) && isName(p.s[p.i]) {
			p.i++
		}
	}
	return p.s[from:p.i]
}

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
