package identity

import (
	"slices"
	"strings"
	"time"

	"anthill/arn"
	"anthill/fault"
)

// Key is an access key: a user's, or a temporary one that belongs to a session.
type Key struct {
	ID       string // AKIA… or, temporary, ASIA…
	Secret   string
	Account  string
	User     string // user's name; empty for sessions
	Inactive bool
	Created  time.Time

	// Of sessions:
	Token      string
	Expires    time.Time // zero: never
	Caller     string    // ARN that the session acts as: arn:aws:sts::…:assumed-role/Role/Session
	CallerID   string    // "AROA…:Session"
	Transitive []string  // keys of session tags that sessions begun from this one keep
}

func (k Key) clone() Key {
	k.Transitive = slices.Clone(k.Transitive)
	return k
}

func (k *Key) over(now time.Time) bool { return !k.Expires.IsZero() && now.After(k.Expires) }

// CreateKey makes a long-lived key for a user, of whom each may have two.
func (s *Service) CreateKey(acct, user string) (Key, error) {
	const op = "identity.CreateKey"
	p, err := s.Get(acct, User, user)
	if err != nil {
		return Key{}, err
	}
	if len(s.Keys(acct, p.Name)) >= 2 {
		return Key{}, &fault.Error{Kind: fault.Full, Op: op, Noun: "access key", Name: user, Detail: "Cannot exceed quota for AccessKeysPerUser: 2"}
	}
	k := Key{ID: newID("AKIA")[:20], Secret: newSecret(40), Account: acct, User: p.Name, Created: s.now()}
	return k, fault.In(op, s.putKey(k))
}

func (s *Service) putKey(k Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.keys.Put(k.ID, k); err != nil {
		return err
	}
	s.mu.keys[k.ID] = k
	return nil
}

// Keys gives a user's long-lived keys.
func (s *Service) Keys(acct, user string) []Key {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return sorted(s.mu.keys, func(_ string, k Key) bool {
		return k.Account == acct && strings.EqualFold(k.User, user) && k.Token == ""
	})
}

// Key finds an access key. Sessions that are over are still found, so that their caller can be told so.
func (s *Service) Key(id string) (Key, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k, ok := s.mu.keys[id]
	return k.clone(), ok
}

// AccountOf is the account of an access key, or "" when nobody knows it.
func (s *Service) AccountOf(id string) string {
	k, _ := s.Key(id)
	return k.Account
}

func keyNotFound(op, id string) error {
	return notFound(op, "access key", id, "The Access Key with id "+id+" cannot be found.")
}

// SetKey switches a user's key on or off.
func (s *Service) SetKey(acct, id string, active bool) error {
	const op = "identity.SetKey"
	k, ok := s.Key(id)
	if !ok || k.Account != acct || k.Token != "" {
		return keyNotFound(op, id)
	}
	k.Inactive = !active
	return fault.In(op, s.putKey(k))
}

// DeleteKey forgets a user's key.
func (s *Service) DeleteKey(acct, id string) error {
	const op = "identity.DeleteKey"
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.mu.keys[id]
	if !ok || k.Account != acct || k.Token != "" {
		return keyNotFound(op, id)
	}
	if err := s.keys.Delete(id); err != nil {
		return fault.In(op, err)
	}
	delete(s.mu.keys, id)
	return nil
}

// Session is a wish for temporary credentials.
type Session struct {
	Caller   string        // access key that asks; its transitive tags go on
	Name     string        // of the session
	Duration time.Duration // 0 means an hour
	Tags     []Tag
	Keep     []string // keys of Tags that are transitive
}

// Assume begins a session of a role. fault.Denied when there is no such role; fault.Invalid with reason "tags" when tags
// conflict with those that the calling session must keep.
func (s *Service) Assume(roleARN string, w Session) (Key, Principal, error) {
	const op = "identity.Assume"
	a, err := arn.Parse(roleARN)
	if err != nil {
		return Key{}, Principal{}, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "role", Name: roleARN, Detail: roleARN + " is invalid"}
	}
	role, err := s.Get(a.Account, Role, a.Resource[strings.LastIndexByte(a.Resource, '/')+1:])
	if err != nil || role.ARN() != roleARN {
		return Key{}, role, &fault.Error{Kind: fault.Denied, Op: op, Noun: "role", Name: roleARN, Detail: "is not authorized to perform: sts:AssumeRole on resource: " + roleARN}
	}
	if w.Duration > time.Duration(role.MaxSession)*time.Second {
		return Key{}, role, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "role", Name: roleARN,
			Detail: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."}
	}
	k := Key{Account: role.Account, Caller: arn.New("sts", "", role.Account, "assumed-role/"+role.Name+"/"+w.Name).String(), CallerID: role.ID + ":" + w.Name}
	if k.Transitive, err = s.transitive(w); err != nil {
		return Key{}, role, err
	}
	k, err = s.begin(k, w.Duration)
	return k, role, fault.In(op, err)
}

// transitive gives the keys of tags that the new session must keep.
func (s *Service) transitive(w Session) ([]string, error) {
	bad := func(detail string) error {
		return &fault.Error{Kind: fault.Invalid, Op: "identity.Assume", Noun: "session", Name: w.Name, Reason: "tags", Detail: detail}
	}
	calling, _ := s.Key(w.Caller)
	for _, t := range w.Tags {
		if slices.ContainsFunc(calling.Transitive, func(k string) bool { return strings.EqualFold(k, t.Key) }) {
			return nil, bad("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
	}
	for _, key := range w.Keep {
		if !slices.ContainsFunc(w.Tags, func(t Tag) bool { return strings.EqualFold(t.Key, key) }) {
			return nil, bad("The specified transitive tag key must be included in the requested tags.")
		}
	}
	return append(calling.Transitive, w.Keep...), nil
}

// Federate begins a session of a federated user, or, without a name, one of the caller's own.
func (s *Service) Federate(acct, caller string, w Session) (Key, error) {
	k := Key{Account: acct, Caller: caller, CallerID: acct}
	if w.Name != "" {
		k.Caller, k.CallerID = arn.New("sts", "", acct, "federated-user/"+w.Name).String(), acct+":"+w.Name
	}
	if w.Duration == 0 {
		w.Duration = 12 * time.Hour
	}
	k, err := s.begin(k, w.Duration)
	return k, fault.In("identity.Federate", err)
}

// Issue gives credentials to a part of the platform that acts as a role: a function's environment. They do not expire.
func (s *Service) Issue(acct, roleARN, session string) (Key, error) {
	name := roleARN[strings.LastIndexByte(roleARN, '/')+1:]
	k := Key{Account: acct, Caller: arn.New("sts", "", acct, "assumed-role/"+name+"/"+session).String(), CallerID: name + ":" + session}
	if role, err := s.Get(acct, Role, name); err == nil {
		k.CallerID = role.ID + ":" + session
	}
	k, err := s.begin(k, -1)
	return k, fault.In("identity.Issue", err)
}

// begin fills in a session's credentials. A negative duration never ends.
func (s *Service) begin(k Key, d time.Duration) (Key, error) {
	if d == 0 {
		d = time.Hour
	}
	k.ID, k.Secret, k.Token, k.Created = newID("ASIA")[:20], newSecret(40), newSecret(352), s.now()
	if d > 0 {
		k.Expires = k.Created.Add(d)
	}
	return k, s.putKey(k)
}

// Revoke ends a session before its time.
func (s *Service) Revoke(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.keys.Delete(id); err != nil {
		return fault.In("identity.Revoke", err)
	}
	delete(s.mu.keys, id)
	return nil
}

// Caller is whom an access key speaks for: an ARN and AWS's id of it. A key that nobody knows speaks for the account.
func (s *Service) Caller(acct, key string) (name, id string) {
	k, ok := s.Key(key)
	switch {
	case ok && k.Caller != "":
		return k.Caller, k.CallerID
	case ok && k.User != "":
		if u, err := s.Get(k.Account, User, k.User); err == nil {
			return u.ARN(), u.ID
		}
	}
	return arn.New("iam", "", acct, "root").String(), acct
}
