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

// invokeWithResponseStream passes an answer on piece by piece while the function runs. A runtime that does not stream has
// its whole answer in one, as on AWS.
func (d door) invokeWithResponseStream(ctx context.Context, in *InvokeWithResponseStreamInput) (*InvokeWithResponseStreamOutput, error) {
	if err := refuse(nil, map[string]bool{"TenantId": in.TenantId != nil}); err != nil {
		return nil, err
	}
	inv, err := invocationOf(ctx, in.FunctionName, in.Qualifier, in.ClientContext, in.Payload)
	if err != nil {
		return nil, errorOf(err)
	}
	inv.LogTail = protocol.Value(in.LogType) == "Tail"
	out := &InvokeWithResponseStreamOutput{StatusCode: ptr(int32(200)), ResponseStreamContentType: ptr("application/vnd.amazon.eventstream")}
	if protocol.Value(in.InvocationType) == "DryRun" {
		inv.Mode = functions.DryRun
		r, err := d.f.Invoke(ctx, inv)
		if err != nil {
			return nil, errorOf(err)
		}
		out.StatusCode, out.ExecutedVersion = ptr(int32(204)), &r.ExecutedVersion
		out.EventStream = func(func(*InvokeWithResponseStreamResponseEvent, error) bool) {}
		return out, nil
	}
	s := functions.Streamed(ctx, d.f, inv)
	version, err := s.Begun()
	if err != nil {
		return nil, errorOf(err)
	}
	out.ExecutedVersion = &version
	out.EventStream = func(yield func(*InvokeWithResponseStreamResponseEvent, error) bool) {
		defer s.Close()
		for {
			piece, more := s.Next()
			if !more {
				break
			}
			if len(piece) > 0 && !yield(&InvokeWithResponseStreamResponseEvent{PayloadChunk: &InvokeResponseStreamUpdate{Payload: piece}}, nil) {
				return
			}
		}
		r, err := s.End()
		if err != nil {
			yield(nil, errorOf(err))
			return
		}
		end := &InvokeWithResponseStreamCompleteEvent{}
		if r.FunctionError != "" {
			end.ErrorCode, end.ErrorDetails = ptr(r.FunctionError), ptr(string(r.Payload))
		}
		if inv.LogTail {
			end.LogResult = ptr(base64.StdEncoding.EncodeToString(r.LogTail))
		}
		yield(&InvokeWithResponseStreamResponseEvent{InvokeComplete: end}, nil)
	}
	return out, nil
}
