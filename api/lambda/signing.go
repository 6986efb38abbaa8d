package lambda

import (
	"context"

	"anthill/api/protocol"
	"anthill/functions"
)

func signingOf(c *functions.SigningConfig) *CodeSigningConfig {
	return &CodeSigningConfig{CodeSigningConfigId: &c.ID, CodeSigningConfigArn: &c.ARN, Description: &c.Description, LastModified: ptr(stamp(c.Modified)),
		AllowedPublishers:   &AllowedPublishers{SigningProfileVersionArns: c.Publishers},
		CodeSigningPolicies: &CodeSigningPolicies{UntrustedArtifactOnDeployment: &c.Untrusted}}
}

func (d door) createSigning(ctx context.Context, in *CreateCodeSigningConfigInput) (*CreateCodeSigningConfigOutput, error) {
	if err := refuse(nil, map[string]bool{"Tags": len(in.Tags) > 0}); err != nil {
		return nil, err
	}
	call := protocol.CallOf(ctx)
	c := functions.SigningConfig{Description: protocol.Value(in.Description), Publishers: in.AllowedPublishers.SigningProfileVersionArns}
	if in.CodeSigningPolicies != nil {
		c.Untrusted = protocol.Value(in.CodeSigningPolicies.UntrustedArtifactOnDeployment)
	}
	made, err := d.f.CreateSigningConfig(call.Account, call.Region, c)
	if err != nil {
		return nil, errorOf(err)
	}
	return &CreateCodeSigningConfigOutput{CodeSigningConfig: signingOf(made)}, nil
}

func (d door) updateSigning(_ context.Context, in *UpdateCodeSigningConfigInput) (*UpdateCodeSigningConfigOutput, error) {
	u := functions.SigningUpdate{Description: in.Description}
	if in.AllowedPublishers != nil {
		u.Publishers = in.AllowedPublishers.SigningProfileVersionArns
	}
	if in.CodeSigningPolicies != nil {
		u.Untrusted = in.CodeSigningPolicies.UntrustedArtifactOnDeployment
	}
	c, err := d.f.UpdateSigningConfig(*in.CodeSigningConfigArn, u)
	if err != nil {
		return nil, errorOf(err)
	}
	return &UpdateCodeSigningConfigOutput{CodeSigningConfig: signingOf(c)}, nil
}

func (d door) getSigning(_ context.Context, in *GetCodeSigningConfigInput) (*GetCodeSigningConfigOutput, error) {
	c, err := d.f.SigningConfig(*in.CodeSigningConfigArn)
	if err != nil {
		return nil, errorOf(err)
	}
	return &GetCodeSigningConfigOutput{CodeSigningConfig: signingOf(c)}, nil
}

func (d door) deleteSigning(_ context.Context, in *DeleteCodeSigningConfigInput) (*DeleteCodeSigningConfigOutput, error) {
	return &DeleteCodeSigningConfigOutput{}, errorOf(d.f.DeleteSigningConfig(*in.CodeSigningConfigArn))
}

func (d door) listSigning(ctx context.Context, in *ListCodeSigningConfigsInput) (*ListCodeSigningConfigsOutput, error) {
	call := protocol.CallOf(ctx)
	part, next, err := page(d.f.SigningConfigs(call.Account, call.Region), in.Marker, in.MaxItems)
	out := &ListCodeSigningConfigsOutput{NextMarker: next, CodeSigningConfigs: make([]CodeSigningConfig, len(part))}
	for i, c := range part {
		out.CodeSigningConfigs[i] = *signingOf(c)
	}
	return out, err
}

func (d door) listSigned(_ context.Context, in *ListFunctionsByCodeSigningConfigInput) (*ListFunctionsByCodeSigningConfigOutput, error) {
	all, err := d.f.SignedBy(*in.CodeSigningConfigArn)
	if err != nil {
		return nil, errorOf(err)
	}
	part, next, err := page(all, in.Marker, in.MaxItems)
	return &ListFunctionsByCodeSigningConfigOutput{FunctionArns: append([]string{}, part...), NextMarker: next}, err
}

func (d door) putFunctionSigning(ctx context.Context, in *PutFunctionCodeSigningConfigInput) (*PutFunctionCodeSigningConfigOutput, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err == nil {
		err = d.f.SignWith(r, *in.CodeSigningConfigArn)
	}
	return &PutFunctionCodeSigningConfigOutput{CodeSigningConfigArn: in.CodeSigningConfigArn, FunctionName: &r.Name}, errorOf(err)
}

func (d door) getFunctionSigning(ctx context.Context, in *GetFunctionCodeSigningConfigInput) (*GetFunctionCodeSigningConfigOutput, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, errorOf(err)
	}
	f, err := d.f.Get(r)
	if err != nil {
		return nil, errorOf(err)
	}
	if f.Function.SigningConfig == "" {
		return &GetFunctionCodeSigningConfigOutput{}, nil
	}
	return &GetFunctionCodeSigningConfigOutput{CodeSigningConfigArn: &f.Function.SigningConfig, FunctionName: &r.Name}, nil
}

func (d door) deleteFunctionSigning(ctx context.Context, in *DeleteFunctionCodeSigningConfigInput) (*DeleteFunctionCodeSigningConfigOutput, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err == nil {
		err = d.f.SignWith(r, "")
	}
	return &DeleteFunctionCodeSigningConfigOutput{}, errorOf(err)
}
