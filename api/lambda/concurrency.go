package lambda

import (
	"context"

	"anthill/api/protocol"
	"anthill/functions"
)

func (d door) putConcurrency(ctx context.Context, in *PutFunctionConcurrencyInput) (*Concurrency, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err == nil {
		err = d.f.SetReserved(r, number(in.ReservedConcurrentExecutions))
	}
	return &Concurrency{ReservedConcurrentExecutions: in.ReservedConcurrentExecutions}, errorOf(err)
}

func (d door) getConcurrency(ctx context.Context, in *GetFunctionConcurrencyInput) (*GetFunctionConcurrencyOutput, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, errorOf(err)
	}
	n, err := d.f.Reserved(r)
	return &GetFunctionConcurrencyOutput{ReservedConcurrentExecutions: size(n)}, errorOf(err)
}

func (d door) deleteConcurrency(ctx context.Context, in *DeleteFunctionConcurrencyInput) (*DeleteFunctionConcurrencyOutput, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err == nil {
		err = d.f.SetReserved(r, nil)
	}
	return &DeleteFunctionConcurrencyOutput{}, errorOf(err)
}

// provisionedOf describes an allocation (API reference, GetProvisionedConcurrencyConfig).
func provisionedOf(a functions.Allocation) *GetProvisionedConcurrencyConfigOutput {
	out := &GetProvisionedConcurrencyConfigOutput{RequestedProvisionedConcurrentExecutions: ptr(int32(a.Requested)), LastModified: ptr(stamp(a.Modified)),
		AllocatedProvisionedConcurrentExecutions: ptr(int32(a.Ready)), AvailableProvisionedConcurrentExecutions: ptr(int32(a.Ready))}
	switch {
	case a.Ready >= a.Requested:
		out.Status = ptr("READY")
	case a.Failure != "":
		out.Status, out.StatusReason = ptr("FAILED"), ptr("FUNCTION_ERROR_INIT_FAILURE")
	default:
		out.Status = ptr("IN_PROGRESS")
	}
	return out
}

func (d door) putProvisioned(ctx context.Context, in *PutProvisionedConcurrencyConfigInput) (*PutProvisionedConcurrencyConfigOutput, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, errorOf(err)
	}
	p, err := d.f.SetProvisioned(r, int(*in.ProvisionedConcurrentExecutions))
	if err != nil {
		return nil, errorOf(err)
	}
	out := PutProvisionedConcurrencyConfigOutput(*provisionedOf(p))
	return &out, nil
}

func (d door) getProvisioned(ctx context.Context, in *GetProvisionedConcurrencyConfigInput) (*GetProvisionedConcurrencyConfigOutput, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, errorOf(err)
	}
	p, err := d.f.GetProvisioned(r)
	if err != nil {
		return nil, errorOf(err)
	}
	return provisionedOf(p), nil
}

func (d door) deleteProvisioned(ctx context.Context, in *DeleteProvisionedConcurrencyConfigInput) (*DeleteProvisionedConcurrencyConfigOutput, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err == nil {
		err = d.f.DeleteProvisioned(r)
	}
	return &DeleteProvisionedConcurrencyConfigOutput{}, errorOf(err)
}

func (d door) listProvisioned(ctx context.Context, in *ListProvisionedConcurrencyConfigsInput) (*ListProvisionedConcurrencyConfigsOutput, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, errorOf(err)
	}
	all, err := d.f.ListProvisioned(r)
	if err != nil {
		return nil, errorOf(err)
	}
	part, next, err := page(all, in.Marker, in.MaxItems)
	out := &ListProvisionedConcurrencyConfigsOutput{NextMarker: next, ProvisionedConcurrencyConfigs: []ProvisionedConcurrencyConfigListItem{}}
	for _, a := range part {
		p := provisionedOf(a)
		r.Qualifier = a.Qualifier
		out.ProvisionedConcurrencyConfigs = append(out.ProvisionedConcurrencyConfigs, ProvisionedConcurrencyConfigListItem{FunctionArn: ptr(r.ARN()),
			RequestedProvisionedConcurrentExecutions: p.RequestedProvisionedConcurrentExecutions, Status: p.Status, StatusReason: p.StatusReason, LastModified: p.LastModified,
			AvailableProvisionedConcurrentExecutions: p.AvailableProvisionedConcurrentExecutions, AllocatedProvisionedConcurrentExecutions: p.AllocatedProvisionedConcurrentExecutions})
	}
	return out, err
}

func (d door) getAccountSettings(ctx context.Context, _ *GetAccountSettingsInput) (*GetAccountSettingsOutput, error) {
	c := protocol.CallOf(ctx)
	u := d.f.Usage(c.Account, c.Region)
	return &GetAccountSettingsOutput{
		AccountLimit: &AccountLimit{TotalCodeSize: ptr(int64(80530636800)), CodeSizeUnzipped: ptr(int64(262144000)), CodeSizeZipped: ptr(int64(52428800)),
			ConcurrentExecutions: ptr(int32(u.Concurrency)), UnreservedConcurrentExecutions: ptr(int32(u.Unreserved))},
		AccountUsage: &AccountUsage{TotalCodeSize: &u.CodeSize, FunctionCount: ptr(int64(u.Functions))}}, nil
}
