package iam

import (
	"context"

	"anthill/identity"
)

func (d *door) keys(o *Operations) {
	o.CreateAccessKey = func(ctx context.Context, in *CreateAccessKeyInput) (*CreateAccessKeyOutput, error) {
		name, err := d.userName(ctx, in.UserName)
		if err != nil {
			return nil, translate(err)
		}
		k, err := d.s.CreateKey(account(ctx), name)
		return answer(&CreateAccessKeyOutput{AccessKey: &AccessKey{UserName: &k.User, AccessKeyId: &k.ID, Status: status(true), SecretAccessKey: &k.Secret,
			CreateDate: &k.Created}}, err)
	}
	o.ListAccessKeys = func(ctx context.Context, in *ListAccessKeysInput) (*ListAccessKeysOutput, error) {
		name, err := d.userName(ctx, in.UserName)
		if err == nil {
			_, err = d.s.Get(account(ctx), identity.User, name)
		}
		if err != nil {
			return nil, translate(err)
		}
		all := collect(d.s.Keys(account(ctx), name), func(k *identity.Key) AccessKeyMetadata {
			return AccessKeyMetadata{UserName: &k.User, AccessKeyId: &k.ID, Status: status(!k.Inactive), CreateDate: &k.Created}
		})
		var out ListAccessKeysOutput
		out.AccessKeyMetadata, out.IsTruncated, out.Marker, err = page(all, in.Marker, in.MaxItems)
		return answer(&out, err)
	}
	o.UpdateAccessKey = func(ctx context.Context, in *UpdateAccessKeyInput) (*UpdateAccessKeyOutput, error) {
		return none[UpdateAccessKeyOutput](d.s.SetKey(account(ctx), *in.AccessKeyId, *in.Status == "Active"))
	}
	o.DeleteAccessKey = func(ctx context.Context, in *DeleteAccessKeyInput) (*DeleteAccessKeyOutput, error) {
		return none[DeleteAccessKeyOutput](d.s.DeleteKey(account(ctx), *in.AccessKeyId))
	}
}
