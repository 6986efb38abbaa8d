package jsonpath

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// compiler reads one path. It accepts what Jayway's JsonPath 2.0.0 accepts, with these differences: quotes protect brackets,
// a quoted name may be in double quotes and may hold an escaped quote, and garbage inside brackets is refused.
type compiler struct {
	text   string
	pos    int
	inside bool // within a filter: "@" is a root too, and an indefinite step ends it
}

const maxVariable = 80 // characters of a variable's name

func trimRight(s string) string { return strings.TrimRight(s, " \t\r\n") }

func (c *compiler) path(p *Path) error {
	if err := c.start(p); err != nil {
		return err
	}
	for c.pos < len(c.text) {
		s, ok, err := c.step()
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if c.inside && !s.definite() {
			return fmt.Errorf("the predicate path: %s is not definite", c.text)
		}
		p.steps = append(p.steps, s)
	}
	if n := len(p.steps); n > 0 && p.steps[n-1].kind == stepScan {
		return errors.New("A path can not end with a scan.")
	}
	return nil
}

// start reads "$", "$$" or "$name" (within a filter "@" too).
func (c *compiler) start(p *Path) error {
	if c.text == "" || c.text[0] != '$' && !(c.inside && c.text[0] == '@') {
		return errors.New("Path must start with '$'")
	}
	c.pos = 1
	if !c.inside {
		rest := c.text[1:]
		if strings.HasPrefix(rest, "$") {
			p.root = Context
			c.pos = 2
		} else if r, _ := utf8.DecodeRuneInString(rest); rest != "" && (unicode.IsLetter(r) || r == '_') {
			end := strings.IndexAny(rest, ".[ ")
			if end < 0 {
				end = len(rest)
			}
			if !validVariable(rest[:end]) {
				return fmt.Errorf("Invalid path %s", c.text)
			}
			p.root, p.variable = Variable, rest[:end]
			c.pos = 1 + end
		}
	}
	if c.pos < len(c.text) && c.text[c.pos] != '.' && c.text[c.pos] != '[' {
		return fmt.Errorf("Invalid path %s", c.text)
	}
	return nil
}

// validVariable reports whether name is a Unicode identifier of a bearable length.
func validVariable(name string) bool {
	for i, r := range name {
		if !unicode.IsLetter(r) && r != '_' && (i == 0 || !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) && !unicode.Is(unicode.Mc, r)) {
			return false
		}
	}
	return name != "" && utf8.RuneCountInString(name) <= maxVariable
}

// step reads one step. ok is false for a "." that stands before a bracket or another ".".
func (c *compiler) step() (s step, ok bool, err error) {
	switch c.text[c.pos] {
	case ' ':
		return s, false, errors.New("Space not allowed in path")
	case '[':
		s, err = c.bracket()
		return s, err == nil, err
	case '*':
		c.pos++
		return step{kind: stepAll}, true, nil
	case '.':
		c.pos++
		if c.pos == len(c.text) {
			return s, false, errors.New("Path must not end with a '.'")
		}
		if c.text[c.pos] == '.' {
			c.pos++
			return step{kind: stepScan}, true, nil
		}
	}
	name := c.plainName()
	switch name {
	case "":
		return s, false, nil
	case "*":
		return step{kind: stepAll}, true, nil
	}
	return step{kind: stepName, name: name}, true, nil
}

func (c *compiler) plainName() string {
	rest := c.text[c.pos:]
	end := strings.IndexAny(rest, ".[ ")
	if end < 0 {
		end = len(rest)
	}
	c.pos += end
	return rest[:end]
}

// bracket reads from "[" through its "]".
func (c *compiler) bracket() (step, error) {
	n := closing(c.text[c.pos:])
	if n < 0 {
		return step{}, fmt.Errorf("Could not analyze path component: %s", c.text[c.pos:])
	}
	whole := c.text[c.pos : c.pos+n]
	c.pos += n
	in := strings.TrimSpace(whole[1 : n-1])
	bad := fmt.Errorf("Could not analyze path component: %s", whole)
	switch {
	case whole == "[*]":
		return step{kind: stepAll}, nil
	case in == "":
		return step{}, bad
	case in[0] == '?':
		if c.inside {
			return step{}, fmt.Errorf("the predicate path: %s is not definite", c.text)
		}
		f, err := compileFilter(in)
		return step{kind: stepFilter, filter: f}, err
	case in[0] == '\'' || in[0] == '"':
		return quotedNames(in, bad)
	case in[0] == '(' || in[0] == '@':
		return lastIndex(in, bad)
	}
	return indices(in, bad)
}

// closing is the length of the bracketed text that s starts with; -1 when it never closes. Quotes protect brackets.
func closing(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '\'', '"':
			end := endOfQuote(s[i:])
			if end < 0 {
				return -1
			}
			i += end - 1
		}
	}
	return -1
}

// endOfQuote is the length of the quoted text that s starts with; -1 when it never ends.
func endOfQuote(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i+1 < len(s) && s[i+1] == s[0] && strings.IndexByte(s[i+2:], s[0]) >= 0 {
				i++
			}
		case s[0]:
			return i + 1
		}
	}
	return -1
}

// quotedNames reads 'a' or 'a', 'b'. Only the quote itself is unescaped: AWS looks for the other backslashes in the key.
func quotedNames(in string, bad error) (step, error) {
	var names []string
	for {
		n := endOfQuote(in)
		if n < 0 || in[0] != '\'' && in[0] != '"' {
			return step{}, bad
		}
		names = append(names, strings.ReplaceAll(in[1:n-1], `\`+in[:1], in[:1]))
		in = strings.TrimLeft(in[n:], " ")
		if in == "" {
			break
		}
		if in[0] != ',' {
			return step{}, bad
		}
		if in = strings.TrimLeft(in[1:], " "); in == "" {
			return step{}, bad
		}
	}
	if len(names) == 1 {
		return step{kind: stepName, name: names[0]}, nil
	}
	return step{kind: stepNames, names: names}, nil
}

// lastIndex reads (@.length-1) or (@.size()-1).
func lastIndex(in string, bad error) (step, error) {
	s := strings.NewReplacer(" ", "", "(", "", ")", "").Replace(in)
	for _, fn := range []string{"@.length", "@.size"} {
		if rest, ok := strings.CutPrefix(s, fn); ok && strings.HasPrefix(rest, "-") {
			n, err := strconv.ParseInt(rest, 10, 32)
			if err != nil {
				return step{}, bad
			}
			return step{kind: stepLast, nums: []int{int(n)}}, nil
		}
	}
	return step{}, bad
}

// indices reads 1, 1,2, 1:2, 1:, :2. A third part of a slice, its stride, has no effect, as in AWS.
func indices(in string, bad error) (step, error) {
	in = strings.ReplaceAll(in, " ", "")
	if from, to, ok := strings.Cut(in, ":"); ok {
		to, stride, strided := strings.Cut(to, ":")
		if strided {
			if _, err := parseInts(stride); err != nil {
				return step{}, bad
			}
		}
		return slice(from, to, bad)
	}
	nums, err := parseInts(strings.Split(strings.TrimSuffix(in, ","), ",")...)
	if err != nil {
		return step{}, bad
	}
	if len(nums) == 1 {
		return step{kind: stepIndex, nums: nums}, nil
	}
	return step{kind: stepIndexs, nums: nums}, nil
}

func slice(from, to string, bad error) (step, error) {
	kind, parts := stepRange, []string{from, to}
	switch {
	case from == "":
		kind, parts = stepTo, parts[1:]
	case to == "":
		kind, parts = stepFrom, parts[:1]
	}
	nums, err := parseInts(parts...)
	if err != nil {
		return step{}, bad
	}
	return step{kind: kind, nums: nums}, nil
}

func parseInts(parts ...string) ([]int, error) {
	nums := make([]int, 0, len(parts))
	for _, s := range parts {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil || strings.HasPrefix(s, "+") {
			return nil, errors.New("not a number")
		}
		nums = append(nums, int(n))
	}
	return nums, nil
}
