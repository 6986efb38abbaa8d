package intrinsic

import (
	"errors"

	"anthill/asl/failure"
	"anthill/asl/jsonpath"
	"anthill/value"
)

// Call is a compiled intrinsic function call with its arguments.
type Call struct {
	text string
	root call
	vars []string
}

// call is one function with its arguments, within a Call.
type call struct {
	fn     *function
	args   []argument
	format *template // States.Format with a literal template
}

// argument is a literal, a path or a call.
type argument struct {
	literal value.Value
	path    *jsonpath.Path
	call    *call
}

// SyntaxError says why a text is no intrinsic function call.
type SyntaxError struct {
	Call string
	Msg  string
}

// Error is the message.
func (e *SyntaxError) Error() string { return e.Msg }

// Compile reads a call such as "States.Format('{}', $.name)". The error is a *SyntaxError.
func Compile(text string) (*Call, error) {
	p := parser{text: text}
	root, err := p.whole()
	if err != nil {
		return nil, &SyntaxError{Call: text, Msg: err.Error()}
	}
	return &Call{text: text, root: *root, vars: p.vars}, nil
}

// String is the call as it was written.
func (c *Call) String() string { return c.text }

// Variables is the names, without "$", of the workflow variables that the arguments mention, in the order of mention.
func (c *Call) Variables() []string { return c.vars }

// Eval calls the function. The error is a *failure.Failure, States.Runtime, "The function '…' had the following error: …":
// an argument that will not do, or a path in the arguments that names nothing; or States.DataLimitExceeded, for a text of more than 256 KiB.
func (c *Call) Eval(env *jsonpath.Env) (value.Value, error) {
	v, err := c.root.eval(env)
	if err == nil {
		return v, nil
	}
	if errors.Is(err, errTooLarge) {
		return value.Value{}, failure.New(failure.DataLimitExceeded, "The function '%s' returned a result with a size exceeding the maximum number of bytes service limit.", c.text)
	}
	return value.Value{}, failure.New(failure.Runtime, "The function '%s' had the following error: %s", c.text, err)
}

// fewArgs is how many arguments fit without an allocation of their own.
const fewArgs = 4

func (c *call) eval(env *jsonpath.Env) (value.Value, error) {
	var few [fewArgs]value.Value
	args := few[:0]
	if len(c.args) > fewArgs || c.fn.keeps {
		args = make([]value.Value, 0, len(c.args))
	}
	for i := range c.args {
		v, err := c.args[i].eval(env)
		if err != nil {
			return v, err
		}
		args = append(args, v)
	}
	if c.format != nil {
		return c.format.fill(args[1:])
	}
	v, err := c.fn.eval(env, args)
	if errors.Is(err, errArguments) {
		err = errors.New("Invalid arguments in " + c.fn.name)
	}
	return v, err
}

func (a *argument) eval(env *jsonpath.Env) (value.Value, error) {
	switch {
	case a.path != nil:
		v, why := a.path.Find(env)
		switch {
		case why != "":
			return v, errors.New(why)
		case v.IsAbsent():
			return v, notFound(a.path, env)
		}
		return v, nil
	case a.call != nil:
		return a.call.eval(env)
	}
	return a.literal, nil
}

func notFound(p *jsonpath.Path, env *jsonpath.Env) error {
	return errors.New("The JsonPath argument for the field '" + p.String() + "' could not be found in the input '" + env.Input.String() + "'")
}
