package iam

import (
	"maps"
	"slices"
	"strings"

	"anthill/fault"
	"anthill/identity"
)

// putInline, getInline and deleteInline serve the policies that are parts of a principal, whatever its kind.
func (d *door) putInline(acct string, k identity.Kind, name, policy, text string) error {
	if err := identity.CheckPolicy(text); err != nil {
		return err
	}
	return d.change(acct, k, name, func(p *identity.Principal) error {
		if p.Inline == nil {
			p.Inline = map[string]string{}
		}
		p.Inline[policy] = text
		return nil
	})
}

func (d *door) getInline(acct string, k identity.Kind, name, policy string) (p identity.Principal, text string, err error) {
	if p, err = d.s.Get(acct, k, name); err != nil {
		return p, "", err
	}
	text, ok := p.Inline[policy]
	if !ok {
		return p, "", noInline(k, policy)
	}
	return p, text, nil
}

func noInline(k identity.Kind, policy string) error {
	return &fault.Error{Kind: fault.NotFound, Op: "iam.inline", Noun: "policy", Name: policy,
		Detail: "The " + string(k) + " policy with name " + policy + " cannot be found."}
}

func (d *door) deleteInline(acct string, k identity.Kind, name, policy string) error {
	return d.change(acct, k, name, func(p *identity.Principal) error {
		if _, ok := p.Inline[policy]; !ok {
			return noInline(k, policy)
		}
		delete(p.Inline, policy)
		return nil
	})
}

func (d *door) listInline(acct string, k identity.Kind, name string, marker *string, max *int32) ([]string, *bool, *string, error) {
	p, err := d.s.Get(acct, k, name)
	if err != nil {
		return nil, nil, nil, err
	}
	return page(slices.Sorted(maps.Keys(p.Inline)), marker, max)
}

func (d *door) listAttached(acct string, k identity.Kind, name string, prefix, marker *string, max *int32) ([]AttachedPolicy, *bool, *string, error) {
	p, err := d.s.Get(acct, k, name)
	if err != nil {
		return nil, nil, nil, err
	}
	var all []AttachedPolicy
	for _, arn := range p.Attached {
		if _, path, _ := strings.Cut(arn, ":policy"); prefix == nil || strings.HasPrefix(path, *prefix) {
			all = append(all, AttachedPolicy{PolicyArn: new(arn), PolicyName: new(arn[strings.LastIndexByte(arn, '/')+1:])})
		}
	}
	return page(all, marker, max)
}

// change is identity's Update, for those who do not want the result.
func (d *door) change(acct string, k identity.Kind, name string, f func(*identity.Principal) error) error {
	_, err := d.s.Update(acct, k, name, f)
	return err
}

// set is change with a change that cannot fail.
func (d *door) set(acct string, k identity.Kind, name string, f func(*identity.Principal)) error {
	return d.change(acct, k, name, func(p *identity.Principal) error { f(p); return nil })
}
