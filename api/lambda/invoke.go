package lambda

import (
	"context"
	"encoding/base64"
	"encoding/json"

	"anthill/api/protocol"
	"anthill/functions"
)

func (d door) invoke(ctx context.Context, in *InvokeInput) (*InvokeOutput, error) {
	if err := refuse(nil, map[string]bool{"DurableExecutionName": in.DurableExecutionName != nil, "TenantId": in.TenantId != nil}); err != nil {
		return nil, err
	}
	inv, err := invocationOf(ctx, in.FunctionName, in.Qualifier, in.ClientContext, in.Payload)
	if err != nil {
		return nil, errorOf(err)
	}
	status := int32(200)
	switch protocol.Value(in.InvocationType) {
	case "Event":
		inv.Mode, status = functions.Queued, 202
	case "DryRun":
		inv.Mode, status = functions.DryRun, 204
	}
	inv.LogTail = protocol.Value(in.LogType) == "Tail" && inv.Mode == functions.Sync
	r, err := d.f.Invoke(ctx, inv)
	if err != nil {
		return nil, errorOf(err)
	}
	out := &InvokeOutput{StatusCode: &status}
	if inv.Mode != functions.Sync {
		return out, nil
	}
	protocol.CallOf(ctx).Answer("X-Amzn-Trace-Id", r.TraceID)
	out.ExecutedVersion, out.Payload, out.FunctionError = &r.ExecutedVersion, r.Payload, optional(r.FunctionError)
	if inv.LogTail {
		out.LogResult = ptr(base64.StdEncoding.EncodeToString(r.LogTail))
	}
	return out, nil
}

// invocationOf takes what a request says about an invocation.
func invocationOf(ctx context.Context, name, qualifier, clientContext *string, payload []byte) (functions.Invocation, error) {
	c := protocol.CallOf(ctx)
	r, err := refOf(ctx, name, qualifier)
	if err != nil {
		return functions.Invocation{}, err
	}
	inv := functions.Invocation{Ref: r, RequestID: c.RequestID, Payload: payload, Arrived: c.Arrived.UnixNano(), TraceID: c.Header.Get("X-Amzn-Trace-Id"),
		ForceCold: c.Header.Get("X-Anthill-Force-Cold") != "", Method: c.Header.Get("X-Anthill-Start-Method")}
	if protocol.Value(clientContext) != "" {
		raw, err := base64.StdEncoding.DecodeString(*clientContext)
		if err != nil || !json.Valid(raw) {
			return inv, &InvalidRequestContentException{Type: "User", Message: "Client context must be a valid Base64-encoded JSON object."}
		}
		inv.ClientContext = string(raw)
	}
	return inv, nil
}

func (d door) invokeAsync(ctx context.Context, in *InvokeAsyncInput) (*InvokeAsyncOutput, error) {
	inv, err := invocationOf(ctx, in.FunctionName, nil, nil, in.InvokeArgs)
	if err != nil {
		return nil, errorOf(err)
	}
	inv.Mode = functions.Queued
	if _, err := d.f.Invoke(ctx, inv); err != nil {
		return nil, errorOf(err)
	}
	return &InvokeAsyncOutput{Status: ptr(int32(202))}, nil
}

// invokeWithResponseStream answers a whole response as one chunk, as AWS does for runtimes that do not stream.
func (d door) invokeWithResponseStream(ctx context.Context, in *InvokeWithResponseStreamInput) (*InvokeWithResponseStreamOutput, error) {
	if err := refuse(nil, map[string]bool{"TenantId": in.TenantId != nil}); err != nil {
		return nil, err
	}
	inv, err := invocationOf(ctx, in.FunctionName, in.Qualifier, in.ClientContext, in.Payload)
	if err != nil {
		return nil, errorOf(err)
	}
	inv.LogTail = protocol.Value(in.LogType) == "Tail"
	if protocol.Value(in.InvocationType) == "DryRun" {
		inv.Mode = functions.DryRun
	}
	r, err := d.f.Invoke(ctx, inv)
	if err != nil {
		return nil, errorOf(err)
	}
	out := &InvokeWithResponseStreamOutput{StatusCode: ptr(int32(200)), ExecutedVersion: &r.ExecutedVersion,
		ResponseStreamContentType: ptr("application/vnd.amazon.eventstream")}
	if inv.Mode == functions.DryRun {
		out.StatusCode = ptr(int32(204))
		out.EventStream = func(func(*InvokeWithResponseStreamResponseEvent, error) bool) {}
		return out, nil
	}
	out.EventStream = streamOf(r, inv.LogTail)
	return out, nil
}

func streamOf(r *functions.Result, tail bool) func(func(*InvokeWithResponseStreamResponseEvent, error) bool) {
	end := &InvokeWithResponseStreamCompleteEvent{}
	if r.FunctionError != "" {
		end.ErrorCode, end.ErrorDetails = ptr(r.FunctionError), ptr(string(r.Payload))
	}
	if tail {
		end.LogResult = ptr(base64.StdEncoding.EncodeToString(r.LogTail))
	}
	return func(yield func(*InvokeWithResponseStreamResponseEvent, error) bool) {
		if r.FunctionError == "" && !yield(&InvokeWithResponseStreamResponseEvent{PayloadChunk: &InvokeResponseStreamUpdate{Payload: r.Payload}}, nil) {
			return
		}
		yield(&InvokeWithResponseStreamResponseEvent{InvokeComplete: end}, nil)
	}
}
