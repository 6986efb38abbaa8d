package identity

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"time"

	"anthill/fault"
	"anthill/store"
)

// Config says what a Service stands on.
type Config struct {
	Store *store.Store

	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// Service is every account.
type Service struct {
	c          Config
	principals *store.Collection[Principal]
	policies   *store.Collection[Policy]
	keys       *store.Collection[Key]
	accounts   *store.Collection[account]

	mu struct {
		sync.RWMutex
		principals map[string]Principal // by principalKey
		policies   map[string]Policy    // by ARN
		keys       map[string]Key       // by id
		accounts   map[string]bool      // that have had their LabRole
	}
}

// account marks an account that has been looked at.
type account struct{ Created time.Time }

// Open reads what the store has and forgets sessions that are over.
func Open(_ context.Context, c Config) (*Service, error) {
	const op = "identity.Open"
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Service{c: c, principals: store.Of[Principal](c.Store, "identity-principals"), policies: store.Of[Policy](c.Store, "identity-policies"),
		keys: store.Of[Key](c.Store, "identity-keys"), accounts: store.Of[account](c.Store, "identity-accounts")}
	s.mu.principals, s.mu.policies, s.mu.keys, s.mu.accounts = map[string]Principal{}, map[string]Policy{}, map[string]Key{}, map[string]bool{}
	for d, err := range s.principals.Scan("") {
		if err != nil {
			return nil, fault.In(op, err)
		}
		s.mu.principals[d.Key] = d.Doc
	}
	for d, err := range s.policies.Scan("") {
		if err != nil {
			return nil, fault.In(op, err)
		}
		s.mu.policies[d.Key] = d.Doc
	}
	for d, err := range s.accounts.Scan("") {
		if err != nil {
			return nil, fault.In(op, err)
		}
		s.mu.accounts[d.Key] = true
	}
	return s, fault.In(op, s.openKeys())
}

func (s *Service) openKeys() error {
	var over []string
	for d, err := range s.keys.Scan("") {
		if err != nil {
			return err
		}
		if d.Doc.over(s.now()) {
			over = append(over, d.Key)
			continue
		}
		s.mu.keys[d.Key] = d.Doc
	}
	for _, id := range over {
		if err := s.keys.Delete(id); err != nil {
			return err
		}
	}
	return nil
}

// Close is for symmetry: everything is flushed already.
func (s *Service) Close() error { return nil }

// now is the time as AWS's answers show it: whole seconds.
func (s *Service) now() time.Time { return s.c.Now().UTC().Truncate(time.Second) }

// labRole is the role that courses use: services may assume it, and it may do everything.
const labRole = "LabRole"

// settle gives an account its LabRole the first time that anybody asks for anything in it.
func (s *Service) settle(acct string) error {
	s.mu.RLock()
	known := s.mu.accounts[acct]
	s.mu.RUnlock()
	if known {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.accounts[acct] {
		return nil
	}
	p := Principal{Kind: Role, Account: acct, Name: labRole, Path: "/", ID: newID("AROA"), Created: s.now(), MaxSession: 3600,
		Description: "The role of laboratory functions and workflows", Attached: []string{"arn:aws:iam::aws:policy/AdministratorAccess"},
		Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com","states.amazonaws.com",` +
			`"apigateway.amazonaws.com","events.amazonaws.com","ec2.amazonaws.com"]},"Action":"sts:AssumeRole"}]}`}
	err := s.c.Store.Commit(s.principals.Write(p.key(), p), s.accounts.Write(acct, account{Created: s.now()}))
	if err != nil {
		return err
	}
	s.mu.principals[p.key()] = p
	s.mu.accounts[acct] = true
	return nil
}

// newID makes an identifier as AWS does: a prefix that tells the kind, and letters and digits.
func newID(prefix string) string {
	var b [15]byte
	_, _ = rand.Read(b[:]) // never fails
	return prefix + base32.StdEncoding.EncodeToString(b[:])[:17]
}

// newSecret makes n characters that only chance knows.
func newSecret(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return strings.NewReplacer("-", "+", "_", "/").Replace(base64.RawURLEncoding.EncodeToString(b)[:n])
}

func notFound(op, noun, name, detail string) error {
	return &fault.Error{Kind: fault.NotFound, Op: op, Noun: noun, Name: name, Detail: detail}
}

// sorted gives copies of what keep wants, by key.
func sorted[T interface{ clone() T }](m map[string]T, keep func(string, T) bool) []T {
	var names []string
	for k, v := range m {
		if keep(k, v) {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	out := make([]T, len(names))
	for i, k := range names {
		out[i] = m[k].clone()
	}
	return out
}
