package lambda

import (
	"context"

	"anthill/api/protocol"
	"anthill/functions"
)

func asyncOf(r functions.Ref, c functions.AsyncConfig) *FunctionEventInvokeConfig {
	r.Qualifier = c.Qualifier
	out := &FunctionEventInvokeConfig{FunctionArn: ptr(r.ARN()), LastModified: &c.Modified, MaximumRetryAttempts: size(c.Retries),
		MaximumEventAgeInSeconds: size(c.MaxAge), DestinationConfig: &DestinationConfig{OnSuccess: &OnSuccess{}, OnFailure: &OnFailure{}}}
	out.DestinationConfig.OnSuccess.Destination = optional(c.OnSuccess)
	out.DestinationConfig.OnFailure.Destination = optional(c.OnFailure)
	return out
}

// setAsync serves PutFunctionEventInvokeConfig and, with merge, UpdateFunctionEventInvokeConfig.
func (d door) setAsync(ctx context.Context, in *PutFunctionEventInvokeConfigInput, merge bool) (*FunctionEventInvokeConfig, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, errorOf(err)
	}
	c := functions.AsyncConfig{Retries: number(in.MaximumRetryAttempts), MaxAge: number(in.MaximumEventAgeInSeconds)}
	if t := in.DestinationConfig; t != nil {
		c.HasTargets = true
		if t.OnSuccess != nil {
			c.OnSuccess = protocol.Value(t.OnSuccess.Destination)
		}
		if t.OnFailure != nil {
			c.OnFailure = protocol.Value(t.OnFailure.Destination)
		}
	}
	if c, err = d.f.SetAsync(r, c, merge); err != nil {
		return nil, errorOf(err)
	}
	return asyncOf(r, c), nil
}

func (d door) putAsync(ctx context.Context, in *PutFunctionEventInvokeConfigInput) (*FunctionEventInvokeConfig, error) {
	return d.setAsync(ctx, in, false)
}

func (d door) updateAsync(ctx context.Context, in *UpdateFunctionEventInvokeConfigInput) (*FunctionEventInvokeConfig, error) {
	put := PutFunctionEventInvokeConfigInput(*in)
	return d.setAsync(ctx, &put, true)
}

func (d door) getAsync(ctx context.Context, in *GetFunctionEventInvokeConfigInput) (*FunctionEventInvokeConfig, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, errorOf(err)
	}
	c, err := d.f.Async(r)
	if err != nil {
		return nil, errorOf(err)
	}
	return asyncOf(r, c), nil
}

func (d door) deleteAsync(ctx context.Context, in *DeleteFunctionEventInvokeConfigInput) (*DeleteFunctionEventInvokeConfigOutput, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err == nil {
		err = d.f.DeleteAsync(r)
	}
	return &DeleteFunctionEventInvokeConfigOutput{}, errorOf(err)
}

func (d door) listAsync(ctx context.Context, in *ListFunctionEventInvokeConfigsInput) (*ListFunctionEventInvokeConfigsOutput, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, errorOf(err)
	}
	all, err := d.f.Asyncs(r)
	if err != nil {
		return nil, errorOf(err)
	}
	part, next, err := page(all, in.Marker, in.MaxItems)
	out := &ListFunctionEventInvokeConfigsOutput{NextMarker: next, FunctionEventInvokeConfigs: make([]FunctionEventInvokeConfig, len(part))}
	for i, c := range part {
		out.FunctionEventInvokeConfigs[i] = *asyncOf(r, c)
	}
	return out, err
}
