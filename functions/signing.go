package functions

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"anthill/arn"
	"anthill/fault"
)

// SigningConfig is a code signing configuration. No package is signed here, where nothing signs: one that enforces signatures
// refuses all code, and one that warns takes it.
type SigningConfig struct {
	ARN, ID     string
	Description string
	Publishers  []string // ARNs of signing profile versions
	Untrusted   string   // what an unsigned package gets: "Warn" or "Enforce"
	Modified    time.Time
}

// SigningUpdate changes a code signing configuration. nil members keep what there is.
type SigningUpdate struct {
	Description, Untrusted *string
	Publishers             []string
}

// CreateSigningConfig records one.
func (s *Service) CreateSigningConfig(acct, region string, c SigningConfig) (*SigningConfig, error) {
	const op = "functions.CreateSigningConfig"
	var id [9]byte
	_, _ = rand.Read(id[:]) // never fails
	c.ID = "csc-" + hex.EncodeToString(id[:])[:17]
	c.ARN = arn.New("lambda", region, acct, "code-signing-config:"+c.ID).String()
	c.Modified = time.Now()
	def(&c.Untrusted, "Warn")
	if err := s.signing.Put(c.ARN, c); err != nil {
		return nil, fault.In(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.signing[c.ARN] = &c
	return &c, nil
}

// SigningConfig gives one by its ARN.
func (s *Service) SigningConfig(name string) (*SigningConfig, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, ok := s.mu.signing[name]
	if !ok {
		return nil, &fault.Error{Kind: fault.NotFound, Op: "functions.SigningConfig", Noun: noun, Name: name, Reason: ReasonUntyped,
			Detail: "The Lambda code signing configuration " + name + " can not be found."}
	}
	return c, nil
}

// signingConfig is SigningConfig as functions that are to use it ask for it.
func (s *Service) signingConfig(op, name string) (*SigningConfig, error) {
	c, err := s.SigningConfig(name)
	if err != nil {
		return nil, &fault.Error{Kind: fault.NotFound, Op: op, Noun: noun, Name: name, Reason: ReasonSigning,
			Detail: "The code signing configuration cannot be found. Check that the provided configuration is not deleted: " + name + "."}
	}
	return c, nil
}

// UpdateSigningConfig changes one.
func (s *Service) UpdateSigningConfig(name string, u SigningUpdate) (*SigningConfig, error) {
	const op = "functions.UpdateSigningConfig"
	s.change.Lock()
	defer s.change.Unlock()
	have, err := s.SigningConfig(name)
	if err != nil {
		return nil, err
	}
	c := *have
	keep(&c.Description, u.Description)
	keep(&c.Untrusted, u.Untrusted)
	if u.Publishers != nil {
		c.Publishers = u.Publishers
	}
	c.Modified = time.Now()
	if err := s.signing.Put(c.ARN, c); err != nil {
		return nil, fault.In(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.signing[c.ARN] = &c
	return &c, nil
}

// DeleteSigningConfig removes one that no function uses.
func (s *Service) DeleteSigningConfig(name string) error {
	const op = "functions.DeleteSigningConfig"
	s.change.Lock()
	defer s.change.Unlock()
	if _, err := s.SigningConfig(name); err != nil {
		return err
	}
	if users, _ := s.SignedBy(name); len(users) > 0 {
		return conflict(op, name, "Cannot delete a CodeSigningConfig which is currently used by one or more functions.")
	}
	if err := s.signing.Delete(name); err != nil {
		return fault.In(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mu.signing, name)
	return nil
}

// SigningConfigs lists those of an account in a region, the oldest change first.
func (s *Service) SigningConfigs(acct, region string) []*SigningConfig {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []*SigningConfig
	for _, c := range s.mu.signing {
		if a, err := arn.Parse(c.ARN); err == nil && a.Account == acct && a.Region == region {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b *SigningConfig) int { return a.Modified.Compare(b.Modified) })
	return out
}

// SignedBy lists the functions that use a code signing configuration, as ARNs.
func (s *Service) SignedBy(name string) ([]string, error) {
	if _, err := s.SigningConfig(name); err != nil {
		return nil, err
	}
	a, err := arn.Parse(name)
	if err != nil {
		return nil, fault.In("functions.SignedBy", err)
	}
	var out []string
	for _, l := range s.functionsOf(a.Account, a.Region) {
		if l.SigningConfig == name {
			out = append(out, l.Key().ARN())
		}
	}
	slices.SortFunc(out, strings.Compare)
	return out, nil
}

// SignWith makes a function use a code signing configuration; "" makes it use none.
func (s *Service) SignWith(r Ref, name string) error {
	const op = "functions.SignWith"
	if name != "" {
		if _, err := s.signingConfig(op, name); err != nil {
			return err
		}
	}
	_, err := s.edit(op, r.unqualified(), func(e *edit) error {
		e.SigningConfig = name
		return nil
	})
	return err
}

// checkCode refuses new code of a function that is too large, or that its code signing configuration, which may be "", does not
// let in.
func (s *Service) checkCode(op string, k Key, code Code, set *Settings, config string) error {
	if err := checkUnzipped(op, code, set.Layers); err != nil || config == "" || set.PackageType != "Zip" {
		return err
	}
	if c, err := s.SigningConfig(config); err != nil || c.Untrusted != "Enforce" {
		return nil // one that has gone since asks for nothing
	}
	return &fault.Error{Kind: fault.Invalid, Op: op, Noun: noun, Name: k.Name, Reason: ReasonUnsigned,
		Detail: "Lambda cannot deploy the function. The function or layer might be signed using a signature that the client is not configured to accept. Check the provided signature for " + k.ARN() + "."}
}
