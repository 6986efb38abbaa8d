package choice

import (
	"anthill/asl/failure"
	"anthill/asl/jsonpath"
	"anthill/value"
)

// Rule is a compiled choice rule.
type Rule struct {
	test test
	vars []string
}

// test is one node of a rule.
type test interface {
	holds(env *jsonpath.Env) (bool, error)
}

// Compile reads a choice rule, an item of Choices. It reports all problems at once; a rule with problems must not be
// evaluated. Next, Comment, Assign and Output are the caller's and are passed over at the top.
func Compile(rule value.Value) (*Rule, []failure.Problem) {
	c := &compiler{}
	t := c.rule(rule, "", true)
	return &Rule{test: t, vars: c.vars}, c.problems
}

// Variables is the names, without "$", of the workflow variables that the rule mentions, each once.
func (r *Rule) Variables() []string { return r.vars }

// Eval reports whether the rule holds. The error is a *failure.Failure, States.Runtime, when a path names nothing:
// "Invalid path '$.x': The choice state's condition path references an invalid value."
func (r *Rule) Eval(env *jsonpath.Env) (bool, error) { return r.test.holds(env) }

type allOf []test

func (ts allOf) holds(env *jsonpath.Env) (bool, error) {
	for _, t := range ts {
		if ok, err := t.holds(env); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

type anyOf []test

func (ts anyOf) holds(env *jsonpath.Env) (bool, error) {
	for _, t := range ts {
		if ok, err := t.holds(env); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

type not struct{ test test }

func (n not) holds(env *jsonpath.Env) (bool, error) {
	ok, err := n.test.holds(env)
	return !ok && err == nil, err
}

// typeTest is IsNull and its kin.
type typeTest struct {
	variable *jsonpath.Path
	is       func(value.Value) bool
	want     bool
	absent   bool // IsPresent: a missing variable is an answer
}

func (t *typeTest) holds(env *jsonpath.Env) (bool, error) {
	v := t.variable.Lookup(env)
	if v.IsAbsent() && !t.absent {
		return false, invalid(t.variable)
	}
	return t.is(v) == t.want, nil
}

// comparison compares the variable with an operand that is fixed, or read from a path.
type comparison struct {
	variable *jsonpath.Path
	kind     family
	accept   [3]bool // whether less, equal, greater will do
	operand  operand
	path     *jsonpath.Path // of the operand; nil when it is fixed
}

func (c *comparison) holds(env *jsonpath.Env) (bool, error) {
	v := c.variable.Lookup(env)
	if v.IsAbsent() {
		return false, invalid(c.variable)
	}
	right := c.operand
	if c.path != nil {
		found := c.path.Lookup(env)
		if found.IsAbsent() {
			return false, invalid(c.path)
		}
		var ok bool
		if right, ok = prepare(c.kind, found); !ok {
			return false, nil
		}
	}
	n, ok := compare(c.kind, v, right)
	return ok && c.accept[n+1], nil
}

// matching is StringMatches.
type matching struct {
	variable *jsonpath.Path
	pattern  pattern
}

func (m *matching) holds(env *jsonpath.Env) (bool, error) {
	v := m.variable.Lookup(env)
	if v.IsAbsent() {
		return false, invalid(m.variable)
	}
	return v.Kind() == value.String && m.pattern.match(v.Text()), nil
}

func invalid(p *jsonpath.Path) error {
	return failure.New(failure.Runtime, "Invalid path '%s': The choice state's condition path references an invalid value.", p)
}
