package sfn

import (
	"context"

	"anthill/api/protocol"
	"anthill/asl"
	"anthill/value"
	"anthill/workflows"
)

func (d door) testState(ctx context.Context, in *TestStateInput) (*TestStateOutput, error) {
	t := workflows.TestInput{Definition: *in.Definition, StateName: val(in.StateName), RoleARN: val(in.RoleArn), Input: in.Input, Variables: in.Variables,
		Context: in.Context, Secrets: val(in.RevealSecrets), Trace: val(in.InspectionLevel) == "TRACE"}
	if c := in.StateConfiguration; c != nil {
		t.Retries, t.CausedBy, t.FailedItems, t.ReaderData = wide(c.RetrierRetryCount), val(c.ErrorCausedByState), wide(c.MapIterationFailureCount), c.MapItemReaderData
	}
	if m := in.Mock; m != nil {
		t.Mock = &workflows.Mock{Result: m.Result}
		if e := m.ErrorOutput; e != nil {
			t.Mock.Error = &workflows.MockError{Name: e.Error, Cause: e.Cause}
		}
		if mode := val(m.FieldValidationMode); mode != "NONE" {
			t.CheckMock = func(r asl.Resource, v value.Value) error { return checkAnswer(r, v, mode != "PRESENT") }
		}
	}
	r, err := d.workflows.TestState(ctx, scopeOf(ctx), t)
	if err != nil {
		return nil, errorOf(err)
	}
	out := &TestStateOutput{Output: textOf(r.Output), Error: protocol.Optional(r.Error), Cause: protocol.Optional(r.Cause), NextState: protocol.Optional(r.Next), Status: &r.Status}
	if level := val(in.InspectionLevel); level == "DEBUG" || level == "TRACE" {
		out.InspectionData = inspectionOf(r.Inspection)
	}
	return out, nil
}

// wide is a count of the request; nil for none.
func wide(n *int32) *int64 {
	if n == nil {
		return nil
	}
	return ptr(int64(*n))
}

// inspectionOf fills inspectionData from its members.
func inspectionOf(members []value.Member) *InspectionData {
	d := &InspectionData{}
	texts := map[string]**string{
		"input": &d.Input, "afterArguments": &d.AfterArguments, "afterInputPath": &d.AfterInputPath, "afterParameters": &d.AfterParameters,
		"result": &d.Result, "afterResultSelector": &d.AfterResultSelector, "afterResultPath": &d.AfterResultPath, "variables": &d.Variables,
		"afterItemsPath": &d.AfterItemsPath, "afterItemSelector": &d.AfterItemSelector, "afterItemBatcher": &d.AfterItemBatcher, "afterItemsPointer": &d.AfterItemsPointer,
	}
	number := func(v value.Value) *int32 {
		if n, ok := v.Int(); ok {
			return ptr(int32(n))
		}
		return nil
	}
	for _, m := range members {
		switch m.Key {
		case "toleratedFailureCount":
			d.ToleratedFailureCount = number(m.Value)
		case "toleratedFailurePercentage":
			d.ToleratedFailurePercentage = ptr(m.Value.Float())
		case "maxConcurrency":
			d.MaxConcurrency = number(m.Value)
		case "request":
			r := func(name string) *string { return protocol.Optional(m.Value.Get(name).Text()) }
			d.Request = &InspectionDataRequest{Protocol: r("protocol"), Method: r("method"), Url: r("url"), Headers: r("headers"), Body: r("body")}
		case "response":
			r := func(name string) *string { return protocol.Optional(m.Value.Get(name).Text()) }
			d.Response = &InspectionDataResponse{Protocol: r("protocol"), StatusCode: r("statusCode"), StatusMessage: r("statusMessage"), Headers: r("headers"), Body: r("body")}
		case "errorDetails":
			d.ErrorDetails = &InspectionErrorDetails{CatchIndex: number(m.Value.Get("catchIndex")), RetryIndex: number(m.Value.Get("retryIndex")),
				RetryBackoffIntervalSeconds: number(m.Value.Get("retryBackoffIntervalSeconds"))}
		default:
			if p := texts[m.Key]; p != nil {
				*p = textOf(m.Value)
			}
		}
	}
	return d
}
