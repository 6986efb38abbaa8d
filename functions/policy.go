package functions

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"anthill/fault"
	"anthill/uuid"
)

// maxPolicy is how long a policy may be as JSON, in bytes (AWS: Lambda quotas, "Function resource-based policy").
const maxPolicy = 20480

// Policy is a resource policy: who may call a function. It is recorded and shown, not enforced.
type Policy struct {
	Statements []Statement
	Revision   string
}

// Statement is one permission of a policy. As JSON it is what AWS answers.
type Statement struct {
	Sid       string
	Effect    string
	Principal json.RawMessage
	Action    string
	Resource  string
	Condition json.RawMessage `json:",omitempty"`
}

// Permission is a statement as a caller asks for it. Empty members make no condition.
type Permission struct {
	Sid, Action, Principal                   string
	SourceARN, SourceAccount, EventToken     string
	OrganizationID, URLAuthType, LayerTarget string
	ViaURL                                   bool
	Revision                                 string
}

// Document prints the policy as IAM does.
func (p Policy) Document() string {
	return string(compactJSON(struct {
		Version, Id string
		Statement   []Statement
	}{"2012-10-17", "default", p.Statements}))
}

// JSON prints the statement.
func (s Statement) JSON() string { return string(compactJSON(s)) }

// statementOf follows the API reference, AddPermission: which of its members become which condition.
func statementOf(op string, p Permission, resource string) (Statement, error) {
	var principal any
	switch {
	case p.Principal == "*":
		principal = "*"
	case isAccount(p.Principal):
		principal = map[string]string{"AWS": "arn:aws:iam::" + p.Principal + ":root"}
	case strings.HasPrefix(p.Principal, "arn:"):
		principal = map[string]string{"AWS": p.Principal}
	case strings.Contains(p.Principal, "."):
		principal = map[string]string{"Service": p.Principal}
	default:
		return Statement{}, invalid(op, "The provided principal was invalid. Please check the principal and try again.")
	}
	if p.URLAuthType != "" && p.Action != "lambda:InvokeFunctionUrl" {
		return Statement{}, invalid(op, "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action")
	}
	conditions := map[string]map[string]string{}
	add := func(operator, key, value string) {
		if value == "" {
			return
		}
		if conditions[operator] == nil {
			conditions[operator] = map[string]string{}
		}
		conditions[operator][key] = value
	}
	add("StringEquals", "AWS:SourceAccount", p.SourceAccount)
	add("StringEquals", "lambda:EventSourceToken", p.EventToken)
	add("StringEquals", "lambda:FunctionUrlAuthType", p.URLAuthType)
	add("StringEquals", "aws:PrincipalOrgID", p.OrganizationID)
	add("ArnLike", "AWS:SourceArn", p.SourceARN)
	if p.ViaURL {
		add("Bool", "lambda:InvokedViaFunctionUrl", "true")
	}
	s := Statement{Sid: p.Sid, Effect: "Allow", Principal: compactJSON(principal), Action: p.Action, Resource: resource}
	if len(conditions) > 0 {
		s.Condition = compactJSON(conditions)
	}
	return s, nil
}

// with is the policy with one statement more. have is the revision that Permission.Revision must name, if it names any.
func (p Policy) with(op string, ask Permission, have, resource string) (Policy, Statement, error) {
	if ask.Revision != "" && ask.Revision != have {
		return p, Statement{}, staleRevision(op, resource, "GetPolicy")
	}
	if slices.ContainsFunc(p.Statements, func(s Statement) bool { return s.Sid == ask.Sid }) {
		return p, Statement{}, conflict(op, resource, "The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", ask.Sid)
	}
	s, err := statementOf(op, ask, resource)
	more := Policy{append(slices.Clip(p.Statements), s), uuid.New()}
	if n := len(more.Document()); err == nil && n > maxPolicy {
		return p, s, &fault.Error{Kind: fault.Invalid, Op: op, Noun: noun, Name: resource, Reason: ReasonPolicy,
			Detail: fmt.Sprintf("The final policy size (%d) is bigger than the limit (%d).", n, maxPolicy)}
	}
	return more, s, err
}

// without is the policy with one statement less.
func (p Policy) without(op, sid, revision, resource string) (Policy, error) {
	if len(p.Statements) == 0 {
		return p, notFound(op, resource, "No policy is associated with the given resource.")
	}
	i := slices.IndexFunc(p.Statements, func(s Statement) bool { return s.Sid == sid })
	if i < 0 {
		return p, notFound(op, resource, "Statement %s is not found in resource policy.", sid)
	}
	if revision != "" && revision != p.Revision {
		return p, staleRevision(op, resource, "GetPolicy")
	}
	return Policy{slices.Delete(slices.Clone(p.Statements), i, i+1), uuid.New()}, nil
}

// AddPermission adds a statement to the policy of a function, version or alias.
func (s *Service) AddPermission(r Ref, p Permission) (Statement, error) {
	const op = "functions.AddPermission"
	if r.Qualifier == Latest {
		return Statement{}, invalid(op, "We currently do not support adding policies for $LATEST.")
	}
	var st Statement
	_, err := s.edit(op, r, func(e *edit) error {
		have, err := e.revisionOf(op, r)
		if err != nil {
			return err
		}
		policy := e.Policies[r.Qualifier]
		if policy.Revision != "" {
			have = policy.Revision
		}
		if policy, st, err = policy.with(op, p, have, r.ARN()); err != nil {
			return err
		}
		put(&e.Policies, r.Qualifier, policy)
		e.revise(r.Qualifier, policy.Revision)
		return nil
	})
	return st, err
}

// RemovePermission removes a statement.
func (s *Service) RemovePermission(r Ref, sid, revision string) error {
	const op = "functions.RemovePermission"
	_, err := s.edit(op, r, func(e *edit) error {
		if _, err := e.revisionOf(op, r); err != nil {
			return err
		}
		policy, err := e.Policies[r.Qualifier].without(op, sid, revision, r.ARN())
		if err != nil {
			return err
		}
		if put(&e.Policies, r.Qualifier, policy); len(policy.Statements) == 0 {
			delete(e.Policies, r.Qualifier)
		}
		e.revise(r.Qualifier, policy.Revision)
		return nil
	})
	return err
}

// GetPolicy gives the policy of a function, version or alias.
func (s *Service) GetPolicy(r Ref) (Policy, error) {
	const op = "functions.GetPolicy"
	l, ok := s.find(r.Key())
	if !ok {
		return Policy{}, missing(op, r)
	}
	p, ok := l.Policies[r.Qualifier]
	if !ok {
		return p, missingResource(op, r.Name)
	}
	return p, nil
}

// revisionOf gives the revision of what r names: a function, a version or an alias.
func (e *edit) revisionOf(op string, r Ref) (string, error) {
	if a, ok := e.Aliases[r.Qualifier]; ok {
		return a.Revision, nil
	}
	v, ok := e.version(r.Qualifier)
	switch {
	case ok:
		return v.at(e.now).Revision, nil
	case digits(r.Qualifier):
		return "", missing(op, r)
	}
	return "", &fault.Error{Kind: fault.NotFound, Op: op, Noun: noun, Name: r.Name, Detail: "Cannot find alias arn: " + r.ARN()}
}

// revise gives what a qualifier names the revision of its changed policy: AWS shows the same one in both places.
func (e *edit) revise(qualifier, revision string) {
	if a, ok := e.Aliases[qualifier]; ok {
		a.Revision = revision
		put(&e.Aliases, qualifier, a)
		return
	}
	if qualifier == "" {
		e.Latest.Revision = revision
		return
	}
	for i, v := range e.Versions {
		if v.Number == qualifier {
			w := *v.at(e.now)
			w.Revision = revision
			e.Versions[i] = &w
		}
	}
}
