package template

import (
	"errors"
	"fmt"
	"strings"

	"anthill/asl/failure"
	"anthill/asl/intrinsic"
	"anthill/asl/jsonpath"
	"anthill/value"
)

// Expr is the value of one dynamic field: a path or an intrinsic function call. ErrorPath and CausePath of a Fail state
// are such fields too.
type Expr struct {
	field string
	path  *jsonpath.Path
	call  *intrinsic.Call
}

// CompileExpr reads the text of a field, whose name is for messages ("x.$", "ErrorPath"). The error is AWS's message.
func CompileExpr(field, text string) (*Expr, error) {
	if strings.HasPrefix(text, "$") {
		if p, err := jsonpath.Compile(text); err == nil {
			return &Expr{field: field, path: p}, nil
		}
	} else if c, err := intrinsic.Compile(text); err == nil {
		return &Expr{field: field, call: c}, nil
	}
	return nil, fmt.Errorf("The value for the field '%s' must be a valid JSONPath or a valid intrinsic function call", field)
}

// Path is the path; nil when the expression is a function call.
func (e *Expr) Path() *jsonpath.Path { return e.path }

// Variables is the names, without "$", of the workflow variables that the expression mentions.
func (e *Expr) Variables() []string {
	switch {
	case e.call != nil:
		return e.call.Variables()
	case e.path != nil && e.path.Root() == jsonpath.Variable:
		return []string{e.path.Variable()}
	}
	return nil
}

// Eval is the expression's value. The error is a *failure.Failure, States.Runtime: "The JSONPath '$.x' specified for the
// field 'y.$' could not be found in the input '{…}'".
func (e *Expr) Eval(env *jsonpath.Env) (value.Value, error) {
	if e.call != nil {
		return e.call.Eval(env)
	}
	if e.path == nil {
		return value.Value{}, errors.New("a template with problems was evaluated")
	}
	if e.path.Root() == jsonpath.Input && (env.Input.IsNull() || env.Input.IsAbsent()) {
		return value.Value{}, failure.New(failure.Runtime, "Unable to apply Path transformation to null or empty input.")
	}
	v := e.path.Lookup(env)
	if v.IsAbsent() {
		return v, failure.New(failure.Runtime, "The JSONPath '%s' specified for the field '%s' could not be found in the input '%s'", e.path, e.field, env.Input)
	}
	return v, nil
}
