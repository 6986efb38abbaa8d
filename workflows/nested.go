package workflows

import (
	"context"
	"strconv"
	"strings"
	"time"

	"anthill/asl"
	"anthill/asl/failure"
	"anthill/fault"
	"anthill/value"
)

// nestedExecution does arn:aws:states:::states:startExecution in its four forms.
type nestedExecution struct{ s *Service }

func (n nestedExecution) Do(ctx context.Context, t *Task) Outcome {
	begun := time.Now()
	name := t.Arguments.Get("Name").Text()
	if name == "" {
		name = t.RequestID // the same attempt after a crash starts the same execution
	}
	target := t.Arguments.Get("StateMachineArn").Text()
	executionARN, waiting := "", t.Resource.Pattern != asl.RequestResponse
	if !t.Submitted {
		e, err := n.s.Start(ctx, StartInput{Target: target, Name: name, Input: nestedInput(t.Arguments.Get("Input")), TraceHeader: t.passedOn()})
		if err != nil {
			return Outcome{Failure: statesFault(err, t.RequestID), Started: begun}
		}
		executionARN = e.ARN
		output := startOutput(e, t.RequestID)
		if !waiting {
			return Outcome{Output: output, Started: begun}
		}
		if err := t.Submit(output, begun); err != nil {
			return Outcome{Left: true}
		}
	} else if tgt, err := n.s.Resolve(target); err == nil {
		executionARN = resource(tgt.Machine.Scope, "execution", tgt.Machine.Name+":"+name)
	}
	if t.Resource.Pattern == asl.WaitForTaskToken {
		return Outcome{Open: true}
	}
	return n.wait(ctx, t, executionARN)
}

// wait waits for the end of an execution that a .sync task started. A task that is not wanted any more stops it.
func (n nestedExecution) wait(ctx context.Context, t *Task, executionARN string) Outcome {
	if done := n.s.openUntil(executionARN); done != nil {
		select {
		case <-done:
		case <-ctx.Done():
			if n.s.ctx.Err() == nil {
				_, _ = n.s.Stop(context.WithoutCancel(ctx), executionARN, "", "") // it may have ended meanwhile
			}
			return Outcome{Left: true}
		}
	}
	res, err := n.s.Describe(executionARN)
	if err != nil {
		return Outcome{Failure: statesFault(err, t.RequestID)}
	}
	desc := n.s.describeValue(res, t.Resource.Sync2, func(t time.Time) value.Value { return value.OfInt(t.UnixMilli()) })
	if res.Status != Succeeded {
		return Outcome{Failure: &failure.Failure{Name: failure.TaskFailed, Cause: desc.String()}}
	}
	return Outcome{Output: desc}
}

// nestedInput is the Input parameter as StartExecution gets it: JSON values as their text, a string as it is.
func nestedInput(v value.Value) *string {
	if v.IsAbsent() || v.IsNull() {
		return nil
	}
	text := v.String()
	if v.Kind() == value.String {
		text = v.Text()
	}
	return &text
}

// startOutput is the SDK's view of a StartExecution.
func startOutput(e *Execution, requestID string) value.Value {
	str := value.OfString
	body := `{"executionArn":"` + e.ARN + `","startDate":` + javaSeconds(e.Started) + `}`
	headers := []value.Member{{Key: "x-amzn-RequestId", Value: str(requestID)}, {Key: "connection", Value: str("keep-alive")},
		{Key: "Content-Length", Value: str(strconv.Itoa(len(body)))}, {Key: "Date", Value: str(time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))},
		{Key: "Content-Type", Value: str("application/x-amz-json-1.0")}}
	return value.OfObject(
		value.Member{Key: "ExecutionArn", Value: str(e.ARN)},
		value.Member{Key: "SdkHttpMetadata", Value: httpMetadata(200, headers, "connection", "Content-Length", "Content-Type", "Date", "x-amzn-RequestId")},
		value.Member{Key: "SdkResponseMetadata", Value: value.OfObject(value.Member{Key: "RequestId", Value: str(requestID)})},
		value.Member{Key: "StartDate", Value: value.OfInt(e.Started.UnixMilli())},
	)
}

// describeValue is DescribeExecution's answer as an output, its keys sorted as the SDK's JSON has them. parsed shows input and
// output as JSON, as .sync:2 does; date writes an instant.
func (s *Service) describeValue(r *Result, parsed bool, date func(time.Time) value.Value) value.Value {
	data := func(v value.Value) value.Value {
		if parsed {
			return v
		}
		return value.OfString(v.String())
	}
	included := value.OfObject(value.Member{Key: "Included", Value: value.OfBool(true)})
	var m []value.Member
	add := func(key string, v value.Value) { m = append(m, value.Member{Key: key, Value: v}) }
	if r.Cause != "" {
		add("Cause", value.OfString(r.Cause))
	}
	if r.Error != "" {
		add("Error", value.OfString(r.Error))
	}
	add("ExecutionArn", value.OfString(r.ARN))
	add("Input", data(r.Input))
	add("InputDetails", included)
	add("Name", value.OfString(r.Name))
	if !r.Output.IsAbsent() {
		add("Output", data(r.Output))
		add("OutputDetails", included)
	}
	status, reason := s.Redrivable(&r.Execution)
	add("RedriveCount", value.OfInt(int64(r.Redrives)))
	add("RedriveStatus", value.OfString(status))
	if reason != "" {
		add("RedriveStatusReason", value.OfString(reason))
	}
	add("StartDate", date(r.Started))
	add("StateMachineArn", value.OfString(r.MachineARN))
	add("Status", value.OfString(string(r.Status)))
	add("StopDate", date(r.Stopped))
	return value.OfObject(m...)
}

// statesFault is the error of a nested StartExecution, as the AWS SDK words it.
func statesFault(err error, requestID string) *failure.Failure {
	f := fault.Of(err)
	name := map[fault.Kind]string{fault.NotFound: "StateMachineDoesNotExistException", fault.Exists: "ExecutionAlreadyExistsException"}[f.Kind]
	if f.Kind == fault.Invalid {
		name = map[string]string{"arn": "InvalidArnException", "execution input": "InvalidExecutionInputException", "name": "InvalidNameException"}[f.Noun]
	}
	if name == "" {
		name = "AWSStepFunctionsException"
	}
	return failure.New("StepFunctions."+name, "%s (Service: AWSStepFunctions; Status Code: 400; Error Code: %s; Request ID: %s; Proxy: null)",
		f.Detail, name[:len(name)-len("Exception")], requestID)
}

// javaSeconds is an instant in seconds as Java prints a double: 1.763845627123E9.
func javaSeconds(t time.Time) string {
	return strings.Replace(strconv.FormatFloat(float64(t.UnixMilli())/1000, 'E', -1, 64), "E+0", "E", 1)
}
