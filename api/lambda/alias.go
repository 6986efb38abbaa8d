package lambda

import (
	"context"

	"anthill/api/protocol"
	"anthill/functions"
)

func aliasOf(r functions.Ref, a functions.Alias) *AliasConfiguration {
	r.Qualifier = a.Name
	out := &AliasConfiguration{AliasArn: ptr(r.ARN()), Name: &a.Name, FunctionVersion: &a.Version, Description: &a.Description, RevisionId: &a.Revision}
	if len(a.Weights) > 0 {
		out.RoutingConfig = &AliasRoutingConfiguration{AdditionalVersionWeights: a.Weights}
	}
	return out
}

func (d door) createAlias(ctx context.Context, in *CreateAliasInput) (*AliasConfiguration, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, errorOf(err)
	}
	a := functions.Alias{Name: *in.Name, Version: *in.FunctionVersion, Description: protocol.Value(in.Description)}
	if in.RoutingConfig != nil {
		a.Weights = in.RoutingConfig.AdditionalVersionWeights
	}
	a, err = d.f.CreateAlias(r, a)
	if err != nil {
		return nil, errorOf(err)
	}
	return aliasOf(r, a), nil
}

func (d door) updateAlias(ctx context.Context, in *UpdateAliasInput) (*AliasConfiguration, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, errorOf(err)
	}
	u := functions.AliasUpdate{Version: in.FunctionVersion, Description: in.Description, Revision: protocol.Value(in.RevisionId)}
	if in.RoutingConfig != nil {
		u.Weights = &in.RoutingConfig.AdditionalVersionWeights
	}
	a, err := d.f.UpdateAlias(r, *in.Name, u)
	if err != nil {
		return nil, errorOf(err)
	}
	return aliasOf(r, a), nil
}

func (d door) getAlias(ctx context.Context, in *GetAliasInput) (*AliasConfiguration, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, errorOf(err)
	}
	a, err := d.f.GetAlias(r, *in.Name)
	if err != nil {
		return nil, errorOf(err)
	}
	return aliasOf(r, a), nil
}

func (d door) deleteAlias(ctx context.Context, in *DeleteAliasInput) (*DeleteAliasOutput, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err == nil {
		err = d.f.DeleteAlias(r, *in.Name)
	}
	return &DeleteAliasOutput{}, errorOf(err)
}

func (d door) listAliases(ctx context.Context, in *ListAliasesInput) (*ListAliasesOutput, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, errorOf(err)
	}
	all, err := d.f.Aliases(r, protocol.Value(in.FunctionVersion))
	if err != nil {
		return nil, errorOf(err)
	}
	part, next, err := page(all, in.Marker, in.MaxItems)
	out := &ListAliasesOutput{NextMarker: next, Aliases: make([]AliasConfiguration, len(part))}
	for i, a := range part {
		out.Aliases[i] = *aliasOf(r, a)
	}
	return out, err
}
