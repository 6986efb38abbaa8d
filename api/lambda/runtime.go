package lambda

import (
	"context"

	"anthill/api/protocol"
	"anthill/functions"
)

func (d door) putRecursion(ctx context.Context, in *PutFunctionRecursionConfigInput) (*PutFunctionRecursionConfigOutput, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err == nil {
		err = d.f.SetRecursion(r, *in.RecursiveLoop)
	}
	return &PutFunctionRecursionConfigOutput{RecursiveLoop: in.RecursiveLoop}, errorOf(err)
}

func (d door) getRecursion(ctx context.Context, in *GetFunctionRecursionConfigInput) (*GetFunctionRecursionConfigOutput, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, errorOf(err)
	}
	f, err := d.f.Get(r)
	if err != nil {
		return nil, errorOf(err)
	}
	if f.Function.RecursiveLoop == "" {
		return &GetFunctionRecursionConfigOutput{RecursiveLoop: ptr("Terminate")}, nil
	}
	return &GetFunctionRecursionConfigOutput{RecursiveLoop: &f.Function.RecursiveLoop}, nil
}

func (d door) getRuntimeManagement(ctx context.Context, in *GetRuntimeManagementConfigInput) (*GetRuntimeManagementConfigOutput, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, errorOf(err)
	}
	f, err := d.f.Get(r)
	if err != nil {
		return nil, errorOf(err)
	}
	out := &GetRuntimeManagementConfigOutput{UpdateRuntimeOn: ptr("Auto"), FunctionArn: &f.ARN}
	if u, ok := f.Function.RuntimeUpdates[f.Version.Number]; ok {
		out.UpdateRuntimeOn, out.RuntimeVersionArn = &u.On, optional(u.ARN)
	}
	return out, nil
}

// putRuntimeManagement notes what is wanted: the machine's runtimes change when the machine does.
func (d door) putRuntimeManagement(ctx context.Context, in *PutRuntimeManagementConfigInput) (*PutRuntimeManagementConfigOutput, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, errorOf(err)
	}
	f, err := d.f.Get(r)
	if err != nil {
		return nil, errorOf(err)
	}
	if *in.UpdateRuntimeOn == "Manual" && (in.RuntimeVersionArn == nil || *in.RuntimeVersionArn != runtimeVersionARN(f)) {
		return nil, &InvalidParameterValueException{Type: "User", Message: "Anthill has one version of each runtime, this machine's: " + runtimeVersionARN(f)}
	}
	if _, err := d.f.SetRuntimeUpdate(r, functions.RuntimeUpdate{On: *in.UpdateRuntimeOn, ARN: protocol.Value(in.RuntimeVersionArn)}); err != nil {
		return nil, errorOf(err)
	}
	return &PutRuntimeManagementConfigOutput{UpdateRuntimeOn: in.UpdateRuntimeOn, FunctionArn: &f.ARN, RuntimeVersionArn: in.RuntimeVersionArn}, nil
}
