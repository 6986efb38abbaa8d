package jsonpath

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"anthill/value"
)

// filter is a disjunction of conjunctions. Parentheses do not group: AWS's library throws them away.
type filter struct {
	any [][]criterion
}

type operator uint8

const (
	opExists operator = iota
	opMissing
	opEq
	opNe
	opGe
	opLe
	opGt
	opLt
	opMatch
)

// criterion compares two operands, or asks whether left exists.
type criterion struct {
	op          operator
	left, right operand
}

// operand is a path, a pattern or a text. Numbers, true, false and null stay texts until they are compared.
type operand struct {
	path    *Path // from "@" or "$"
	fromDoc bool  // path starts from "$"
	pattern *regexp.Regexp
	text    string
}

// compileFilter reads "?(…)".
func compileFilter(in string) (*filter, error) {
	body := strings.TrimSpace(in[1:])
	if !strings.HasPrefix(body, "(") || !strings.HasSuffix(body, ")") {
		return nil, fmt.Errorf("Filter must start with '[?(' and end with ')]'. %s", in)
	}
	f := &filter{}
	for _, alternative := range splitOutside(body[1:len(body)-1], "||") {
		var all []criterion
		for _, text := range splitOutside(alternative, "&&") {
			c, err := compileCriterion(strings.TrimRight(strings.TrimLeft(text, "([? "), ") "))
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
		f.any = append(f.any, all)
	}
	return f, nil
}

// splitOutside splits s at sep where sep is not inside single quotes or a /pattern/.
func splitOutside(s, sep string) []string {
	var parts []string
	from := 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\'':
			if n := endOfQuote(s[i:]); n > 0 {
				i += n - 1
			}
		case s[i] == '~':
			i += patternLength(s[i+1:])
		case strings.HasPrefix(s[i:], sep):
			parts = append(parts, s[from:i])
			i += len(sep) - 1
			from = i + 1
		}
	}
	return append(parts, s[from:])
}

// patternLength is the length of the "/…/" that s starts with, spaces before it included; 0 when there is none.
func patternLength(s string) int {
	start := len(s) - len(strings.TrimLeft(s, " "))
	if start == len(s) || s[start] != '/' {
		return 0
	}
	for i := start + 1; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		} else if s[i] == '/' {
			return i + 1
		}
	}
	return 0
}

// operatorAt is the comparison that s starts with, and its length; 0 when it starts with none.
func operatorAt(s string) (operator, int) {
	if len(s) > 1 {
		switch s[:2] {
		case "==":
			return opEq, 2
		case "!=":
			return opNe, 2
		case ">=":
			return opGe, 2
		case "<=":
			return opLe, 2
		case "=~":
			return opMatch, 2
		}
	}
	if s[0] == '<' {
		return opLt, 1
	}
	if s[0] == '>' {
		return opGt, 1
	}
	return opExists, 0
}

func compileCriterion(text string) (c criterion, err error) {
	left, right := text, ""
	for i := 0; i < len(text) && c.op == opExists; i++ {
		if text[i] == '\'' {
			if n := endOfQuote(text[i:]); n > 0 {
				i += n - 1
			}
			continue
		}
		if op, n := operatorAt(text[i:]); n > 0 {
			c.op, left, right = op, strings.TrimSpace(text[:i]), strings.TrimSpace(text[i+n:])
		}
	}
	left, negated := strings.CutPrefix(left, "!")
	if c.left, err = compileOperand(left); err != nil {
		return c, err
	}
	if negated && c.left.path == nil {
		return c, fmt.Errorf("Invalid filter %s", text)
	}
	if c.op == opExists {
		if c.left.path == nil {
			return c, fmt.Errorf("CriteriaType can not be parsed: %s", text)
		}
		if negated {
			c.op = opMissing
		}
		return c, nil
	}
	if strings.HasPrefix(right, "!") {
		return c, errors.New("Invalid negation! Can only be used for existence check e.g [?(!@.foo)]")
	}
	if c.right, err = compileOperand(right); err != nil {
		return c, err
	}
	if (c.op == opMatch) != (c.left.pattern != nil || c.right.pattern != nil) {
		return c, fmt.Errorf("Invalid filter %s", text)
	}
	return c, nil
}

func compileOperand(text string) (o operand, err error) {
	switch {
	case text == "":
		return o, errors.New("Invalid filter: an operand is missing")
	case text[0] == '$' || text[0] == '@':
		sub := compiler{text: text, inside: true}
		o.path, o.fromDoc = &Path{text: text}, text[0] == '$'
		if err = sub.path(o.path); err == nil {
			o.path.finish()
		}
		return o, err
	case len(text) > 1 && text[0] == '\'' && text[len(text)-1] == '\'':
		o.text = strings.ReplaceAll(text[1:len(text)-1], `\'`, "'")
		return o, nil
	case patternLength(text) > 0:
		n := patternLength(text)
		flags := text[n:]
		if flags != "" && flags != "i" {
			return o, fmt.Errorf("Invalid filter: unknown flags %s", flags)
		}
		if flags != "" {
			flags = "(?i)"
		}
		o.pattern, err = regexp.Compile(flags + `\A(?:` + text[1:n-1] + `)\z`)
		return o, err
	}
	o.text = text
	return o, nil
}

// filter goes on with v, an object, or with those items of v, an array, that the filter accepts.
func (e *evaluator) filter(i int, s *step, v value.Value) *trouble {
	switch v.Kind() {
	case value.Object:
		ok, err := e.accepts(s.filter, v)
		if err != nil || !ok {
			return err
		}
		return e.eval(i+1, v)
	case value.Array:
		for n, x := range v.Slice() {
			ok, err := e.accepts(s.filter, x)
			if err != nil {
				return err
			}
			if ok {
				if err := e.item(i, n, v); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return &trouble{msg: "Filter: " + printSteps(e.path.steps[i:]) + " can not be applied to primitives. Current context is: " + Text(v)}
}

// accepts reports whether the filter holds for v.
func (e *evaluator) accepts(f *filter, v value.Value) (bool, *trouble) {
	for _, all := range f.any {
		ok := true
		for i := range all {
			if e.visits++; e.visits > maxVisits {
				return false, &trouble{msg: "The path selects too many values"}
			}
			var err *trouble
			if ok, err = all[i].holds(e.doc, v); err != nil {
				return false, err
			}
			if !ok {
				break
			}
		}
		if ok {
			return true, nil
		}
	}
	return false, nil
}

func (c *criterion) holds(doc, item value.Value) (bool, *trouble) {
	left, err := c.left.value(doc, item)
	switch {
	case err != nil && !err.missing:
		return false, err
	case c.op == opExists:
		return err == nil && !left.IsNull(), nil
	case c.op == opMissing:
		return err != nil || left.IsNull(), nil
	case err != nil:
		return false, nil
	}
	if c.op == opMatch {
		return c.matches(doc, item, left)
	}
	right, err := c.right.value(doc, item)
	if err != nil {
		if err.missing {
			return false, nil
		}
		return false, err
	}
	if (c.op != opEq && c.op != opNe) && left.IsNull() != right.IsNull() {
		return false, nil
	}
	n, comparable, err := compare(right, left)
	if err != nil || !comparable {
		return false, err
	}
	switch c.op {
	case opEq:
		return n == 0, nil
	case opNe:
		return n != 0, nil
	case opGt:
		return n < 0, nil
	case opGe:
		return n <= 0, nil
	case opLt:
		return n > 0, nil
	}
	return n >= 0, nil
}

func (c *criterion) matches(doc, item, left value.Value) (bool, *trouble) {
	pattern, target := c.right.pattern, left
	if pattern == nil {
		found, err := c.right.value(doc, item)
		if err != nil {
			return false, nil
		}
		pattern, target = c.left.pattern, found
	}
	return !target.IsNull() && pattern.MatchString(Text(target)), nil
}

// value is the operand's value for item.
func (o *operand) value(doc, item value.Value) (value.Value, *trouble) {
	if o.path == nil {
		return value.OfString(o.text), nil
	}
	from := item
	if o.fromDoc {
		from = doc
	}
	if o.path.simple {
		if v := o.path.descend(from); !v.IsAbsent() {
			return v, nil
		}
	}
	e := evaluator{path: o.path, doc: from, quiet: 1}
	return e.run()
}

// compare orders what a filter expects and what it found. ok is false when the two cannot be compared. A text that is
// found where the filter expects a number is compared as text; the other way round the text must be a number.
func compare(expected, found value.Value) (n int, ok bool, err *trouble) {
	a, b := nullish(expected), nullish(found)
	switch {
	case a && b:
		return 0, true, nil
	case a:
		return -1, true, nil
	case b:
		return 1, true, nil
	}
	switch ek, fk := expected.Kind(), found.Kind(); {
	case ek == value.String && fk == value.String:
		return strings.Compare(expected.Text(), found.Text()), true, nil
	case ek == value.Number && fk == value.Number:
		n, _ := compareNumbers(expected.NumberText(), found.NumberText())
		return n, true, nil
	case ek == value.String && fk == value.Number:
		n, ok := compareNumbers(expected.Text(), found.NumberText())
		if !ok {
			return 0, false, &trouble{msg: notNumber(expected.Text())}
		}
		return n, true, nil
	case ek == value.String && fk == value.Bool:
		return compareBools(strings.EqualFold(expected.Text(), "true"), found.Bool()), true, nil
	case ek == value.Bool && fk == value.Bool:
		return compareBools(expected.Bool(), found.Bool()), true, nil
	}
	return 0, false, nil
}

// notNumber is what Java says about a text that is no number.
func notNumber(s string) string {
	for _, r := range s {
		if !strings.ContainsRune("0123456789.eE+-", r) {
			return "Character " + string(r) + " is neither a decimal digit number, decimal point, nor \"e\" notation exponential mark."
		}
	}
	return "'" + s + "' is not a number."
}

func nullish(v value.Value) bool {
	return v.IsNull() || v.Kind() == value.String && v.Text() == "null"
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// compareNumbers compares decimal texts exactly.
func compareNumbers(a, b string) (n int, ok bool) {
	if short(a) && short(b) {
		x, err1 := strconv.ParseFloat(a, 64)
		y, err2 := strconv.ParseFloat(b, 64)
		return cmp.Compare(x, y), err1 == nil && err2 == nil
	}
	if a == b {
		if _, ok := parseDecimal(a); !ok {
			return 0, false
		}
		return 0, true
	}
	x, ok1 := parseDecimal(a)
	y, ok2 := parseDecimal(b)
	if !ok1 || !ok2 {
		return 0, false
	}
	return x.Cmp(y), true
}

// short reports whether s is a decimal that a float64 keeps apart from its neighbours.
func short(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return len(s) <= 15
}

func parseDecimal(s string) (*big.Float, bool) {
	if s == "" || strings.ContainsAny(s, "xXpPbBoO_iInN") {
		return nil, false
	}
	f, _, err := big.ParseFloat(s, 10, 512, big.ToNearestEven)
	return f, err == nil
}
