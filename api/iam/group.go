package iam

import (
	"context"
	"slices"

	"anthill/identity"
)

func groupOf(p *identity.Principal) Group {
	return Group{Path: &p.Path, GroupName: &p.Name, GroupId: &p.ID, Arn: new(p.ARN()), CreateDate: &p.Created}
}

func (d *door) groups(o *Operations) {
	o.CreateGroup = func(ctx context.Context, in *CreateGroupInput) (*CreateGroupOutput, error) {
		p, err := d.s.Create(identity.Principal{Kind: identity.Group, Account: account(ctx), Name: *in.GroupName, Path: value(in.Path)})
		return answer(&CreateGroupOutput{Group: new(groupOf(&p))}, err)
	}
	o.GetGroup = func(ctx context.Context, in *GetGroupInput) (*GetGroupOutput, error) {
		p, err := d.s.Get(account(ctx), identity.Group, *in.GroupName)
		if err != nil {
			return nil, translate(err)
		}
		users, err := d.s.List(account(ctx), identity.User, "")
		if err != nil {
			return nil, err
		}
		users = slices.DeleteFunc(users, func(u identity.Principal) bool { return !slices.Contains(u.Groups, p.Name) })
		out := GetGroupOutput{Group: new(groupOf(&p))}
		out.Users, out.IsTruncated, out.Marker, err = page(collect(users, listedUser), in.Marker, in.MaxItems)
		return answer(&out, err)
	}
	o.ListGroups = func(ctx context.Context, in *ListGroupsInput) (*ListGroupsOutput, error) {
		all, err := d.s.List(account(ctx), identity.Group, value(in.PathPrefix))
		if err != nil {
			return nil, err
		}
		var out ListGroupsOutput
		out.Groups, out.IsTruncated, out.Marker, err = page(collect(all, groupOf), in.Marker, in.MaxItems)
		return answer(&out, err)
	}
	o.DeleteGroup = func(ctx context.Context, in *DeleteGroupInput) (*DeleteGroupOutput, error) {
		return none[DeleteGroupOutput](d.s.Delete(account(ctx), identity.Group, *in.GroupName, false))
	}
	o.AddUserToGroup = func(ctx context.Context, in *AddUserToGroupInput) (*AddUserToGroupOutput, error) {
		g, err := d.s.Get(account(ctx), identity.Group, *in.GroupName)
		if err == nil {
			err = d.set(account(ctx), identity.User, *in.UserName, func(p *identity.Principal) {
				if !slices.Contains(p.Groups, g.Name) {
					p.Groups = append(p.Groups, g.Name)
				}
			})
		}
		return none[AddUserToGroupOutput](err)
	}
	o.RemoveUserFromGroup = func(ctx context.Context, in *RemoveUserFromGroupInput) (*RemoveUserFromGroupOutput, error) {
		g, err := d.s.Get(account(ctx), identity.Group, *in.GroupName)
		if err == nil {
			err = d.set(account(ctx), identity.User, *in.UserName, func(p *identity.Principal) {
				p.Groups = slices.DeleteFunc(p.Groups, func(name string) bool { return name == g.Name })
			})
		}
		return none[RemoveUserFromGroupOutput](err)
	}
	o.ListGroupsForUser = func(ctx context.Context, in *ListGroupsForUserInput) (*ListGroupsForUserOutput, error) {
		p, err := d.s.Get(account(ctx), identity.User, *in.UserName)
		if err != nil {
			return nil, translate(err)
		}
		var all []Group
		for _, name := range p.Groups {
			if g, err := d.s.Get(p.Account, identity.Group, name); err == nil {
				all = append(all, groupOf(&g))
			}
		}
		var out ListGroupsForUserOutput
		out.Groups, out.IsTruncated, out.Marker, err = page(all, in.Marker, in.MaxItems)
		return answer(&out, err)
	}
	d.groupPolicies(o)
}
