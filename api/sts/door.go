package sts

import (
	"context"
	"strings"
	"time"

	"anthill/api/protocol"
	"anthill/fault"
	"anthill/identity"
)

// New gives the operations of STS over s.
func New(s *identity.Service) Operations {
	d := &door{s}
	return Operations{AssumeRole: d.assumeRole, GetCallerIdentity: d.getCallerIdentity, GetSessionToken: d.getSessionToken,
		GetFederationToken: d.getFederationToken, GetAccessKeyInfo: d.getAccessKeyInfo}
}

type door struct{ s *identity.Service }

func (d *door) getCallerIdentity(ctx context.Context, _ *GetCallerIdentityInput) (*GetCallerIdentityOutput, error) {
	c := protocol.CallOf(ctx)
	arn, id := d.s.Caller(c.Account, c.AccessKey)
	return &GetCallerIdentityOutput{Account: &c.Account, Arn: &arn, UserId: &id}, nil
}

func (d *door) assumeRole(ctx context.Context, in *AssumeRoleInput) (*AssumeRoleOutput, error) {
	c := protocol.CallOf(ctx)
	k, _, err := d.s.Assume(*in.RoleArn, identity.Session{Caller: c.AccessKey, Name: *in.RoleSessionName, Duration: seconds(in.DurationSeconds),
		Tags: tags(in.Tags), Keep: in.TransitiveTagKeys})
	if err != nil {
		return nil, d.translate(c, err)
	}
	return &AssumeRoleOutput{Credentials: credentials(k), AssumedRoleUser: &AssumedRoleUser{Arn: &k.Caller, AssumedRoleId: &k.CallerID},
		PackedPolicySize: packed(in.Policy, in.PolicyArns, in.Tags), SourceIdentity: in.SourceIdentity}, nil
}

// translate chooses STS's error code for a fault.
func (d *door) translate(c *protocol.Call, err error) error {
	f := fault.Of(err)
	switch {
	case f.Kind == fault.Denied:
		caller, _ := d.s.Caller(c.Account, c.AccessKey)
		return &protocol.Error{Code: "AccessDenied", Message: "User: " + caller + " " + f.Detail, Status: 403}
	case f.Kind == fault.Invalid && f.Reason == "tags":
		return protocol.Fail("InvalidParameterValue", f.Detail)
	case f.Kind == fault.Invalid:
		return protocol.Fail("ValidationError", f.Detail)
	}
	return err
}

func (d *door) getSessionToken(ctx context.Context, in *GetSessionTokenInput) (*GetSessionTokenOutput, error) {
	c := protocol.CallOf(ctx)
	arn, _ := d.s.Caller(c.Account, c.AccessKey)
	k, err := d.s.Federate(c.Account, arn, identity.Session{Duration: seconds(in.DurationSeconds)})
	return &GetSessionTokenOutput{Credentials: credentials(k)}, err
}

func (d *door) getFederationToken(ctx context.Context, in *GetFederationTokenInput) (*GetFederationTokenOutput, error) {
	c := protocol.CallOf(ctx)
	k, err := d.s.Federate(c.Account, "", identity.Session{Name: *in.Name, Duration: seconds(in.DurationSeconds)})
	size := packed(in.Policy, in.PolicyArns, in.Tags)
	if size == nil {
		size = new(int32(0))
	}
	return &GetFederationTokenOutput{Credentials: credentials(k), FederatedUser: &FederatedUser{Arn: &k.Caller, FederatedUserId: &k.CallerID}, PackedPolicySize: size}, err
}

func (d *door) getAccessKeyInfo(ctx context.Context, in *GetAccessKeyInfoInput) (*GetAccessKeyInfoOutput, error) {
	account := d.s.AccountOf(*in.AccessKeyId)
	if account == "" {
		account = protocol.CallOf(ctx).Account
	}
	return &GetAccessKeyInfoOutput{Account: &account}, nil
}

func seconds(n *int32) time.Duration { return time.Duration(protocol.Value(n)) * time.Second }

func tags(in []Tag) []identity.Tag {
	out := make([]identity.Tag, len(in))
	for i, t := range in {
		out[i] = identity.Tag{Key: *t.Key, Value: *t.Value}
	}
	return out
}

func credentials(k identity.Key) *Credentials {
	return &Credentials{AccessKeyId: &k.ID, SecretAccessKey: &k.Secret, SessionToken: &k.Token, Expiration: &k.Expires}
}

// packed is the share of STS's limit that session policies and tags take, in percent; nil without any. AWS compresses
// them in a way of its own, so this is near the true figure only.
func packed(policy *string, arns []PolicyDescriptorType, tags []Tag) *int32 {
	n := len(strings.TrimSpace(protocol.Value(policy)))
	for _, a := range arns {
		n += len(protocol.Value(a.Arn))
	}
	for _, t := range tags {
		n += len(protocol.Value(t.Key)) + len(protocol.Value(t.Value))
	}
	if n == 0 {
		return nil
	}
	return new(int32((n*100 + 2047) / 2048))
}
