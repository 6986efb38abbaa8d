package identity

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"anthill/arn"
	"anthill/fault"
)

// Policy is a managed policy with its versions.
type Policy struct {
	Account     string // "aws" for AWS's own
	Name        string
	Path        string
	ID          string
	Description string
	Created     time.Time
	Updated     time.Time
	Default     int             // number of the version in force
	Last        int             // number of the newest version there ever was
	Versions    []PolicyVersion // by number
	Tags        []Tag
}

// PolicyVersion is one text of a policy.
type PolicyVersion struct {
	Number   int
	Document string
	Created  time.Time
}

// maxVersions is how many versions AWS keeps of one policy.
const maxVersions = 5

// ARN is the policy's name.
func (p *Policy) ARN() string {
	return arn.New("iam", "", p.Account, "policy"+p.Path+p.Name).String()
}

func (p Policy) clone() Policy {
	p.Versions, p.Tags = slices.Clone(p.Versions), slices.Clone(p.Tags)
	return p
}

// CreatePolicy makes a policy with document as its version 1.
func (s *Service) CreatePolicy(p Policy, document string) (Policy, error) {
	const op = "identity.CreatePolicy"
	if err := CheckPolicy(document); err != nil {
		return p, err
	}
	if p.Path == "" {
		p.Path = "/"
	}
	p = p.clone()
	p.ID, p.Created, p.Default, p.Last = newID("ANPA"), s.now(), 1, 1
	p.Updated, p.Versions = p.Created, []PolicyVersion{{1, document, p.Created}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.mu.policies[p.ARN()]; taken {
		return p, &fault.Error{Kind: fault.Exists, Op: op, Noun: "policy", Name: p.Name,
			Detail: "A policy called " + p.Name + " already exists. Duplicate names are not allowed."}
	}
	return p, fault.In(op, s.putPolicyLocked(p))
}

func (s *Service) putPolicyLocked(p Policy) error {
	if err := s.policies.Put(p.ARN(), p); err != nil {
		return err
	}
	s.mu.policies[p.ARN()] = p.clone()
	return nil
}

// GetPolicy finds a policy by its ARN. AWS's own policies are known by name only: they have no versions here.
func (s *Service) GetPolicy(name string) (Policy, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.getPolicyLocked("identity.GetPolicy", name)
}

func (s *Service) getPolicyLocked(op, name string) (Policy, error) {
	if p, ok := s.mu.policies[name]; ok {
		return p.clone(), nil
	}
	if err := checkPolicyARN(op, name); err != nil {
		return Policy{}, err
	}
	if resource, ok := strings.CutPrefix(name, "arn:aws:iam::aws:policy/"); ok {
		path, base := "/", resource
		if i := strings.LastIndexByte(resource, '/'); i >= 0 {
			path, base = "/"+resource[:i+1], resource[i+1:]
		}
		return Policy{Account: "aws", Name: base, Path: path, ID: "ANPAAWSMANAGEDPOLICY0", Default: 1, Last: 1}, nil
	}
	return Policy{}, notFound(op, "policy", name, "Policy "+name+" was not found.")
}

func checkPolicyARN(op, name string) error {
	a, err := arn.Parse(name)
	if err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "policy/") {
		return &fault.Error{Kind: fault.Invalid, Op: op, Noun: "policy", Name: name, Detail: "Invalid ARN:  Could not be parsed!"}
	}
	return nil
}

// ListPolicies gives the policies of an account whose path begins with prefix, by ARN.
func (s *Service) ListPolicies(acct, prefix string) []Policy {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return sorted(s.mu.policies, func(_ string, p Policy) bool { return p.Account == acct && strings.HasPrefix(p.Path, prefix) })
}

// UpdatePolicy lets change alter a policy and keeps the result, unless change fails.
func (s *Service) UpdatePolicy(name string, change func(*Policy) error) (Policy, error) {
	const op = "identity.UpdatePolicy"
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.getPolicyLocked(op, name)
	if err == nil && p.Account == "aws" {
		err = &fault.Error{Kind: fault.Denied, Op: op, Noun: "policy", Name: name, Detail: "AWS's own policies cannot be changed."}
	}
	if err == nil {
		err = change(&p)
	}
	if err != nil {
		return p, err
	}
	p.Updated = s.now()
	return p, fault.In(op, s.putPolicyLocked(p))
}

// AddVersion makes document the newest version of a policy.
func (s *Service) AddVersion(name, document string, inForce bool) (Policy, error) {
	if err := CheckPolicy(document); err != nil {
		return Policy{}, err
	}
	return s.UpdatePolicy(name, func(p *Policy) error {
		if len(p.Versions) >= maxVersions {
			return &fault.Error{Kind: fault.Full, Op: "identity.AddVersion", Noun: "policy", Name: name, Detail: fmt.Sprintf(
				"A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", maxVersions)}
		}
		p.Last++
		p.Versions = append(p.Versions, PolicyVersion{p.Last, document, s.now()})
		if inForce {
			p.Default = p.Last
		}
		return nil
	})
}

// DeletePolicy forgets a policy that nobody holds and that has one version.
func (s *Service) DeletePolicy(name string) error {
	const op = "identity.DeletePolicy"
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.getPolicyLocked(op, name)
	if err != nil {
		return err
	}
	conflict := func(detail string) error {
		return &fault.Error{Kind: fault.Conflict, Op: op, Noun: "policy", Name: name, Detail: detail}
	}
	if len(p.Versions) > 1 {
		return conflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. " +
			"The default version is deleted with the policy.")
	}
	for _, holder := range s.mu.principals {
		if slices.Contains(holder.Attached, name) {
			return conflict("Cannot delete a policy attached to entities.")
		}
	}
	if err := s.policies.Delete(name); err != nil {
		return fault.In(op, err)
	}
	delete(s.mu.policies, name)
	return nil
}

// Holders gives the principals to which a policy is attached.
func (s *Service) Holders(name string) []Principal {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return sorted(s.mu.principals, func(_ string, p Principal) bool { return slices.Contains(p.Attached, name) })
}

// Attach gives a managed policy to a principal; twice is once.
func (s *Service) Attach(acct string, k Kind, name, policy string) error {
	const op = "identity.Attach"
	if err := checkPolicyARN(op, policy); err != nil {
		return err
	}
	if _, err := s.GetPolicy(policy); err != nil {
		return notFound(op, "policy", policy, "Policy "+policy+" does not exist or is not attachable.")
	}
	_, err := s.Update(acct, k, name, func(p *Principal) error {
		if !slices.Contains(p.Attached, policy) {
			p.Attached = append(p.Attached, policy)
		}
		return nil
	})
	return err
}

// Detach takes a managed policy from a principal.
func (s *Service) Detach(acct string, k Kind, name, policy string) error {
	const op = "identity.Detach"
	if err := checkPolicyARN(op, policy); err != nil {
		return err
	}
	_, err := s.Update(acct, k, name, func(p *Principal) error {
		i := slices.Index(p.Attached, policy)
		if i < 0 {
			return notFound(op, "policy", policy, "Policy "+policy+" was not found.")
		}
		p.Attached = slices.Delete(p.Attached, i, i+1)
		return nil
	})
	return err
}
