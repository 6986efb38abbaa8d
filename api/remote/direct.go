package remote

import (
	"context"
	"strings"

	"anthill/asl"
	"anthill/asl/interp"
	"anthill/fault"
	"anthill/value"
	"anthill/workflows"
)

// Call calls an operation of a service for an account, as an aws-sdk task does: Call(ctx, scope, "sqs", "sendMessage", "request 1",
// arguments). What the service says of a resource that does not exist is a fault of kind NotFound; whatever else goes wrong is one
// of kind Internal.
func (k *Caller) Call(ctx context.Context, at workflows.Scope, service, action, request string, arguments value.Value) (value.Value, error) {
	const op = "remote.Call"
	res, ok := asl.ParseResource("arn:aws:states:::aws-sdk:" + service + ":" + action)
	if !ok {
		return value.Value{}, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "operation", Name: service + ":" + action}
	}
	out := k.Do(ctx, &workflows.Task{RunTask: &interp.RunTask{Resource: res, Arguments: arguments}, Scope: at, RequestID: request})
	switch f := out.Failure; {
	case out.Left:
		return value.Value{}, &fault.Error{Kind: fault.Canceled, Op: op, Noun: "call", Name: service, Err: ctx.Err()}
	case f == nil:
		return out.Output, nil
	case strings.Contains(f.Name, "NotFound"), strings.Contains(f.Name, "DoesNotExist"), strings.Contains(f.Name, "NonExistent"):
		return value.Value{}, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "resource", Name: service, Detail: f.Name + ": " + f.Cause}
	default:
		return value.Value{}, &fault.Error{Kind: fault.Internal, Op: op, Noun: "service", Name: service, Detail: f.Name + ": " + f.Cause}
	}
}
