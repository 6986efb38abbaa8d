package iam

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"anthill/api/protocol"
	"anthill/fault"
	"anthill/identity"
)

func (d *door) policyOf(p *identity.Policy) *Policy {
	out := &Policy{PolicyName: &p.Name, PolicyId: &p.ID, Arn: new(p.ARN()), Path: &p.Path, DefaultVersionId: new(version(p.Default)),
		AttachmentCount: new(int32(len(d.s.Holders(p.ARN())))), PermissionsBoundaryUsageCount: new(int32(0)), IsAttachable: new(true)}
	if !p.Created.IsZero() {
		out.CreateDate, out.UpdateDate = &p.Created, &p.Updated
	}
	return out
}

func version(n int) string { return "v" + strconv.Itoa(n) }

func versionOf(p *identity.Policy, v *identity.PolicyVersion) *PolicyVersion {
	return &PolicyVersion{VersionId: new(version(v.Number)), IsDefaultVersion: new(v.Number == p.Default), CreateDate: &v.Created}
}

// find gives the index of a version among p's.
func find(p *identity.Policy, id string) (int, error) {
	for i, v := range p.Versions {
		if version(v.Number) == id {
			return i, nil
		}
	}
	return 0, &fault.Error{Kind: fault.NotFound, Op: "iam.version", Noun: "policy version", Name: id,
		Detail: "Policy " + p.ARN() + " version " + id + " does not exist or is not attachable."}
}

func (d *door) policies(o *Operations) {
	o.CreatePolicy = func(ctx context.Context, in *CreatePolicyInput) (*CreatePolicyOutput, error) {
		p, err := d.s.CreatePolicy(identity.Policy{Account: account(ctx), Name: *in.PolicyName, Path: value(in.Path), Description: value(in.Description),
			Tags: tagsIn(in.Tags)}, *in.PolicyDocument)
		out := d.policyOf(&p)
		out.Tags = tagsOut(p.Tags)
		return answer(&CreatePolicyOutput{Policy: out}, err)
	}
	o.GetPolicy = func(_ context.Context, in *GetPolicyInput) (*GetPolicyOutput, error) {
		p, err := d.s.GetPolicy(*in.PolicyArn)
		out := d.policyOf(&p)
		out.Description, out.Tags = protocol.Optional(p.Description), append([]Tag{}, tagsOut(p.Tags)...)
		return answer(&GetPolicyOutput{Policy: out}, err)
	}
	o.ListPolicies = func(ctx context.Context, in *ListPoliciesInput) (*ListPoliciesOutput, error) {
		var all []Policy
		if scope := value(in.Scope); scope != "AWS" { // AWS's own are known by name only and not listed
			all = collect(d.s.ListPolicies(account(ctx), value(in.PathPrefix)), func(p *identity.Policy) Policy { return *d.policyOf(p) })
		}
		if in.OnlyAttached != nil && *in.OnlyAttached {
			all = slices.DeleteFunc(all, func(p Policy) bool { return *p.AttachmentCount == 0 })
		}
		var out ListPoliciesOutput
		var err error
		out.Policies, out.IsTruncated, out.Marker, err = page(all, in.Marker, in.MaxItems)
		return answer(&out, err)
	}
	o.DeletePolicy = func(_ context.Context, in *DeletePolicyInput) (*DeletePolicyOutput, error) {
		return none[DeletePolicyOutput](d.s.DeletePolicy(*in.PolicyArn))
	}
	o.ListEntitiesForPolicy = d.entities
	d.policyTags(o)
	d.versions(o)
}

func (d *door) entities(_ context.Context, in *ListEntitiesForPolicyInput) (*ListEntitiesForPolicyOutput, error) {
	if _, err := d.s.GetPolicy(*in.PolicyArn); err != nil {
		return nil, translate(err)
	}
	holders, truncated, marker, err := page(d.s.Holders(*in.PolicyArn), in.Marker, in.MaxItems)
	out := &ListEntitiesForPolicyOutput{IsTruncated: truncated, Marker: marker, PolicyRoles: []PolicyRole{}, PolicyUsers: []PolicyUser{}, PolicyGroups: []PolicyGroup{}}
	want := strings.ToLower(value(in.EntityFilter))
	for _, p := range holders {
		if !strings.HasPrefix(p.Path, value(in.PathPrefix)) || want != "" && want != string(p.Kind) {
			continue
		}
		switch p.Kind {
		case identity.Role:
			out.PolicyRoles = append(out.PolicyRoles, PolicyRole{RoleName: &p.Name, RoleId: &p.ID})
		case identity.User:
			out.PolicyUsers = append(out.PolicyUsers, PolicyUser{UserName: &p.Name, UserId: &p.ID})
		case identity.Group:
			out.PolicyGroups = append(out.PolicyGroups, PolicyGroup{GroupName: &p.Name, GroupId: &p.ID})
		}
	}
	return answer(out, err)
}

func (d *door) policyTags(o *Operations) {
	change := func(arn string, f func(*identity.Policy)) error {
		_, err := d.s.UpdatePolicy(arn, func(p *identity.Policy) error { f(p); return nil })
		return err
	}
	o.TagPolicy = func(_ context.Context, in *TagPolicyInput) (*TagPolicyOutput, error) {
		return none[TagPolicyOutput](change(*in.PolicyArn, func(p *identity.Policy) { p.Tags = tag(p.Tags, in.Tags) }))
	}
	o.UntagPolicy = func(_ context.Context, in *UntagPolicyInput) (*UntagPolicyOutput, error) {
		return none[UntagPolicyOutput](change(*in.PolicyArn, func(p *identity.Policy) { p.Tags = untag(p.Tags, in.TagKeys) }))
	}
	o.ListPolicyTags = func(_ context.Context, in *ListPolicyTagsInput) (*ListPolicyTagsOutput, error) {
		p, err := d.s.GetPolicy(*in.PolicyArn)
		if err != nil {
			return nil, translate(err)
		}
		var out ListPolicyTagsOutput
		out.Tags, out.IsTruncated, out.Marker, err = page(tagsOut(p.Tags), in.Marker, in.MaxItems)
		return answer(&out, err)
	}
}

func (d *door) versions(o *Operations) {
	o.CreatePolicyVersion = func(_ context.Context, in *CreatePolicyVersionInput) (*CreatePolicyVersionOutput, error) {
		p, err := d.s.AddVersion(*in.PolicyArn, *in.PolicyDocument, in.SetAsDefault != nil && *in.SetAsDefault)
		if err != nil {
			return nil, translate(err)
		}
		return &CreatePolicyVersionOutput{PolicyVersion: versionOf(&p, &p.Versions[len(p.Versions)-1])}, nil
	}
	o.GetPolicyVersion = func(_ context.Context, in *GetPolicyVersionInput) (*GetPolicyVersionOutput, error) {
		p, err := d.s.GetPolicy(*in.PolicyArn)
		if err != nil {
			return nil, translate(err)
		}
		i, err := find(&p, *in.VersionId)
		if err != nil {
			return nil, translate(err)
		}
		v := versionOf(&p, &p.Versions[i])
		v.Document = document(p.Versions[i].Document)
		return &GetPolicyVersionOutput{PolicyVersion: v}, nil
	}
	o.ListPolicyVersions = func(_ context.Context, in *ListPolicyVersionsInput) (*ListPolicyVersionsOutput, error) {
		p, err := d.s.GetPolicy(*in.PolicyArn)
		if err != nil {
			return nil, translate(err)
		}
		slices.Reverse(p.Versions) // AWS shows the newest first
		var out ListPolicyVersionsOutput
		out.Versions, out.IsTruncated, out.Marker, err = page(collect(p.Versions, func(v *identity.PolicyVersion) PolicyVersion { return *versionOf(&p, v) }), in.Marker, in.MaxItems)
		return answer(&out, err)
	}
	o.DeletePolicyVersion = func(_ context.Context, in *DeletePolicyVersionInput) (*DeletePolicyVersionOutput, error) {
		_, err := d.s.UpdatePolicy(*in.PolicyArn, func(p *identity.Policy) error {
			i, err := find(p, *in.VersionId)
			if err == nil && p.Versions[i].Number == p.Default {
				err = &fault.Error{Kind: fault.Conflict, Op: "iam.DeletePolicyVersion", Noun: "policy", Detail: "Cannot delete the default version of a policy."}
			}
			if err == nil {
				p.Versions = slices.Delete(p.Versions, i, i+1)
			}
			return err
		})
		return none[DeletePolicyVersionOutput](err)
	}
	o.SetDefaultPolicyVersion = func(_ context.Context, in *SetDefaultPolicyVersionInput) (*SetDefaultPolicyVersionOutput, error) {
		_, err := d.s.UpdatePolicy(*in.PolicyArn, func(p *identity.Policy) error {
			i, err := find(p, *in.VersionId)
			if err == nil {
				p.Default = p.Versions[i].Number
			}
			return err
		})
		return none[SetDefaultPolicyVersionOutput](err)
	}
}
