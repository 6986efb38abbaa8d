package template

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"anthill/asl/failure"
	"anthill/asl/jsonpath"
	"anthill/value"
)

// Template is a compiled payload template.
type Template struct {
	literal value.Value // all of it, when nothing is to be filled in
	root    part
	vars    []string
}

// part is one value of a template. One of its fields is set; literal when none of the others is.
type part struct {
	literal value.Value
	expr    *Expr
	items   []part  // of an array
	members []field // of an object
}

// field is a member of an object, its name without ".$".
type field struct {
	name string
	part part
}

// dynamic reports whether anything in p is to be filled in.
func (p *part) dynamic() bool { return p.expr != nil || p.items != nil || p.members != nil }

// Compile reads a template. It reports all problems at once; a template with problems must not be evaluated. A problem is
// placed at the object that holds the field, as AWS does it.
func Compile(v value.Value) (*Template, []failure.Problem) {
	c := &compiler{}
	t := &Template{root: c.part(v, "")}
	t.vars = c.vars
	if !t.root.dynamic() {
		t.literal = v
	}
	return t, c.problems
}

// compiler collects what it meets on its way through a template.
type compiler struct {
	problems []failure.Problem
	vars     []string
}

func (c *compiler) part(v value.Value, at string) part {
	switch v.Kind() {
	case value.Object:
		return c.object(v, at)
	case value.Array:
		items, dynamic := make([]part, v.Len()), false
		for i, x := range v.Slice() {
			items[i] = c.part(x, at+"/"+strconv.Itoa(i))
			dynamic = dynamic || items[i].dynamic()
		}
		if dynamic {
			return part{items: items}
		}
	}
	return part{literal: v}
}

func (c *compiler) object(v value.Value, at string) part {
	members, dynamic := make([]field, 0, v.Len()), false
	for k, x := range v.Members() {
		f := field{name: k}
		if name, ok := strings.CutSuffix(k, ".$"); ok {
			f = field{name: name, part: part{expr: c.expr(k, x, at)}}
		} else {
			f.part = c.part(x, at+"/"+escape(k))
		}
		dynamic = dynamic || f.part.dynamic()
		members = append(members, f)
	}
	if dynamic {
		return part{members: members}
	}
	return part{literal: v}
}

func (c *compiler) expr(field string, v value.Value, at string) *Expr {
	if v.Kind() != value.String {
		c.problem(at, fmt.Sprintf("The value for the field '%s' must be a STRING that contains a JSONPath but was an %s", field, strings.ToUpper(v.Kind().String())))
		return &Expr{}
	}
	e, err := CompileExpr(field, v.Text())
	if err != nil {
		c.problem(at, err.Error())
		return &Expr{}
	}
	for _, name := range e.Variables() {
		if !slices.Contains(c.vars, name) {
			c.vars = append(c.vars, name)
		}
	}
	return e
}

func (c *compiler) problem(at, message string) {
	c.problems = append(c.problems, failure.Problem{At: at, Code: "SCHEMA_VALIDATION_FAILED", Message: message})
}

// escape makes k a token of a JSON pointer.
func escape(k string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(k) }

// Literal is the template itself when it has no ".$" field, else Absent.
func (t *Template) Literal() value.Value { return t.literal }

// Variables is the names, without "$", of the workflow variables that the template mentions, each once.
func (t *Template) Variables() []string { return t.vars }

// Eval fills the template in. The error is a *failure.Failure, States.Runtime, when a path names nothing or a function
// cannot do what it is asked. (The specification has States.ParameterPathFailure and States.IntrinsicFailure for these;
// AWS answers States.Runtime.)
func (t *Template) Eval(env *jsonpath.Env) (value.Value, error) {
	if !t.literal.IsAbsent() {
		return t.literal, nil
	}
	return t.root.eval(env)
}

func (p *part) eval(env *jsonpath.Env) (value.Value, error) {
	switch {
	case p.expr != nil:
		return p.expr.Eval(env)
	case p.members != nil:
		ms := make([]value.Member, len(p.members))
		for i := range p.members {
			f := &p.members[i]
			v, err := f.part.eval(env)
			if err != nil {
				return v, err
			}
			ms[i] = value.Member{Key: f.name, Value: v}
		}
		return value.OfObject(ms...), nil
	case p.items != nil:
		items := make([]value.Value, len(p.items))
		for i := range p.items {
			v, err := p.items[i].eval(env)
			if err != nil {
				return v, err
			}
			items[i] = v
		}
		return value.OfArray(items...), nil
	}
	return p.literal, nil
}
