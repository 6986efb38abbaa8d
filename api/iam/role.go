package iam

import (
	"context"

	"anthill/api/protocol"
	"anthill/fault"
	"anthill/identity"
)

// roleOf shows a role as the operations that name one do; ListRoles shows less.
func roleOf(p *identity.Principal) *Role {
	return &Role{Path: &p.Path, RoleName: &p.Name, RoleId: &p.ID, Arn: new(p.ARN()), CreateDate: &p.Created, Description: protocol.Optional(p.Description),
		AssumeRolePolicyDocument: document(p.Trust), Tags: tagsOut(p.Tags), PermissionsBoundary: boundary(p.Boundary)}
}

// listed is a role in a list: without its tags and its boundary.
func listed(p *identity.Principal) Role {
	r := roleOf(p)
	r.Tags, r.PermissionsBoundary, r.MaxSessionDuration = nil, nil, new(int32(p.MaxSession))
	return *r
}

func (d *door) roles(o *Operations) {
	o.CreateRole = func(ctx context.Context, in *CreateRoleInput) (*CreateRoleOutput, error) {
		p := identity.Principal{Kind: identity.Role, Account: account(ctx), Name: *in.RoleName, Path: value(in.Path), Description: value(in.Description),
			Trust: *in.AssumeRolePolicyDocument, Boundary: value(in.PermissionsBoundary), Tags: tagsIn(in.Tags)}
		if in.MaxSessionDuration != nil {
			p.MaxSession = int(*in.MaxSessionDuration)
		}
		p, err := d.s.Create(p)
		r := roleOf(&p)
		r.MaxSessionDuration = in.MaxSessionDuration
		return answer(&CreateRoleOutput{Role: r}, err)
	}
	o.GetRole = func(ctx context.Context, in *GetRoleInput) (*GetRoleOutput, error) {
		p, err := d.s.Get(account(ctx), identity.Role, *in.RoleName)
		r := roleOf(&p)
		r.MaxSessionDuration, r.RoleLastUsed = new(int32(p.MaxSession)), &RoleLastUsed{}
		return answer(&GetRoleOutput{Role: r}, err)
	}
	o.ListRoles = func(ctx context.Context, in *ListRolesInput) (*ListRolesOutput, error) {
		all, err := d.s.List(account(ctx), identity.Role, value(in.PathPrefix))
		if err != nil {
			return nil, err
		}
		var out ListRolesOutput
		out.Roles, out.IsTruncated, out.Marker, err = page(collect(all, listed), in.Marker, in.MaxItems)
		return answer(&out, err)
	}
	o.DeleteRole = func(ctx context.Context, in *DeleteRoleInput) (*DeleteRoleOutput, error) {
		return none[DeleteRoleOutput](d.s.Delete(account(ctx), identity.Role, *in.RoleName, false))
	}
	o.UpdateRole = func(ctx context.Context, in *UpdateRoleInput) (*UpdateRoleOutput, error) {
		return none[UpdateRoleOutput](d.set(account(ctx), identity.Role, *in.RoleName, func(p *identity.Principal) {
			if in.Description != nil {
				p.Description = *in.Description
			}
			if in.MaxSessionDuration != nil {
				p.MaxSession = int(*in.MaxSessionDuration)
			}
		}))
	}
	o.UpdateRoleDescription = func(ctx context.Context, in *UpdateRoleDescriptionInput) (*UpdateRoleDescriptionOutput, error) {
		p, err := d.s.Update(account(ctx), identity.Role, *in.RoleName, func(p *identity.Principal) error {
			p.Description = *in.Description
			return nil
		})
		return answer(&UpdateRoleDescriptionOutput{Role: roleOf(&p)}, err)
	}
	o.UpdateAssumeRolePolicy = func(ctx context.Context, in *UpdateAssumeRolePolicyInput) (*UpdateAssumeRolePolicyOutput, error) {
		err := identity.CheckPolicy(*in.PolicyDocument)
		if err == nil {
			err = d.set(account(ctx), identity.Role, *in.RoleName, func(p *identity.Principal) { p.Trust = *in.PolicyDocument })
		}
		return none[UpdateAssumeRolePolicyOutput](err)
	}
	d.roleTags(o)
	d.rolePolicies(o)
	d.linkedRoles(o)
}

func (d *door) roleTags(o *Operations) {
	o.TagRole = func(ctx context.Context, in *TagRoleInput) (*TagRoleOutput, error) {
		return none[TagRoleOutput](d.set(account(ctx), identity.Role, *in.RoleName, func(p *identity.Principal) { p.Tags = tag(p.Tags, in.Tags) }))
	}
	o.UntagRole = func(ctx context.Context, in *UntagRoleInput) (*UntagRoleOutput, error) {
		return none[UntagRoleOutput](d.set(account(ctx), identity.Role, *in.RoleName, func(p *identity.Principal) { p.Tags = untag(p.Tags, in.TagKeys) }))
	}
	o.ListRoleTags = func(ctx context.Context, in *ListRoleTagsInput) (*ListRoleTagsOutput, error) {
		p, err := d.s.Get(account(ctx), identity.Role, *in.RoleName)
		if err != nil {
			return nil, translate(err)
		}
		var out ListRoleTagsOutput
		out.Tags, out.IsTruncated, out.Marker, err = page(tagsOut(p.Tags), in.Marker, in.MaxItems)
		return answer(&out, err)
	}
	o.PutRolePermissionsBoundary = func(ctx context.Context, in *PutRolePermissionsBoundaryInput) (*PutRolePermissionsBoundaryOutput, error) {
		return none[PutRolePermissionsBoundaryOutput](d.set(account(ctx), identity.Role, *in.RoleName, func(p *identity.Principal) { p.Boundary = *in.PermissionsBoundary }))
	}
	o.DeleteRolePermissionsBoundary = func(ctx context.Context, in *DeleteRolePermissionsBoundaryInput) (*DeleteRolePermissionsBoundaryOutput, error) {
		return none[DeleteRolePermissionsBoundaryOutput](d.set(account(ctx), identity.Role, *in.RoleName, func(p *identity.Principal) { p.Boundary = "" }))
	}
}

func (d *door) linkedRoles(o *Operations) {
	o.CreateServiceLinkedRole = func(ctx context.Context, in *CreateServiceLinkedRoleInput) (*CreateServiceLinkedRoleOutput, error) {
		p, err := d.s.CreateLinked(account(ctx), *in.AWSServiceName, value(in.CustomSuffix), value(in.Description))
		return answer(&CreateServiceLinkedRoleOutput{Role: roleOf(&p)}, err)
	}
	o.DeleteServiceLinkedRole = func(ctx context.Context, in *DeleteServiceLinkedRoleInput) (*DeleteServiceLinkedRoleOutput, error) {
		p, err := d.s.Get(account(ctx), identity.Role, *in.RoleName)
		if err == nil && p.Service == "" {
			err = &fault.Error{Kind: fault.NotFound, Op: "iam.DeleteServiceLinkedRole", Noun: "role", Name: p.Name,
				Detail: "The role with name " + p.Name + " cannot be found."}
		}
		if err == nil {
			err = d.s.Delete(p.Account, identity.Role, p.Name, true)
		}
		return answer(&DeleteServiceLinkedRoleOutput{DeletionTaskId: new("task" + p.Path + p.Name + "/" + requestID(ctx))}, err)
	}
	o.GetServiceLinkedRoleDeletionStatus = func(context.Context, *GetServiceLinkedRoleDeletionStatusInput) (*GetServiceLinkedRoleDeletionStatusOutput, error) {
		return &GetServiceLinkedRoleDeletionStatusOutput{Status: new("SUCCEEDED")}, nil // roles are deleted at once
	}
}
