package choice

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"anthill/asl/failure"
	"anthill/asl/jsonpath"
	"anthill/value"
)

// compiler collects what it meets in a rule.
type compiler struct {
	problems []failure.Problem
	vars     []string
}

func (c *compiler) problem(at, format string, args ...any) {
	c.problems = append(c.problems, failure.Problem{At: at, Code: "SCHEMA_VALIDATION_FAILED", Message: fmt.Sprintf(format, args...)})
}

// never stands for a rule with problems.
type never struct{}

func (never) holds(*jsonpath.Env) (bool, error) { return false, nil }

// rule reads one rule; top says that it is an item of Choices.
func (c *compiler) rule(v value.Value, at string, top bool) test {
	if v.Kind() != value.Object {
		c.problem(at, "Expected value of type Object")
		return never{}
	}
	var conditions []string
	for k := range v.Members() {
		switch {
		case k == "Comment", k == "Variable", top && (k == "Next" || k == "Assign" || k == "Output"):
		case k == "And" || k == "Or" || k == "Not" || known(k):
			conditions = append(conditions, k)
		case !top:
			c.problem(at, "Field '%s' is not supported", k)
		}
	}
	if !c.selected(v, at) {
		return never{}
	}
	if len(conditions) != 1 {
		if len(conditions) == 0 {
			conditions = operators()
		}
		c.problem(at, "There should only be one of the following fields: [%s]", strings.Join(conditions, ", "))
		return never{}
	}
	name := conditions[0]
	switch x := v.Get(name); name {
	case "And":
		return allOf(c.rules(x, at+"/And"))
	case "Or":
		return anyOf(c.rules(x, at+"/Or"))
	case "Not":
		return not{c.rule(x, at+"/Not", false)}
	default:
		return c.condition(name, v, at)
	}
}

func (c *compiler) rules(v value.Value, at string) []test {
	if v.Kind() != value.Array {
		c.problem(at, "Expected value of type Array")
		return nil
	}
	if v.Len() == 0 {
		c.problem(at, "Value cannot be empty")
	}
	ts := make([]test, v.Len())
	for i, x := range v.Slice() {
		ts[i] = c.rule(x, at+"["+strconv.Itoa(i)+"]", false)
	}
	return ts
}

// condition reads a rule with Variable and one operator.
func (c *compiler) condition(name string, v value.Value, at string) test {
	variable := v.Get("Variable")
	if variable.IsAbsent() {
		c.problem(at, "These fields are required: [Variable]")
		return never{}
	}
	path := c.path(variable, at+"/Variable")
	x, at := v.Get(name), at+"/"+name
	if path == nil {
		return never{}
	}
	if is := typeOf(name); is != nil {
		if x.Kind() != value.Bool {
			c.problem(at, "Expected value of type Boolean")
			return never{}
		}
		return &typeTest{variable: path, is: is, want: x.Bool(), absent: name == "IsPresent"}
	}
	if name == "StringMatches" {
		if x.Kind() != value.String {
			c.problem(at, "Expected value of type String")
			return never{}
		}
		p, ok := compilePattern(x.Text())
		if !ok {
			c.problem(at, "Illegal escape sequence in the pattern")
		}
		return &matching{path, p}
	}
	return c.comparison(name, path, x, at)
}

func (c *compiler) comparison(name string, variable *jsonpath.Path, x value.Value, at string) test {
	base, fromPath := strings.CutSuffix(name, "Path")
	kind, accept, _ := comparator(base)
	t := &comparison{variable: variable, kind: kind, accept: accept}
	if fromPath {
		if t.path = c.path(x, at); t.path == nil {
			return never{}
		}
		return t
	}
	var ok bool
	if t.operand, ok = prepare(kind, x); !ok {
		switch {
		case kind == timestamps && x.Kind() == value.String:
			c.problem(at, "String does not match RFC3339 timestamp")
		default:
			c.problem(at, "Expected value of type %s", [...]string{"String", "Number", "Boolean", "String"}[kind])
		}
		return never{}
	}
	return t
}

// path reads a path; nil when it is none.
func (c *compiler) path(v value.Value, at string) *jsonpath.Path {
	if v.Kind() != value.String {
		c.problem(at, "Expected value of type String")
		return nil
	}
	if !strings.HasPrefix(v.Text(), "$") {
		c.problem(at, "Value is not a Reference Path: Reference path didn't start with '$'")
		return nil
	}
	p, err := jsonpath.Compile(v.Text())
	if err != nil {
		c.problem(at, "Value is not a Reference Path: %v", err)
		return nil
	}
	if name := p.Variable(); name != "" && !slices.Contains(c.vars, name) {
		c.vars = append(c.vars, name)
	}
	return p
}

// selected reports whether a rule is of one kind only, and says it when it is not.
func (c *compiler) selected(v value.Value, at string) bool {
	n := 0
	for _, k := range []string{"And", "Or", "Not", "Variable"} {
		if !v.Get(k).IsAbsent() {
			n++
		}
	}
	if n != 1 {
		c.problem(at, "The object must have only one of the following fields, [And, Or, Not, Variable, Condition]")
	}
	return n == 1
}

// Knows reports whether name is a field of choice rules of JSONPath alone.
func Knows(name string) bool {
	return name == "Variable" || name == "And" || name == "Or" || name == "Not" || known(name)
}

// operators is the names of all comparisons.
func operators() []string {
	var names []string
	for _, f := range []string{"String", "Numeric", "Timestamp"} {
		for _, r := range []string{"Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"} {
			names = append(names, f+r, f+r+"Path")
		}
	}
	return append(names, "BooleanEquals", "BooleanEqualsPath", "StringMatches", "IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp")
}

// known reports whether name is an operator.
func known(name string) bool {
	if name == "StringMatches" || typeOf(name) != nil {
		return true
	}
	_, _, ok := comparator(strings.TrimSuffix(name, "Path"))
	return ok
}

// comparator says what "StringLessThan" and its like compare, and which outcomes they accept.
func comparator(name string) (f family, accept [3]bool, ok bool) {
	for _, k := range [...]struct {
		prefix string
		family family
	}{{"String", texts}, {"Numeric", numbers}, {"Boolean", booleans}, {"Timestamp", timestamps}} {
		relation, found := strings.CutPrefix(name, k.prefix)
		if !found || k.family == booleans && relation != "Equals" {
			continue
		}
		switch relation {
		case "Equals":
			return k.family, [3]bool{1: true}, true
		case "LessThan":
			return k.family, [3]bool{0: true}, true
		case "LessThanEquals":
			return k.family, [3]bool{0: true, 1: true}, true
		case "GreaterThan":
			return k.family, [3]bool{2: true}, true
		case "GreaterThanEquals":
			return k.family, [3]bool{1: true, 2: true}, true
		}
	}
	return 0, accept, false
}

// typeOf is the question that a type test asks; nil when name is none.
func typeOf(name string) func(value.Value) bool {
	switch name {
	case "IsPresent":
		return func(v value.Value) bool { return !v.IsAbsent() }
	case "IsNull":
		return value.Value.IsNull
	case "IsNumeric":
		return func(v value.Value) bool { return v.Kind() == value.Number }
	case "IsString":
		return func(v value.Value) bool { return v.Kind() == value.String }
	case "IsBoolean":
		return func(v value.Value) bool { return v.Kind() == value.Bool }
	case "IsTimestamp":
		return func(v value.Value) bool { _, ok := timestamp(v); return ok }
	}
	return nil
}
