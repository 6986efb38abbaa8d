package intrinsic

import (
	"anthill/asl/jsonpath"
	"anthill/value"
)

// Call is a compiled intrinsic function call with its arguments.
type Call struct {
	text string
}

// SyntaxError says why a text is no intrinsic function call.
type SyntaxError struct {
	Call string
	Msg  string
}

// Error is the message.
func (e *SyntaxError) Error() string { return e.Msg }

// Compile reads a call such as "States.Format('{}', $.name)". The error is a *SyntaxError.
func Compile(text string) (*Call, error) { panic("being built") }

// String is the call as it was written.
func (c *Call) String() string { return c.text }

// Variables is the names, without "$", of the workflow variables that the arguments mention, in the order of mention.
func (c *Call) Variables() []string { panic("being built") }

// Eval calls the function. The error is a *failure.Failure: States.IntrinsicFailure when an argument will not do,
// States.Runtime when a path in the arguments names nothing.
func (c *Call) Eval(env *jsonpath.Env) (value.Value, error) { panic("being built") }
