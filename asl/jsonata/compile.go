package jsonata

import "anthill/value"

type code func()

type scope struct{}

func compile(expr string, states bool) (*Expr, error) { panic("being built") }

// Eval evaluates the expression. Undefined is the zero Value. The error is an *Error.
func (e *Expr) Eval(env Env) (value.Value, error) { panic("being built") }
