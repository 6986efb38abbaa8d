package template

import (
	"anthill/asl/failure"
	"anthill/asl/jsonpath"
	"anthill/value"
)

// Template is a compiled payload template.
type Template struct {
	literal value.Value
}

// Compile reads a template. It reports all problems at once; a template with problems must not be evaluated.
func Compile(v value.Value) (*Template, []failure.Problem) { panic("being built") }

// Literal is the template itself when it has no ".$" field, else Absent.
func (t *Template) Literal() value.Value { return t.literal }

// Variables is the names, without "$", of the workflow variables that the template mentions, each once.
func (t *Template) Variables() []string { panic("being built") }

// Eval fills the template in. The error is a *failure.Failure: States.ParameterPathFailure for a path that names nothing,
// States.IntrinsicFailure for a function that cannot.
func (t *Template) Eval(env *jsonpath.Env) (value.Value, error) { panic("being built") }
