package jsonpath

import (
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
	text string
}

// SyntaxError says why a text is no path. Its message is Jayway's, which AWS repeats.
type SyntaxError struct {
	Path string
	Msg  string
}

// Error is the message.
func (e *SyntaxError) Error() string { return e.Msg }

// Compile reads a path. The error is a *SyntaxError.
func Compile(text string) (*Path, error) { panic("being built") }

// String is the path as it was written.
func (p *Path) String() string { return p.text }

// Root says what the path starts from.
func (p *Path) Root() Root { panic("being built") }

// Variable is the name of the workflow variable that the path starts from, without "$"; "" when it starts elsewhere.
func (p *Path) Variable() string { panic("being built") }

// Definite reports whether the path names at most one place. An indefinite path gives an array.
func (p *Path) Definite() bool { panic("being built") }

// Lookup is the value at p; Absent when p is definite and names nothing, or when a function in it fails.
func (p *Path) Lookup(env *Env) value.Value { panic("being built") }

// Eval is the value at p. When p is definite and names nothing the error is a *failure.Failure, States.Runtime, that
// says why in Jayway's words: "Invalid path '$.a' : No results for path: $['a']".
func (p *Path) Eval(env *Env) (value.Value, error) { panic("being built") }
