package logs

import (
	"encoding/json"
	"strconv"
	"strings"
)

// parseJSONPattern reads { $.level = "ERROR" && ($.ms > 100 || $.user NOT EXISTS) }.
func parseJSONPattern(pattern string) (func(string) bool, error) {
	p := &jsonPattern{rest: strings.TrimSuffix(strings.TrimPrefix(pattern, "{"), "}")}
	test := p.or()
	if p.space(); p.bad || p.rest != "" || !strings.HasSuffix(pattern, "}") {
		return nil, invalid("logs.ParsePattern", "Invalid filter pattern")
	}
	return func(text string) bool {
		var doc any
		return json.Unmarshal([]byte(text), &doc) == nil && test(doc)
	}, nil
}

// jsonPattern is a recursive descent over the text that is left.
type jsonPattern struct {
	rest  string
	bad   bool
	depth int
}

type jsonTest func(doc any) bool

func (p *jsonPattern) space() { p.rest = strings.TrimLeft(p.rest, " \t\n\r") }

func (p *jsonPattern) take(token string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *jsonPattern) or() jsonTest {
	left := p.and()
	for p.take("||") {
		a, b := left, p.and()
		left = func(doc any) bool { return a(doc) || b(doc) }
	}
	return left
}

func (p *jsonPattern) and() jsonTest {
	left := p.one()
	for p.take("&&") {
		a, b := left, p.one()
		left = func(doc any) bool { return a(doc) && b(doc) }
	}
	return left
}

func never(any) bool { return false }

func (p *jsonPattern) one() jsonTest {
	if p.depth++; p.depth > 100 {
		p.bad = true
		return never
	}
	defer func() { p.depth-- }()
	if p.take("(") {
		t := p.or()
		p.bad = p.bad || !p.take(")")
		return t
	}
	get := p.selector()
	for _, w := range []struct {
		word string
		test func(v any, ok bool) bool
	}{
		{"IS NULL", func(v any, ok bool) bool { return ok && v == nil }},
		{"IS TRUE", func(v any, ok bool) bool { return v == true }},
		{"IS FALSE", func(v any, ok bool) bool { return v == false }},
		{"NOT EXISTS", func(v any, ok bool) bool { return !ok }},
		{"EXISTS", func(v any, ok bool) bool { return ok }},
	} {
		if p.take(w.word) {
			return func(doc any) bool { v, ok := get(doc); return w.test(v, ok) }
		}
	}
	for _, op := range []string{"!=", ">=", "<=", "=", ">", "<"} {
		if p.take(op) {
			want := p.value()
			return func(doc any) bool { v, ok := get(doc); return ok && compare(op, v, want) }
		}
	}
	p.bad = true
	return never
}

// selector reads $.a.b[0].c.
func (p *jsonPattern) selector() func(any) (any, bool) {
	if !p.take("$") {
		p.bad = true
	}
	end := strings.IndexAny(p.rest, " \t\n\r=<>!)&|")
	if end < 0 {
		end = len(p.rest)
	}
	text := p.rest[:end]
	p.rest = p.rest[end:]
	var steps []string
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		steps = append(steps, strings.Trim(part, `'"`))
	}
	return func(doc any) (any, bool) {
		for _, step := range steps {
			switch in := doc.(type) {
			case map[string]any:
				v, ok := in[step]
				if !ok {
					return nil, false
				}
				doc = v
			case []any:
				i, err := strconv.Atoi(step)
				if err != nil || i < 0 || i >= len(in) {
					return nil, false
				}
				doc = in[i]
			default:
				return nil, false
			}
		}
		return doc, true
	}
}

func (p *jsonPattern) value() string {
	p.space()
	if strings.HasPrefix(p.rest, `"`) {
		text, rest, found := strings.Cut(p.rest[1:], `"`)
		p.bad = p.bad || !found
		p.rest = rest
		return text
	}
	end := strings.IndexAny(p.rest, " \t\n\r)&|")
	if end < 0 {
		end = len(p.rest)
	}
	text := p.rest[:end]
	p.bad = p.bad || text == ""
	p.rest = p.rest[end:]
	return text
}

// compare compares numbers as numbers and texts with the wildcard *.
func compare(op string, have any, want string) bool {
	if n, ok := have.(float64); ok {
		w, err := strconv.ParseFloat(want, 64)
		if err != nil {
			return op == "!="
		}
		switch op {
		case "=":
			return n == w
		case "!=":
			return n != w
		case ">":
			return n > w
		case "<":
			return n < w
		case ">=":
			return n >= w
		default:
			return n <= w
		}
	}
	text, ok := have.(string)
	if !ok {
		return op == "!="
	}
	equal := wildcard(want, text)
	return op == "=" && equal || op == "!=" && !equal
}

// wildcard matches text with a pattern in which * stands for anything.
func wildcard(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	rest, ok := strings.CutPrefix(text, parts[0])
	for _, part := range parts[1 : len(parts)-1] {
		if !ok {
			return false
		}
		_, rest, ok = strings.Cut(rest, part)
	}
	return ok && strings.HasSuffix(rest, parts[len(parts)-1])
}
