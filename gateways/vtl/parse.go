package vtl

import (
	"fmt"
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
