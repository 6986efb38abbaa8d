package workflows

import (
	"context"
	"strconv"
	"strings"
	"time"

	"anthill/asl"
	"anthill/asl/failure"
	"anthill/fault"
	"anthill/functions"
	"anthill/value"
)

// lambdaTask does tasks whose Resource is a function's ARN: the input is the payload, the answer the output.
type lambdaTask struct{ s *Service }

func (l lambdaTask) Do(ctx context.Context, t *Task) Outcome {
	res, out := l.s.invoke(ctx, t, t.Resource.ARN, "", t.Arguments.JSON(), "")
	if res == nil {
		return out
	}
	output, err := value.ParseBytes(res.Payload)
	if err != nil {
		output = value.OfString(string(res.Payload))
	}
	out.Output = output
	return out
}

// lambdaInvoke does arn:aws:states:::lambda:invoke, whose answer wraps the function's.
type lambdaInvoke struct{ s *Service }

func (l lambdaInvoke) Do(ctx context.Context, t *Task) Outcome {
	if t.Submitted {
		return Outcome{Open: true}
	}
	args := t.Arguments
	payload := []byte("{}")
	switch p := args.Get("Payload"); {
	case p.IsAbsent(), p.IsNull():
	case p.Kind() == value.String:
		payload = []byte(p.Text()) // a text is the payload itself
	default:
		payload = p.JSON()
	}
	mode := args.Get("InvocationType").Text()
	res, out := l.s.invoke(ctx, t, args.Get("FunctionName").Text(), args.Get("Qualifier").Text(), payload, mode)
	if res == nil {
		if f := out.Failure; f != nil {
			if body, err := value.Parse(f.Cause); err == nil {
				f.Cause = body.Compact().String() // the optimized integration writes the answer anew
			}
		}
		return out
	}
	out.Output = invokeOutput(res, t.RequestID, t.origin.root(), mode)
	if t.Resource.Pattern == asl.WaitForTaskToken && t.r != nil { // TestState has nobody who could answer
		if err := t.Submit(out.Output, out.Started); err != nil {
			return Outcome{Left: true}
		}
		if out.Release != nil {
			out.Release()
		}
		return Outcome{Open: true}
	}
	return out
}

// invoke runs a function, or finds again what became of a run after a restart of the platform. res is nil when out says
// all there is.
func (s *Service) invoke(ctx context.Context, t *Task, name, qualifier string, payload []byte, mode string) (res *functions.Result, out Outcome) {
	if s.c.Functions == nil {
		return nil, FailedWith("Lambda.ServiceException", "this platform runs no functions")
	}
	var err error
	found := false
	if t.Recovered {
		res, found, err = s.c.Functions.Adopt(ctx, t.RequestID)
		if err == nil && !found && (mode == "Event" || !s.c.Functions.NeverSent(ctx, t.RequestID, t.Scheduled)) {
			return nil, FailedWith("Lambda.SdkClientException", "The machine went down while the function may have been running (request %s). It was not run again: a Retry of the state would.", t.RequestID)
		}
	}
	if err == nil && !found {
		inv := functions.Invocation{RequestID: t.RequestID, Payload: payload, TraceID: t.traceHeader(), Keep: true}
		if !t.begun.IsZero() {
			inv.Arrived = t.begun.UnixNano()
		}
		if t.callsByARN() {
			inv.Callee, err = t.r.callees.of(t.Scope, name)
			inv.Checked = true // it is printed by us
		} else {
			inv.Ref, err = functions.ParseRef(t.Scope.Account, t.Scope.Region, name, qualifier)
		}
		if err == nil {
			switch mode {
			case "Event":
				inv.Mode = functions.Queued
			case "DryRun":
				inv.Mode = functions.DryRun
			}
			res, err = s.c.Functions.Invoke(ctx, inv)
		}
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, Outcome{Left: true}
	case err != nil:
		return nil, Outcome{Failure: lambdaFault(err, name, t), Started: t.begun}
	}
	if res.Result == nil { // queued or dry run
		return res, Outcome{Started: t.begun}
	}
	out = Outcome{Release: res.Release, Side: encodeTrace(t, res.Start, &res.Phases)}
	if res.Phases.Sent != 0 {
		out.Started = time.Unix(0, res.Phases.Sent)
	}
	if res.FunctionError != "" {
		out.Failure = functionFailure(res)
		return nil, out
	}
	return res, out
}

// lambdaFault is the error name and cause of an invocation that Lambda refused, as the AWS SDK words it.
func lambdaFault(err error, function string, t *Task) *failure.Failure {
	f := fault.Of(err)
	name, status := "ServiceException", 500
	switch f.Kind {
	case fault.NotFound:
		name, status = "ResourceNotFoundException", 404
	case fault.Throttled:
		name, status = "TooManyRequestsException", 429
	case fault.TooLarge:
		name, status = "RequestTooLargeException", 413
	case fault.Invalid:
		name, status = "ValidationException", 400
	case fault.Conflict:
		name, status = "ResourceConflictException", 409
		switch f.Reason {
		case functions.ReasonNotReady:
			name = "SnapStartNotReadyException"
		case functions.ReasonSnapshot, functions.ReasonUnrestored:
			name, status = "SnapStartException", 400
		case functions.ReasonSlowRestore:
			name, status = "SnapStartTimeoutException", 408
		}
	}
	detail := f.Detail
	if f.Kind == fault.NotFound {
		if ref, err := functions.ParseRef(t.Scope.Account, t.Scope.Region, function, ""); err == nil {
			if ref.Qualifier == "" && !strings.HasPrefix(function, "arn:") {
				ref.Qualifier = functions.Latest
			}
			detail = "Function not found: " + ref.ARN()
		}
	}
	if detail == "" {
		detail = err.Error()
	}
	return failure.New("Lambda."+name, "%s (Service: AWSLambda; Status Code: %d; Error Code: %s; Request ID: %s; Proxy: null)", detail, status, name, t.RequestID)
}

// functionFailure is what a failing function's answer says: its errorType is the error, the whole answer the cause.
func functionFailure(res *functions.Result) *failure.Failure {
	body, err := value.ParseBytes(res.Payload)
	name := body.Get("errorType").Text()
	if err != nil || name == "" {
		name = "Lambda.Unknown"
	}
	if res.ErrorType == "Sandbox.Timedout" {
		name = "Sandbox.Timedout"
	}
	return &failure.Failure{Name: name, Cause: string(res.Payload)}
}

// invokeOutput is the SDK's view of a successful Invoke.
func invokeOutput(res *functions.Result, requestID, root, mode string) value.Value {
	status := int64(200)
	text := ""
	if res.Result != nil {
		text = string(res.Payload)
	}
	payload, err := value.Parse(text)
	if err != nil {
		payload = value.OfString(text)
	}
	if mode == "Event" {
		status = 202
	} else if mode == "DryRun" {
		status = 204
	}
	str := value.OfString
	date := time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	length := strconv.Itoa(len(text))
	headers := []value.Member{{Key: "X-Amz-Executed-Version", Value: str(res.ExecutedVersion)}, {Key: "x-amzn-Remapped-Content-Length", Value: str("0")},
		{Key: "Connection", Value: str("keep-alive")}, {Key: "x-amzn-RequestId", Value: str(requestID)}, {Key: "Content-Length", Value: str(length)},
		{Key: "Date", Value: str(date)}, {Key: "X-Amzn-Trace-Id", Value: str("Root=" + root + ";Sampled=0")}, {Key: "Content-Type", Value: str("application/json")}}
	return value.OfObject(
		value.Member{Key: "ExecutedVersion", Value: str(res.ExecutedVersion)},
		value.Member{Key: "Payload", Value: payload},
		value.Member{Key: "SdkHttpMetadata", Value: httpMetadata(status, headers,
			"Connection", "Content-Length", "Content-Type", "Date", "X-Amz-Executed-Version", "x-amzn-Remapped-Content-Length", "x-amzn-RequestId", "X-Amzn-Trace-Id")},
		value.Member{Key: "SdkResponseMetadata", Value: value.OfObject(value.Member{Key: "RequestId", Value: str(requestID)})},
		value.Member{Key: "StatusCode", Value: value.OfInt(status)},
	)
}

// httpMetadata is SdkHttpMetadata: all headers as lists, then each once in the order named.
func httpMetadata(status int64, all []value.Member, once ...string) value.Value {
	lists := make([]value.Member, len(all))
	byName := map[string]value.Value{}
	for i, h := range all {
		lists[i] = value.Member{Key: h.Key, Value: value.OfArray(h.Value)}
		byName[h.Key] = h.Value
	}
	single := make([]value.Member, len(once))
	for i, name := range once {
		single[i] = value.Member{Key: name, Value: byName[name]}
	}
	return value.OfObject(value.Member{Key: "AllHttpHeaders", Value: value.OfObject(lists...)},
		value.Member{Key: "HttpHeaders", Value: value.OfObject(single...)}, value.Member{Key: "HttpStatusCode", Value: value.OfInt(status)})
}
