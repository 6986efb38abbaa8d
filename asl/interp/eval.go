package interp

import (
	"errors"
	"fmt"

	"anthill/asl"
	"anthill/asl/failure"
	"anthill/asl/jsonata"
	"anthill/asl/jsonpath"
	"anthill/value"
)

// trouble is how a state failed.
type trouble struct {
	failure.Failure
	evaluation bool   // AWS writes an EvaluationFailed event
	location   string // of EvaluationFailed
	late       bool   // the state had done its first step: EvaluationFailed names its StateEntered event
	heartbeat  bool   // a heartbeat was missed
}

// runtimeTrouble is a States.Runtime of f's state.
func (f *frame) runtimeTrouble(format string, args ...any) *trouble {
	return f.troubleOf(failure.New(failure.Runtime, format, args...))
}

// troubleOf puts AWS's words about the state in front of a failure's cause.
func (f *frame) troubleOf(fail *failure.Failure) *trouble {
	return &trouble{Failure: failure.Failure{Name: fail.Name, Cause: f.during() + fail.Cause}}
}

// during is how every cause that the interpreter words begins.
func (f *frame) during() string {
	if f.tested {
		return ""
	}
	return fmt.Sprintf("An error occurred while executing the state '%s' (entered at the event id #%d). ", f.state.Name, f.enteredID)
}

// evaluation is a States.QueryEvaluationError at a field of f's state.
func (f *frame) evaluation(location, format string, args ...any) *trouble {
	t := f.troubleOf(failure.New(failure.QueryEvaluationError, format, args...))
	t.evaluation, t.location = true, location
	return t
}

// view is what the expressions of a frame see. It is the jsonpath.Scope of its frame.
type view struct {
	x      *Execution
	f      *frame
	draws  *draws
	token  string      // of the task that is being scheduled
	item   value.Value // of the iteration that is being begun
	result value.Value // $states.result
	caught value.Value // $states.errorOutput
	whole  bool        // $states needs its context
}

// view gives what expressions of f see now.
func (x *Execution) view(f *frame) *view { return &view{x: x, f: f} }

// own is view for a state's own step, in which there is one at a time.
func (x *Execution) own(f *frame) *view {
	x.seen = view{x: x, f: f}
	return &x.seen
}

// Context is the context object.
func (v *view) Context() value.Value {
	c := v.f.context(v.x)
	if !v.item.IsAbsent() {
		c = c.With("Map", value.OfObject(value.Member{Key: "Item", Value: v.item}))
	}
	if v.token != "" && (v.x.given.IsAbsent() || c.Get("Task").IsAbsent()) {
		c = c.With("Task", value.OfObject(value.Member{Key: "Token", Value: value.OfString(v.token)}))
	}
	return c
}

// Variable is a workflow variable.
func (v *view) Variable(name string) value.Value { return v.f.vars.get(name) }

// Random is 64 bits that a replay draws again.
func (v *view) Random() uint64 {
	if v.draws == nil {
		v.draws = v.x.draws(v.x.seq+1, drawEvaluation)
	}
	return v.draws.uint64()
}

// path evaluates a JSONPath of f's state.
func (v *view) path(p *jsonpath.Path, input value.Value) (value.Value, *trouble) {
	env := jsonpath.Env{Input: input, Scope: v}
	out, err := p.Eval(&env)
	if err != nil {
		return out, v.f.failed(err)
	}
	return out, nil
}

// failed is the error of a JSONPath evaluation as trouble.
func (f *frame) failed(err error) *trouble {
	var fail *failure.Failure
	if !errors.As(err, &fail) {
		fail = failure.New(failure.Runtime, "%v", err)
	}
	return f.troubleOf(fail)
}

// expr evaluates an expression in the language of f's state. input is "$" of JSONPath; $states.input of JSONata is always
// the state's own.
func (v *view) expr(e *asl.Expression, input value.Value) (value.Value, *trouble) {
	if lit := e.Literal(); !lit.IsAbsent() {
		return lit, nil
	}
	if e.Template != nil {
		env := jsonpath.Env{Input: input, Scope: v}
		out, err := e.EvalPath(&env)
		if err != nil {
			return out, v.f.failed(err)
		}
		return out, nil
	}
	v.whole = e.UsesContext()
	out, err := e.EvalJSONata(jsonata.Env{Lookup: v.lookup, Now: v.x.now, Random: v.Random, Data: true}, v.check)
	if err != nil {
		return out, err.(*evaluationError).trouble
	}
	return out, nil
}

// lookup gives JSONata its variables.
func (v *view) lookup(name string) (value.Value, bool) {
	if name == "states" {
		return v.states(), true
	}
	out := v.f.vars.get(name)
	return out, !out.IsAbsent()
}

// states is $states (specification, "Reserved variable: $states").
func (v *view) states() value.Value {
	members := make([]value.Member, 0, 4)
	members = append(members, value.Member{Key: "input", Value: v.f.input})
	if !v.result.IsAbsent() {
		members = append(members, value.Member{Key: "result", Value: v.result})
	}
	if !v.caught.IsAbsent() {
		members = append(members, value.Member{Key: "errorOutput", Value: v.caught})
	}
	if v.whole {
		members = append(members, value.Member{Key: "context", Value: v.Context()})
	}
	return value.OfObject(members...)
}

// evaluationError carries trouble through an evaluation.
type evaluationError struct{ trouble *trouble }

func (e *evaluationError) Error() string { return e.trouble.Cause }

// check turns what a {% %} string gave into what Step Functions makes of it.
func (v *view) check(field, source string, out value.Value, err error) (value.Value, error) {
	what := fmt.Sprintf("The JSONata expression '%s' specified for the field '%s' ", source, field)
	switch {
	case err != nil:
		var je *jsonata.Error
		switch {
		case errors.As(err, &je) && je.Code == "":
			return out, &evaluationError{v.f.evaluation(field, "%sreturned an unsupported result type.", what)}
		case je != nil && je.Code == "U1001": // a limit has no code on AWS
			return out, &evaluationError{v.f.evaluation(field, "%sthrew an error during evaluation: %s", what, je.Message)}
		}
		return out, &evaluationError{v.f.evaluation(field, "%sthrew an error during evaluation. %v", what, err)}
	case out.IsAbsent():
		return out, &evaluationError{v.f.evaluation(field, "%sreturned nothing (undefined).", what)}
	}
	return out, nil
}

// expect reports a JSONata result of another kind than the field needs.
func (v *view) expect(e *asl.Expression, out value.Value, kind value.Kind) *trouble {
	if out.Kind() == kind {
		return nil
	}
	return v.f.evaluation(e.Field, "The JSONata expression '%s' specified for the field '%s' returned an unexpected result type. Expected '%s', but was '%s' for value: %s",
		e.Source(), e.Field, kind, out.Kind(), out)
}

// assign computes Assign: the variables in the order of the field. input is "$" of JSONPath.
func (v *view) assign(e *asl.Expression, input value.Value) ([]Variable, *trouble) {
	if e == nil {
		return nil, nil
	}
	out, t := v.expr(e, input)
	if t != nil {
		return nil, t
	}
	vars := make([]Variable, 0, out.Len())
	size := 0
	for name, item := range out.Members() {
		vars = append(vars, Variable{name, item.Compact()})
		size += len(item.String())
	}
	stays := v.f.vars.total()
	for _, assigned := range vars {
		stays -= len(v.f.vars.vars[assigned.Name].String())
	}
	if stays+size > MaxAllVariables {
		return nil, v.f.runtimeTrouble("The size of all variables exceeds the maximum of %d bytes.", MaxAllVariables)
	}
	if size > MaxVariable {
		return nil, v.f.runtimeTrouble("The size of the variables assigned exceeds the maximum of %d bytes.", MaxVariable)
	}
	return vars, nil
}
