package jsonpath

import (
	"anthill/asl/failure"
	"anthill/value"
)

// Root says what a path starts from.
type Root uint8

const (
	Input    Root = iota // "$"
	Context              // "$$"
	Variable             // "$name"
)

// Path is a compiled JSONPath.
type Path struct {
	text     string
	root     Root
	variable string
	steps    []step
	definite bool
	simple   bool   // names and indices only: no evaluator needed
	onward   []bool // onward[i]: steps i and later are all definite
}

// SyntaxError says why a text is no path.
type SyntaxError struct {
	Path string
	Msg  string
}

// Error is the message.
func (e *SyntaxError) Error() string { return e.Msg }

// Compile reads a path. The error is a *SyntaxError.
func Compile(text string) (*Path, error) {
	p := &Path{text: text}
	c := compiler{text: trimRight(text)}
	if err := c.path(p); err != nil {
		return nil, &SyntaxError{Path: text, Msg: err.Error()}
	}
	p.finish()
	return p, nil
}

// finish derives from the steps what evaluation wants to know.
func (p *Path) finish() {
	p.definite, p.simple = true, true
	p.onward = make([]bool, len(p.steps)+1)
	p.onward[len(p.steps)] = true
	for i := len(p.steps) - 1; i >= 0; i-- {
		s := &p.steps[i]
		p.onward[i] = p.onward[i+1] && s.definite()
		p.simple = p.simple && (s.kind == stepName || s.kind == stepIndex)
	}
	p.definite = p.onward[0]
}

// String is the path as it was written.
func (p *Path) String() string { return p.text }

// Root says what the path starts from.
func (p *Path) Root() Root { return p.root }

// Variable is the name of the workflow variable that the path starts from, without "$"; "" when it starts elsewhere.
func (p *Path) Variable() string { return p.variable }

// Definite reports whether the path names at most one place. An indefinite path gives an array.
func (p *Path) Definite() bool { return p.definite }

// Whole reports whether the path is nothing but its root: "$", "$$" or "$name".
func (p *Path) Whole() bool { return len(p.steps) == 0 }

// document is what the path starts from.
func (p *Path) document(env *Env) value.Value {
	switch p.root {
	case Context:
		return env.Context()
	case Variable:
		return env.Variable(p.variable)
	}
	return env.Input
}

// Lookup is the value at p; Absent when p names nothing or cannot be applied.
func (p *Path) Lookup(env *Env) value.Value {
	doc := p.document(env)
	if doc.IsAbsent() {
		return doc
	}
	if p.simple {
		return p.descend(doc)
	}
	e := evaluator{path: p, doc: doc, quiet: 1}
	v, err := e.run()
	if err != nil {
		return value.Value{}
	}
	return v
}

// descend follows names and indices.
func (p *Path) descend(v value.Value) value.Value {
	for i := range p.steps {
		if s := &p.steps[i]; s.kind == stepName {
			v = v.Get(s.name)
		} else {
			v = v.Index(s.nums[0])
		}
		if v.IsAbsent() {
			break
		}
	}
	return v
}

// Find is Lookup that also says, in the words of AWS's library, why p cannot be applied; "" when it names nothing.
func (p *Path) Find(env *Env) (v value.Value, why string) {
	if v = p.Lookup(env); !v.IsAbsent() {
		return v, ""
	}
	doc := p.document(env)
	if doc.IsAbsent() {
		return doc, ""
	}
	e := evaluator{path: p, doc: doc}
	if _, err := e.run(); err != nil && !err.missing {
		return value.Value{}, err.msg
	}
	return value.Value{}, ""
}

// Eval is the value at p. When p names nothing or cannot be applied, the error is a *failure.Failure, States.Runtime, that
// says why in the words of AWS's library: "Invalid path '$.a' : No results for path: $['a']".
func (p *Path) Eval(env *Env) (value.Value, error) {
	doc := p.document(env)
	if p.simple && !doc.IsAbsent() {
		if v := p.descend(doc); !v.IsAbsent() {
			return v, nil
		}
	}
	if doc.IsAbsent() {
		return doc, p.invalid("No results for path: " + p.text)
	}
	e := evaluator{path: p, doc: doc}
	v, err := e.run()
	if err != nil {
		return value.Value{}, p.invalid(err.msg)
	}
	return v, nil
}

func (p *Path) invalid(why string) error {
	return failure.New(failure.Runtime, "Invalid path '%s' : %s", p.text, why)
}
