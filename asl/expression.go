package asl

import (
	"errors"
	"slices"
	"strings"

	"anthill/asl/jsonata"
	"anthill/asl/jsonpath"
	"anthill/asl/template"
	"anthill/value"
)

// Expression is a JSON value of the definition in which parts are computed: a payload template in JSONPath, a tree with
// {% %} strings in JSONata.
type Expression struct {
	Field    string             // where it stands in its state: "Output", "Assign", "Choices[0]/Condition"
	Template *template.Template // JSONPath; nil in JSONata
	tree     node               // JSONata
	vars     []string
	context  bool // JSONata: it may look at $states.context
}

// UsesContext reports whether a JSONata expression may look at the context object.
func (e *Expression) UsesContext() bool { return e.context }

// usesContext reports whether an expression in n mentions $states.context, or $states as a whole.
func (n *node) usesContext() bool {
	if n.expr != nil {
		for _, r := range n.expr.References() {
			if r.Name == "states" && (len(r.Path) == 0 || r.Path[0] == "context") {
				return true
			}
		}
	}
	for i := range n.items {
		if n.items[i].usesContext() {
			return true
		}
	}
	return false
}

// node is one value of a JSONata tree. Exactly one of literal, expr, items is in use.
type node struct {
	literal value.Value
	expr    *jsonata.Expr
	at      string // of expr: "" or "/result"
	object  bool
	keys    []string
	items   []node
}

// Literal is the value of an expression in which nothing is computed; else Absent.
func (e *Expression) Literal() value.Value {
	if e.Template != nil {
		return e.Template.Literal()
	}
	return e.tree.literal
}

// EvalPath computes an expression of JSONPath. The error is a *failure.Failure.
func (e *Expression) EvalPath(env *jsonpath.Env) (value.Value, error) { return e.Template.Eval(env) }

// EvalJSONata computes an expression of JSONata. check looks at what each {% %} string gave: where it stands
// ("Output/result"), its source and its result or error; an error of check ends the evaluation.
func (e *Expression) EvalJSONata(env jsonata.Env, check Check) (value.Value, error) {
	return e.tree.eval(e.Field, env, check)
}

// Check decides what the result of a JSONata expression is good for.
type Check func(field, source string, v value.Value, err error) (value.Value, error)

func (n *node) eval(field string, env jsonata.Env, check Check) (value.Value, error) {
	switch {
	case n.expr != nil:
		v, err := n.expr.Eval(env)
		return check(field+n.at, n.expr.Source(), v, err)
	case n.items == nil:
		return n.literal, nil
	}
	if n.object {
		members := make([]value.Member, len(n.items))
		for i := range n.items {
			v, err := n.items[i].eval(field, env, check)
			if err != nil {
				return value.Value{}, err
			}
			members[i] = value.Member{Key: n.keys[i], Value: v}
		}
		return value.OfObject(members...), nil
	}
	items := make([]value.Value, len(n.items))
	for i := range n.items {
		v, err := n.items[i].eval(field, env, check)
		if err != nil {
			return value.Value{}, err
		}
		items[i] = v
	}
	return value.OfArray(items...), nil
}

// expression compiles field of obj in the language of its state; nil when it is not there. prefix is where obj stands in
// its state: "" or "Choices/0/".
func (p *parser) expression(obj value.Value, at, prefix, field string, inJSONata bool) *Expression {
	v := obj.Get(field)
	if v.IsAbsent() {
		return nil
	}
	e := &Expression{Field: prefix + field}
	if !inJSONata {
		t, problems := template.Compile(v)
		p.adopt(at+"/"+field, problems)
		if problems == nil {
			e.Template, e.vars = t, t.Variables()
		}
		return e
	}
	p.sees = p.visible(prefix, field)
	e.tree = p.tree(v, at+"/"+field, "")
	if len(p.problems.Errors()) == 0 { // else there may be expressions that did not compile
		e.vars, e.context = e.tree.variables(nil), e.tree.usesContext()
	}
	return e
}

// isJSONata reports whether v is a text that is a JSONata expression, and gives the expression.
func isJSONata(v value.Value) (string, bool) {
	t := v.Text()
	if len(t) >= 4 && strings.HasPrefix(t, "{%") && strings.HasSuffix(t, "%}") {
		return strings.TrimSpace(t[2 : len(t)-2]), true
	}
	return "", false
}

// visible is what $states has in a field besides input and context (specification, "Reserved variable: $states").
func (p *parser) visible(prefix, field string) string {
	if field != "Output" && field != "Assign" {
		return ""
	}
	switch {
	case strings.HasPrefix(prefix, "Catch["):
		return "errorOutput"
	case prefix == "" && p.state != nil && (p.state.Type == Task || p.state.Type == Parallel || p.state.Type == Map):
		return "result"
	}
	return ""
}

// compileJSONata compiles the expression source, which stands at a place of the definition. It must read nothing but
// variables: there is no document (specification, "JSONata"; Developer Guide, "Transforming data with JSONata").
func (p *parser) compileJSONata(source, at string) *jsonata.Expr {
	e, err := jsonata.CompileStates(source)
	if err != nil {
		message := err.Error()
		var je *jsonata.Error
		if errors.As(err, &je) {
			message = je.Message
		}
		p.report("INVALID_JSONATA_EXPRESSION", at, message)
		return nil
	}
	const unsupported = "UNSUPPORTED_JSONATA_EXPRESSION"
	for _, name := range e.TopLevel() {
		if name == "$$" {
			p.report(unsupported, at, "Reference to '$$' is not supported.")
		} else {
			p.report(unsupported, at, "Reference to '"+name+"' at the top level is not supported.")
		}
	}
	var strange []string
	for _, r := range e.References() {
		if r.Name != "states" || len(r.Path) == 0 {
			continue
		}
		if f := r.Path[0]; f != "input" && f != "context" && f != p.sees && !slices.Contains(strange, f) {
			strange = append(strange, f)
			p.report(unsupported, at, "Field '$states."+f+"' does not exist.")
		}
	}
	return e
}

// tree compiles a JSONata tree; at is where the tree stands in the definition, below where v stands in the tree.
func (p *parser) tree(v value.Value, at, below string) node {
	if source, ok := isJSONata(v); ok {
		return node{expr: p.compileJSONata(source, at+below), at: below}
	}
	if v.Kind() != value.Object && v.Kind() != value.Array {
		if strings.HasPrefix(v.Text(), "{%") {
			p.fail(at+below, "JSONata string must start with {%% and end with %%}")
		}
		return node{literal: v}
	}
	n := node{object: v.Kind() == value.Object, items: make([]node, 0, v.Len())}
	computed := false
	for i := range v.Len() {
		m := v.At(i)
		key := m.Key
		place := "[" + itoa(i) + "]"
		if n.object {
			n.keys = append(n.keys, key)
			place = "/" + key
		}
		kid := p.tree(m.Value, at, below+place)
		computed = computed || kid.expr != nil || kid.items != nil
		n.items = append(n.items, kid)
	}
	if !computed {
		return node{literal: v}
	}
	return n
}

// variables adds the names of the workflow variables that n mentions to names.
func (n *node) variables(names []string) []string {
	if n.expr != nil {
		for _, v := range n.expr.Variables() {
			if v != "states" {
				names = append(names, v)
			}
		}
	}
	for i := range n.items {
		names = n.items[i].variables(names)
	}
	return names
}

// assign compiles Assign of obj (a state, a catcher or a choice rule).
func (p *parser) assign(obj value.Value, at, prefix string, inJSONata bool) *Expression {
	v := obj.Get("Assign")
	if v.IsAbsent() {
		return nil
	}
	if v.Kind() != value.Object {
		p.fail(at+"/Assign", "Expected value of type Object")
		return nil
	}
	for key := range v.Members() {
		name := key
		if !inJSONata {
			name = strings.TrimSuffix(key, ".$")
		}
		switch {
		case name == "states":
			p.report("RESERVED_VARIABLE_NAME", at+"/Assign", "Cannot assign to reserved variable '$states'.")
		case len([]rune(name)) > 80:
			p.report("INVALID_VARIABLE_NAME", at+"/Assign", "Invalid variable name '"+name+"': the variable name exceeds the 80-character limit.")
		case !isVariableName(name):
			p.report("INVALID_VARIABLE_NAME", at+"/Assign", "Invalid variable name '"+name+"': the variable name contains invalid characters.")
		}
	}
	return p.expression(obj, at, prefix, "Assign", inJSONata)
}

// isVariableName reports whether s has the form of a workflow variable's name: a Unicode identifier (specification,
// "Assign").
func isVariableName(s string) bool {
	if s == "" {
		return false
	}
	for i, r := range s {
		if !identifier(r, i == 0) {
			return false
		}
	}
	return true
}

// Source is the JSONata of an expression that is one {% %} string; else "".
func (e *Expression) Source() string {
	if e.tree.expr == nil {
		return ""
	}
	return e.tree.expr.Source()
}
