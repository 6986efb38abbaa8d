package identity

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"anthill/arn"
	"anthill/fault"
)

// Kind is what a principal is.
type Kind string

const (
	Role  Kind = "role"
	User  Kind = "user"
	Group Kind = "group"
)

func (k Kind) title() string { return strings.ToUpper(string(k[:1])) + string(k[1:]) }

// Tag is a name and a value that somebody gave.
type Tag struct{ Key, Value string }

// Principal is a role, a user or a group.
type Principal struct {
	Kind    Kind
	Account string
	Name    string
	Path    string // "/" or "/a/b/"
	ID      string // AROA…, AIDA…, AGPA…
	Created time.Time

	Description string            // roles
	Trust       string            // roles: the policy that says who may assume it, as it was given
	MaxSession  int               // roles: seconds
	Service     string            // service-linked roles: "batch.amazonaws.com"
	Boundary    string            // ARN of the permissions boundary, or empty
	Tags        []Tag             // in the order in which they were given
	Inline      map[string]string // policy documents by name
	Attached    []string          // ARNs of managed policies, in the order of attachment
	Groups      []string          // users: names of the groups that they are in
	Credentials []ServiceCredential
}

// ServiceCredential is a user's name and password for one service.
type ServiceCredential struct {
	ID       string
	Service  string // "codecommit.amazonaws.com"
	UserName string // at the service
	Password string
	Active   bool
	Created  time.Time
}

// ARN is the principal's name: arn:aws:iam::123456789012:role/path/Name.
func (p *Principal) ARN() string {
	return arn.New("iam", "", p.Account, string(p.Kind)+p.Path+p.Name).String()
}

func principalKey(acct string, k Kind, name string) string {
	return acct + "/" + string(k) + "/" + strings.ToLower(name)
}

func (p *Principal) key() string { return principalKey(p.Account, p.Kind, p.Name) }

func (p Principal) clone() Principal {
	p.Tags, p.Attached, p.Groups = slices.Clone(p.Tags), slices.Clone(p.Attached), slices.Clone(p.Groups)
	p.Credentials, p.Inline = slices.Clone(p.Credentials), maps.Clone(p.Inline)
	return p
}

// Create makes a principal of p's kind, account and name. Its id and time are filled in. fault.Exists when the name is
// taken; fault.Invalid with reason "policy" when a role's trust policy cannot be read.
func (s *Service) Create(p Principal) (Principal, error) {
	const op = "identity.Create"
	if err := s.settle(p.Account); err != nil {
		return p, fault.In(op, err)
	}
	if p.Path == "" {
		p.Path = "/"
	}
	if p.Kind == Role {
		if err := CheckPolicy(p.Trust); err != nil {
			return p, fault.In(op, err)
		}
		if p.MaxSession == 0 {
			p.MaxSession = 3600
		}
	}
	p = p.clone()
	p.Created, p.ID = s.now(), newID(map[Kind]string{Role: "AROA", User: "AIDA", Group: "AGPA"}[p.Kind])
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.mu.principals[p.key()]; taken {
		return p, &fault.Error{Kind: fault.Exists, Op: op, Noun: string(p.Kind), Name: p.Name, Detail: p.Kind.title() + " with name " + p.Name + " already exists."}
	}
	return p, fault.In(op, s.putLocked(p))
}

func (s *Service) putLocked(p Principal) error {
	if err := s.principals.Put(p.key(), p); err != nil {
		return err
	}
	s.mu.principals[p.key()] = p.clone()
	return nil
}

// Get finds a principal.
func (s *Service) Get(acct string, k Kind, name string) (Principal, error) {
	const op = "identity.Get"
	if err := s.settle(acct); err != nil {
		return Principal{}, fault.In(op, err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.getLocked(op, acct, k, name)
}

func (s *Service) getLocked(op, acct string, k Kind, name string) (Principal, error) {
	p, ok := s.mu.principals[principalKey(acct, k, name)]
	if !ok {
		return p, notFound(op, string(k), name, "The "+string(k)+" with name "+name+" cannot be found.")
	}
	return p.clone(), nil
}

// List gives the principals whose path begins with prefix, by name.
func (s *Service) List(acct string, k Kind, prefix string) ([]Principal, error) {
	if err := s.settle(acct); err != nil {
		return nil, fault.In("identity.List", err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	begin := principalKey(acct, k, "")
	return sorted(s.mu.principals, func(key string, p Principal) bool {
		return strings.HasPrefix(key, begin) && strings.HasPrefix(p.Path, prefix)
	}), nil
}

// Update lets change alter a principal and keeps the result, unless change fails.
func (s *Service) Update(acct string, k Kind, name string, change func(*Principal) error) (Principal, error) {
	const op = "identity.Update"
	if err := s.settle(acct); err != nil {
		return Principal{}, fault.In(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.getLocked(op, acct, k, name)
	if err != nil {
		return p, err
	}
	before := p.key()
	if err := change(&p); err != nil {
		return p, err
	}
	if p.key() == before {
		return p, fault.In(op, s.putLocked(p))
	}
	if _, taken := s.mu.principals[p.key()]; taken {
		return p, &fault.Error{Kind: fault.Exists, Op: op, Noun: string(k), Name: p.Name, Detail: k.title() + " with name " + p.Name + " already exists."}
	}
	if err := s.c.Store.Commit(s.principals.Remove(before), s.principals.Write(p.key(), p)); err != nil {
		return p, fault.In(op, err)
	}
	delete(s.mu.principals, before)
	s.mu.principals[p.key()] = p.clone()
	return p, nil
}

// Delete forgets a principal that holds nothing any more. fault.Conflict tells what it still holds; fault.Denied that it
// is a service's own role, unless force is set.
func (s *Service) Delete(acct string, k Kind, name string, force bool) error {
	const op = "identity.Delete"
	if err := s.settle(acct); err != nil {
		return fault.In(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.getLocked(op, acct, k, name)
	if err != nil {
		return err
	}
	if p.Service != "" && !force {
		return &fault.Error{Kind: fault.Denied, Op: op, Noun: "role", Name: name,
			Detail: "Cannot perform the operation on the protected role '" + name + "' - this role is only modifiable by AWS"}
	}
	if why := s.holdsLocked(&p); why != "" && !force {
		return &fault.Error{Kind: fault.Conflict, Op: op, Noun: string(k), Name: name, Detail: "Cannot delete entity, must " + why + " first."}
	}
	if err := s.principals.Delete(p.key()); err != nil {
		return fault.In(op, err)
	}
	delete(s.mu.principals, p.key())
	return nil
}

// holdsLocked tells what must go before p may be deleted, in AWS's words.
func (s *Service) holdsLocked(p *Principal) string {
	switch {
	case len(p.Attached) > 0:
		return "detach all policies"
	case len(p.Inline) > 0:
		return "delete policies"
	case len(p.Groups) > 0:
		return "remove users from group"
	case len(p.Credentials) > 0:
		return "remove referenced objects"
	}
	for _, k := range s.mu.keys {
		if p.Kind == User && k.Account == p.Account && k.User == p.Name && k.Token == "" {
			return "delete access keys"
		}
	}
	for _, u := range s.mu.principals {
		if p.Kind == Group && u.Account == p.Account && slices.Contains(u.Groups, p.Name) {
			return "remove users from group"
		}
	}
	return ""
}

// CheckPolicy refuses a policy document that is no JSON object with statements.
func CheckPolicy(document string) error {
	bad := func(detail string) error {
		return &fault.Error{Kind: fault.Invalid, Op: "identity.CheckPolicy", Noun: "policy", Reason: "policy", Detail: detail}
	}
	var doc map[string]json.RawMessage
	if !json.Valid([]byte(document)) {
		return bad("This policy contains invalid Json")
	}
	if json.Unmarshal([]byte(document), &doc) != nil || len(doc["Statement"]) == 0 {
		return bad("Syntax errors in policy.")
	}
	return nil
}
