package iam

import (
	"context"
	"strings"

	"anthill/api/protocol"
	"anthill/fault"
	"anthill/identity"
)

func userOf(p *identity.Principal) *User {
	return &User{Path: &p.Path, UserName: &p.Name, UserId: &p.ID, Arn: new(p.ARN()), CreateDate: &p.Created, Tags: tagsOut(p.Tags),
		PermissionsBoundary: boundary(p.Boundary)}
}

func listedUser(p *identity.Principal) User {
	u := userOf(p)
	u.Tags, u.PermissionsBoundary = nil, nil
	return *u
}

func requestID(ctx context.Context) string { return protocol.CallOf(ctx).RequestID }

// userName is the user that an operation names, or else the caller.
func (d *door) userName(ctx context.Context, named *string) (string, error) {
	if named != nil {
		return *named, nil
	}
	c := protocol.CallOf(ctx)
	if k, ok := d.s.Key(c.AccessKey); ok && k.User != "" {
		return k.User, nil
	}
	return "", &fault.Error{Kind: fault.Invalid, Op: "iam.userName", Noun: "user", Detail: "Must specify userName when calling with non-User credentials"}
}

func (d *door) users(o *Operations) {
	o.CreateUser = func(ctx context.Context, in *CreateUserInput) (*CreateUserOutput, error) {
		p, err := d.s.Create(identity.Principal{Kind: identity.User, Account: account(ctx), Name: *in.UserName, Path: value(in.Path),
			Boundary: value(in.PermissionsBoundary), Tags: tagsIn(in.Tags)})
		return answer(&CreateUserOutput{User: userOf(&p)}, err)
	}
	o.GetUser = func(ctx context.Context, in *GetUserInput) (*GetUserOutput, error) {
		name, err := d.userName(ctx, in.UserName)
		if err != nil {
			return nil, translate(err)
		}
		p, err := d.s.Get(account(ctx), identity.User, name)
		return answer(&GetUserOutput{User: userOf(&p)}, err)
	}
	o.ListUsers = func(ctx context.Context, in *ListUsersInput) (*ListUsersOutput, error) {
		all, err := d.s.List(account(ctx), identity.User, value(in.PathPrefix))
		if err != nil {
			return nil, err
		}
		var out ListUsersOutput
		out.Users, out.IsTruncated, out.Marker, err = page(collect(all, listedUser), in.Marker, in.MaxItems)
		return answer(&out, err)
	}
	o.DeleteUser = func(ctx context.Context, in *DeleteUserInput) (*DeleteUserOutput, error) {
		return none[DeleteUserOutput](d.s.Delete(account(ctx), identity.User, *in.UserName, false))
	}
	o.UpdateUser = func(ctx context.Context, in *UpdateUserInput) (*UpdateUserOutput, error) {
		if in.NewUserName != nil && !strings.EqualFold(*in.NewUserName, *in.UserName) && len(d.s.Keys(account(ctx), *in.UserName)) > 0 {
			return nil, protocol.Fail("ValidationError", "Anthill cannot rename a user that has access keys; delete them first.")
		}
		return none[UpdateUserOutput](d.set(account(ctx), identity.User, *in.UserName, func(p *identity.Principal) {
			if in.NewUserName != nil {
				p.Name = *in.NewUserName
			}
			if in.NewPath != nil {
				p.Path = *in.NewPath
			}
		}))
	}
	o.TagUser = func(ctx context.Context, in *TagUserInput) (*TagUserOutput, error) {
		return none[TagUserOutput](d.set(account(ctx), identity.User, *in.UserName, func(p *identity.Principal) { p.Tags = tag(p.Tags, in.Tags) }))
	}
	o.UntagUser = func(ctx context.Context, in *UntagUserInput) (*UntagUserOutput, error) {
		return none[UntagUserOutput](d.set(account(ctx), identity.User, *in.UserName, func(p *identity.Principal) { p.Tags = untag(p.Tags, in.TagKeys) }))
	}
	o.ListUserTags = func(ctx context.Context, in *ListUserTagsInput) (*ListUserTagsOutput, error) {
		p, err := d.s.Get(account(ctx), identity.User, *in.UserName)
		if err != nil {
			return nil, translate(err)
		}
		var out ListUserTagsOutput
		out.Tags, out.IsTruncated, out.Marker, err = page(tagsOut(p.Tags), in.Marker, in.MaxItems)
		return answer(&out, err)
	}
	d.userPolicies(o)
	d.credentials(o)
}

func credentialOf(user string, c *identity.ServiceCredential) *ServiceSpecificCredential {
	return &ServiceSpecificCredential{CreateDate: &c.Created, ServiceName: &c.Service, ServiceUserName: &c.UserName, ServicePassword: &c.Password,
		ServiceSpecificCredentialId: &c.ID, UserName: &user, Status: status(c.Active)}
}

func status(active bool) *string {
	if active {
		return new("Active")
	}
	return new("Inactive")
}

func (d *door) credentials(o *Operations) {
	o.CreateServiceSpecificCredential = func(ctx context.Context, in *CreateServiceSpecificCredentialInput) (*CreateServiceSpecificCredentialOutput, error) {
		c, err := d.s.AddCredential(account(ctx), *in.UserName, *in.ServiceName)
		return answer(&CreateServiceSpecificCredentialOutput{ServiceSpecificCredential: credentialOf(*in.UserName, &c)}, err)
	}
	o.ListServiceSpecificCredentials = func(ctx context.Context, in *ListServiceSpecificCredentialsInput) (*ListServiceSpecificCredentialsOutput, error) {
		name, err := d.userName(ctx, in.UserName)
		if err == nil && in.ServiceName != nil {
			err = identity.CheckCredentialService(*in.ServiceName)
		}
		if err != nil {
			return nil, translate(err)
		}
		p, err := d.s.Get(account(ctx), identity.User, name)
		list := []ServiceSpecificCredentialMetadata{}
		for i := range p.Credentials {
			c := credentialOf(p.Name, &p.Credentials[i])
			if in.ServiceName == nil || *in.ServiceName == *c.ServiceName {
				list = append(list, ServiceSpecificCredentialMetadata{UserName: c.UserName, Status: c.Status, ServiceUserName: c.ServiceUserName,
					CreateDate: c.CreateDate, ServiceSpecificCredentialId: c.ServiceSpecificCredentialId, ServiceName: c.ServiceName})
			}
		}
		return answer(&ListServiceSpecificCredentialsOutput{ServiceSpecificCredentials: list}, err)
	}
	change := func(ctx context.Context, named, id *string, f func(*identity.ServiceCredential)) error {
		name, err := d.userName(ctx, named)
		if err == nil {
			_, err = d.s.ChangeCredential(account(ctx), name, *id, f)
		}
		return err
	}
	o.UpdateServiceSpecificCredential = func(ctx context.Context, in *UpdateServiceSpecificCredentialInput) (*UpdateServiceSpecificCredentialOutput, error) {
		return none[UpdateServiceSpecificCredentialOutput](change(ctx, in.UserName, in.ServiceSpecificCredentialId, func(c *identity.ServiceCredential) {
			c.Active = *in.Status == "Active"
		}))
	}
	o.DeleteServiceSpecificCredential = func(ctx context.Context, in *DeleteServiceSpecificCredentialInput) (*DeleteServiceSpecificCredentialOutput, error) {
		return none[DeleteServiceSpecificCredentialOutput](change(ctx, in.UserName, in.ServiceSpecificCredentialId, func(c *identity.ServiceCredential) { c.ID = "" }))
	}
	o.ResetServiceSpecificCredential = func(ctx context.Context, in *ResetServiceSpecificCredentialInput) (*ResetServiceSpecificCredentialOutput, error) {
		name, err := d.userName(ctx, in.UserName)
		if err != nil {
			return nil, translate(err)
		}
		c, err := d.s.ResetPassword(account(ctx), name, *in.ServiceSpecificCredentialId)
		return answer(&ResetServiceSpecificCredentialOutput{ServiceSpecificCredential: credentialOf(name, &c)}, err)
	}
}
