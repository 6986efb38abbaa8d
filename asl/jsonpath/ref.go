package jsonpath

import "anthill/value"

// Ref is a compiled reference path (Amazon States Language, "Reference Paths"): names and array indices only.
type Ref struct {
	Path
}

// CompileRef reads a reference path. The error is a *SyntaxError.
func CompileRef(text string) (*Ref, error) { panic("being built") }

// Set is root with v at r, as ResultPath does it: "$" replaces root, missing objects on the way are made, an array item
// is replaced. What cannot be done (a name inside a string, an index that is not there) is a *failure.Failure,
// States.ResultPathMatchFailure.
func (r *Ref) Set(root, v value.Value) (value.Value, error) { panic("being built") }
