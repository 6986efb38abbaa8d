package jsonpath

import "anthill/value"

// Env is what an expression of a state may look at. It is made anew for every field, since InputPath, Parameters and
// ResultSelector each see another input; making one is free. The zero Env has a missing input, no context object, no
// variables and draws zeros.
type Env struct {
	Input value.Value // $
	Scope Scope       // the rest; nil for none
}

// Scope is the surroundings of a state, which stay the same for all of its fields. The interpreter supplies it.
type Scope interface {
	// Context is the context object, "$$".
	Context() value.Value
	// Variable is the workflow variable called name (without "$"); Absent when none is assigned.
	Variable(name string) value.Value
	// Random is 64 random bits. The supplier must be able to draw the same ones again in a replay.
	Random() uint64
}

// Context is the context object; Absent when there is none.
func (e *Env) Context() value.Value {
	if e.Scope == nil {
		return value.Value{}
	}
	return e.Scope.Context()
}

// Variable is the workflow variable called name; Absent when none is assigned.
func (e *Env) Variable(name string) value.Value {
	if e.Scope == nil {
		return value.Value{}
	}
	return e.Scope.Variable(name)
}

// Random is 64 random bits from the Scope.
func (e *Env) Random() uint64 {
	if e.Scope == nil {
		return 0
	}
	return e.Scope.Random()
}
