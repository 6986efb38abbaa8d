package lambda

import (
	"context"

	"anthill/api/protocol"
	"anthill/functions"
)

func (d door) addPermission(ctx context.Context, in *AddPermissionInput) (*AddPermissionOutput, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, errorOf(err)
	}
	st, err := d.f.AddPermission(r, functions.Permission{Sid: *in.StatementId, Action: *in.Action, Principal: *in.Principal,
		SourceARN: protocol.Value(in.SourceArn), SourceAccount: protocol.Value(in.SourceAccount), EventToken: protocol.Value(in.EventSourceToken),
		OrganizationID: protocol.Value(in.PrincipalOrgID), URLAuthType: protocol.Value(in.FunctionUrlAuthType),
		ViaURL: protocol.Value(in.InvokedViaFunctionUrl), Revision: protocol.Value(in.RevisionId)})
	if err != nil {
		return nil, errorOf(err)
	}
	return &AddPermissionOutput{Statement: ptr(st.JSON())}, nil
}

func (d door) removePermission(ctx context.Context, in *RemovePermissionInput) (*RemovePermissionOutput, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err == nil {
		err = d.f.RemovePermission(r, *in.StatementId, protocol.Value(in.RevisionId))
	}
	return &RemovePermissionOutput{}, errorOf(err)
}

func (d door) getPolicy(ctx context.Context, in *GetPolicyInput) (*GetPolicyOutput, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, errorOf(err)
	}
	p, err := d.f.GetPolicy(r)
	if err != nil {
		return nil, errorOf(err)
	}
	return &GetPolicyOutput{Policy: ptr(p.Document()), RevisionId: &p.Revision}, nil
}
