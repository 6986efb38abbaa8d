package iam

import (
	"context"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"

	"anthill/api/protocol"
	"anthill/fault"
	"anthill/identity"
)

// door holds what the operations need.
type door struct{ s *identity.Service }

// New gives the operations of IAM over s.
func New(s *identity.Service) Operations {
	d := &door{s}
	var o Operations
	d.roles(&o)
	d.users(&o)
	d.groups(&o)
	d.policies(&o)
	d.keys(&o)
	return o
}

// account is the caller's.
func account(ctx context.Context) string { return protocol.CallOf(ctx).Account }

// answer gives out, or IAM's error for err.
func answer[O any](out *O, err error) (*O, error) {
	if err != nil {
		return nil, translate(err)
	}
	return out, nil
}

// none is the answer of operations that answer nothing.
func none[O any](err error) (*O, error) { return answer(new(O), err) }

// translate chooses IAM's error code for a fault.
func translate(err error) error {
	f := fault.Of(err)
	switch f.Kind {
	case fault.NotFound:
		return &NoSuchEntityException{Message: f.Detail}
	case fault.Exists:
		return &EntityAlreadyExistsException{Message: f.Detail}
	case fault.Conflict:
		return &DeleteConflictException{Message: f.Detail}
	case fault.Full:
		if f.Noun != "" {
			return &LimitExceededException{Message: f.Detail}
		}
	case fault.Denied:
		return &UnmodifiableEntityException{Message: f.Detail}
	case fault.Invalid:
		switch f.Reason {
		case "policy":
			return &MalformedPolicyDocumentException{Message: f.Detail}
		case "input":
			return &InvalidInputException{Message: f.Detail}
		}
		return protocol.Fail("ValidationError", f.Detail)
	}
	return err
}

// page cuts a list at the marker and after at most max items. IAM's own page holds 100.
func page[T any](all []T, marker *string, max *int32) (items []T, truncated *bool, next *string, err error) {
	from, size := 0, 100
	if max != nil {
		size = int(*max)
	}
	if marker != nil {
		text, derr := base64.RawURLEncoding.DecodeString(*marker)
		n, aerr := strconv.Atoi(string(text))
		if derr != nil || aerr != nil || n < 0 {
			return nil, nil, nil, &fault.Error{Kind: fault.Invalid, Op: "iam.page", Noun: "marker", Detail: "Invalid Marker."}
		}
		from = min(n, len(all))
	}
	to := min(from+size, len(all))
	if to < len(all) {
		next = new(base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(to))))
	}
	return append([]T{}, all[from:to]...), new(to < len(all)), next, nil
}

func collect[S, T any](in []S, f func(*S) T) []T {
	out := make([]T, len(in))
	for i := range in {
		out[i] = f(&in[i])
	}
	return out
}

// document is a policy as IAM's answers hold it: percent-encoded.
func document(text string) *string {
	return new(strings.ReplaceAll(url.QueryEscape(text), "+", "%20"))
}

func tagsIn(in []Tag) []identity.Tag {
	return collect(in, func(t *Tag) identity.Tag { return identity.Tag{Key: *t.Key, Value: *t.Value} })
}

// tagsOut is nil without tags, so that they are absent.
func tagsOut(in []identity.Tag) []Tag {
	if len(in) == 0 {
		return nil
	}
	return collect(in, func(t *identity.Tag) Tag { return Tag{Key: &t.Key, Value: &t.Value} })
}

// tag puts tags in the place of those with the same keys.
func tag(have []identity.Tag, more []Tag) []identity.Tag {
	for _, t := range tagsIn(more) {
		have = append(untag(have, []string{t.Key}), t)
	}
	return have
}

func untag(have []identity.Tag, keys []string) []identity.Tag {
	var kept []identity.Tag
next:
	for _, t := range have {
		for _, k := range keys {
			if strings.EqualFold(k, t.Key) {
				continue next
			}
		}
		kept = append(kept, t)
	}
	return kept
}

func boundary(arn string) *AttachedPermissionsBoundary {
	if arn == "" {
		return nil
	}
	return &AttachedPermissionsBoundary{PermissionsBoundaryType: new("Policy"), PermissionsBoundaryArn: &arn}
}

// value is *p, or "" when p is nil.
func value(p *string) string { return protocol.Value(p) }
