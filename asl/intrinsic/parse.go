package intrinsic

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"anthill/asl/jsonpath"
	"anthill/value"
)

const (
	maxText    = 10_000 // bytes of one call
	maxNesting = 10     // AWS: "You can nest up to 10 intrinsic functions within a field"
)

// parser reads one call.
type parser struct {
	text  string
	pos   int
	depth int
	vars  []string
}

func (p *parser) whole() (*call, error) {
	if len(p.text) > maxText {
		return nil, fmt.Errorf("an intrinsic function call has at most %d characters", maxText)
	}
	p.space()
	c, err := p.call()
	if err != nil {
		return nil, err
	}
	if p.space(); p.pos < len(p.text) {
		return nil, p.unexpected()
	}
	return c, nil
}

func (p *parser) unexpected() error {
	if p.pos >= len(p.text) {
		return errors.New("the call does not end")
	}
	return fmt.Errorf("unexpected character at position %d", p.pos+1)
}

func (p *parser) space() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *parser) accept(c byte) bool {
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// call reads a name, "(", arguments, ")".
func (p *parser) call() (*call, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, fmt.Errorf("intrinsic functions nest at most %d deep", maxNesting)
	}
	defer func() { p.depth-- }()
	n := strings.IndexByte(p.text[p.pos:], '(')
	if n < 0 {
		return nil, p.unexpected()
	}
	name := strings.TrimRight(p.text[p.pos:p.pos+n], " ")
	fn := find(name)
	if fn == nil {
		return nil, fmt.Errorf("there is no intrinsic function '%s'", name)
	}
	c := &call{fn: fn}
	p.pos += n + 1
	if p.space(); p.accept(')') {
		return c, c.prepare("")
	}
	first := ""
	for {
		p.space()
		from := p.pos
		a, err := p.argument()
		if err != nil {
			return nil, err
		}
		if len(c.args) == 0 && p.text[from] == '\'' {
			first = p.text[from+1 : p.pos-1]
		}
		c.args = append(c.args, a)
		p.space()
		if p.accept(')') {
			return c, c.prepare(first)
		}
		if !p.accept(',') {
			return nil, p.unexpected()
		}
	}
}

// prepare compiles a literal template of States.Format; first is its text as it was written.
func (c *call) prepare(first string) error {
	if c.fn.name == formatName && len(c.args) > 0 && c.args[0].literal.Kind() == value.String {
		t, err := parseTemplate(first)
		if err == nil && t.holes == len(c.args)-1 {
			c.format = t
		}
	}
	return nil
}

func (p *parser) argument() (argument, error) {
	if p.pos >= len(p.text) {
		return argument{}, p.unexpected()
	}
	switch c := p.text[p.pos]; {
	case c == '\'':
		s, err := p.quoted()
		return argument{literal: value.OfString(s)}, err
	case c == '$':
		return p.path()
	case c == 'S':
		c, err := p.call()
		return argument{call: c}, err
	}
	return p.scalar()
}

// quoted reads a text in single quotes. A backslash may stand before ', {, } and another backslash.
func (p *parser) quoted() (string, error) {
	var b strings.Builder
	for p.pos++; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; c {
		case '\'':
			p.pos++
			return b.String(), nil
		case '\\':
			if p.pos++; p.pos == len(p.text) || strings.IndexByte(`'{}\`, p.text[p.pos]) < 0 {
				return "", p.unexpected()
			}
			b.WriteByte(p.text[p.pos])
		default:
			b.WriteByte(c)
		}
	}
	return "", p.unexpected()
}

// path reads up to the "," or ")" that ends the argument.
func (p *parser) path() (argument, error) {
	rest := p.text[p.pos:]
	n, depth := 0, 0
scan:
	for ; n < len(rest); n++ {
		switch rest[n] {
		case '(', '[':
			depth++
		case ')', ']', ',':
			if depth == 0 {
				break scan
			}
			if rest[n] != ',' {
				depth--
			}
		case '\'':
			if depth > 0 {
				end := strings.IndexByte(rest[n+1:], '\'')
				if end < 0 {
					return argument{}, p.unexpected()
				}
				n += end + 1
			}
		}
	}
	path, err := jsonpath.Compile(strings.TrimRight(rest[:n], " \t\r\n"))
	if err != nil {
		return argument{}, err
	}
	p.pos += n
	if name := path.Variable(); name != "" && !slices.Contains(p.vars, name) {
		p.vars = append(p.vars, name)
	}
	return argument{path: path}, nil
}

// scalar reads a number, true, false or null.
func (p *parser) scalar() (argument, error) {
	rest := p.text[p.pos:]
	n := strings.IndexAny(rest, ",) \t\r\n")
	if n <= 0 {
		return argument{}, p.unexpected()
	}
	v, err := value.Parse(rest[:n])
	if err != nil || v.Kind() != value.Number && v.Kind() != value.Bool && v.Kind() != value.Null {
		return argument{}, p.unexpected()
	}
	p.pos += n
	return argument{literal: v}, nil
}
