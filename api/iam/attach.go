package iam

import (
	"context"

	"anthill/identity"
)

func (d *door) rolePolicies(o *Operations) {
	o.PutRolePolicy = func(ctx context.Context, in *PutRolePolicyInput) (*PutRolePolicyOutput, error) {
		return none[PutRolePolicyOutput](d.putInline(account(ctx), identity.Role, *in.RoleName, *in.PolicyName, *in.PolicyDocument))
	}
	o.GetRolePolicy = func(ctx context.Context, in *GetRolePolicyInput) (*GetRolePolicyOutput, error) {
		p, text, err := d.getInline(account(ctx), identity.Role, *in.RoleName, *in.PolicyName)
		return answer(&GetRolePolicyOutput{RoleName: &p.Name, PolicyName: in.PolicyName, PolicyDocument: document(text)}, err)
	}
	o.DeleteRolePolicy = func(ctx context.Context, in *DeleteRolePolicyInput) (*DeleteRolePolicyOutput, error) {
		return none[DeleteRolePolicyOutput](d.deleteInline(account(ctx), identity.Role, *in.RoleName, *in.PolicyName))
	}
	o.ListRolePolicies = func(ctx context.Context, in *ListRolePoliciesInput) (*ListRolePoliciesOutput, error) {
		var out ListRolePoliciesOutput
		var err error
		out.PolicyNames, out.IsTruncated, out.Marker, err = d.listInline(account(ctx), identity.Role, *in.RoleName, in.Marker, in.MaxItems)
		return answer(&out, err)
	}
	o.AttachRolePolicy = func(ctx context.Context, in *AttachRolePolicyInput) (*AttachRolePolicyOutput, error) {
		return none[AttachRolePolicyOutput](d.s.Attach(account(ctx), identity.Role, *in.RoleName, *in.PolicyArn))
	}
	o.DetachRolePolicy = func(ctx context.Context, in *DetachRolePolicyInput) (*DetachRolePolicyOutput, error) {
		return none[DetachRolePolicyOutput](d.s.Detach(account(ctx), identity.Role, *in.RoleName, *in.PolicyArn))
	}
	o.ListAttachedRolePolicies = func(ctx context.Context, in *ListAttachedRolePoliciesInput) (*ListAttachedRolePoliciesOutput, error) {
		var out ListAttachedRolePoliciesOutput
		var err error
		out.AttachedPolicies, out.IsTruncated, out.Marker, err = d.listAttached(account(ctx), identity.Role, *in.RoleName, in.PathPrefix, in.Marker, in.MaxItems)
		return answer(&out, err)
	}
}

func (d *door) userPolicies(o *Operations) {
	o.PutUserPolicy = func(ctx context.Context, in *PutUserPolicyInput) (*PutUserPolicyOutput, error) {
		return none[PutUserPolicyOutput](d.putInline(account(ctx), identity.User, *in.UserName, *in.PolicyName, *in.PolicyDocument))
	}
	o.GetUserPolicy = func(ctx context.Context, in *GetUserPolicyInput) (*GetUserPolicyOutput, error) {
		p, text, err := d.getInline(account(ctx), identity.User, *in.UserName, *in.PolicyName)
		return answer(&GetUserPolicyOutput{UserName: &p.Name, PolicyName: in.PolicyName, PolicyDocument: document(text)}, err)
	}
	o.DeleteUserPolicy = func(ctx context.Context, in *DeleteUserPolicyInput) (*DeleteUserPolicyOutput, error) {
		return none[DeleteUserPolicyOutput](d.deleteInline(account(ctx), identity.User, *in.UserName, *in.PolicyName))
	}
	o.ListUserPolicies = func(ctx context.Context, in *ListUserPoliciesInput) (*ListUserPoliciesOutput, error) {
		var out ListUserPoliciesOutput
		var err error
		out.PolicyNames, out.IsTruncated, out.Marker, err = d.listInline(account(ctx), identity.User, *in.UserName, in.Marker, in.MaxItems)
		return answer(&out, err)
	}
	o.AttachUserPolicy = func(ctx context.Context, in *AttachUserPolicyInput) (*AttachUserPolicyOutput, error) {
		return none[AttachUserPolicyOutput](d.s.Attach(account(ctx), identity.User, *in.UserName, *in.PolicyArn))
	}
	o.DetachUserPolicy = func(ctx context.Context, in *DetachUserPolicyInput) (*DetachUserPolicyOutput, error) {
		return none[DetachUserPolicyOutput](d.s.Detach(account(ctx), identity.User, *in.UserName, *in.PolicyArn))
	}
	o.ListAttachedUserPolicies = func(ctx context.Context, in *ListAttachedUserPoliciesInput) (*ListAttachedUserPoliciesOutput, error) {
		var out ListAttachedUserPoliciesOutput
		var err error
		out.AttachedPolicies, out.IsTruncated, out.Marker, err = d.listAttached(account(ctx), identity.User, *in.UserName, in.PathPrefix, in.Marker, in.MaxItems)
		return answer(&out, err)
	}
}

func (d *door) groupPolicies(o *Operations) {
	o.PutGroupPolicy = func(ctx context.Context, in *PutGroupPolicyInput) (*PutGroupPolicyOutput, error) {
		return none[PutGroupPolicyOutput](d.putInline(account(ctx), identity.Group, *in.GroupName, *in.PolicyName, *in.PolicyDocument))
	}
	o.GetGroupPolicy = func(ctx context.Context, in *GetGroupPolicyInput) (*GetGroupPolicyOutput, error) {
		p, text, err := d.getInline(account(ctx), identity.Group, *in.GroupName, *in.PolicyName)
		return answer(&GetGroupPolicyOutput{GroupName: &p.Name, PolicyName: in.PolicyName, PolicyDocument: document(text)}, err)
	}
	o.DeleteGroupPolicy = func(ctx context.Context, in *DeleteGroupPolicyInput) (*DeleteGroupPolicyOutput, error) {
		return none[DeleteGroupPolicyOutput](d.deleteInline(account(ctx), identity.Group, *in.GroupName, *in.PolicyName))
	}
	o.ListGroupPolicies = func(ctx context.Context, in *ListGroupPoliciesInput) (*ListGroupPoliciesOutput, error) {
		var out ListGroupPoliciesOutput
		var err error
		out.PolicyNames, out.IsTruncated, out.Marker, err = d.listInline(account(ctx), identity.Group, *in.GroupName, in.Marker, in.MaxItems)
		return answer(&out, err)
	}
	o.AttachGroupPolicy = func(ctx context.Context, in *AttachGroupPolicyInput) (*AttachGroupPolicyOutput, error) {
		return none[AttachGroupPolicyOutput](d.s.Attach(account(ctx), identity.Group, *in.GroupName, *in.PolicyArn))
	}
	o.DetachGroupPolicy = func(ctx context.Context, in *DetachGroupPolicyInput) (*DetachGroupPolicyOutput, error) {
		return none[DetachGroupPolicyOutput](d.s.Detach(account(ctx), identity.Group, *in.GroupName, *in.PolicyArn))
	}
	o.ListAttachedGroupPolicies = func(ctx context.Context, in *ListAttachedGroupPoliciesInput) (*ListAttachedGroupPoliciesOutput, error) {
		var out ListAttachedGroupPoliciesOutput
		var err error
		out.AttachedPolicies, out.IsTruncated, out.Marker, err = d.listAttached(account(ctx), identity.Group, *in.GroupName, in.PathPrefix, in.Marker, in.MaxItems)
		return answer(&out, err)
	}
}
