package functions

import (
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"anthill/fault"
)

// URL is a function URL: HTTP requests to it are invocations.
type URL struct {
	ID            string // its label in the host name
	Auth          string // "NONE" or "AWS_IAM"
	InvokeMode    string // "BUFFERED" or "RESPONSE_STREAM"
	CORS          *CORS  `json:",omitzero"`
	Created       time.Time
	Modified      time.Time
	QualifierName string // of the alias it belongs to; "" is the function
}

// CORS is what a function URL answers to browsers of other origins. nil members were not given.
type CORS struct {
	Credentials                                             *bool `json:",omitzero"`
	AllowHeaders, AllowMethods, AllowOrigins, ExposeHeaders []string
	MaxAge                                                  *int32 `json:",omitzero"`
}

// URLUpdate changes a function URL. nil members keep what there is.
type URLUpdate struct {
	Auth, InvokeMode *string
	CORS             *CORS
}

// CreateURL gives a function or an alias a URL.
func (s *Service) CreateURL(r Ref, u URL) (URL, error) {
	const op = "functions.CreateURL"
	if err := s.checkURL(op, r, "Function does not exist"); err != nil {
		return u, err
	}
	_, err := s.edit(op, r, func(e *edit) error {
		if _, ok := e.URLs[r.Qualifier]; ok {
			return &fault.Error{Kind: fault.Exists, Op: op, Noun: noun, Name: r.Name,
				Detail: "Failed to create function url config for [functionArn = " + r.ARN() + "]. Error message:  FunctionUrlConfig exists for this Lambda function"}
		}
		u.ID, u.QualifierName = newURLID(), r.Qualifier
		u.Created, u.Modified = e.now, e.now
		put(&e.URLs, r.Qualifier, u)
		return nil
	})
	return u, err
}

// newURLID makes 32 random letters and digits, as AWS's are.
func newURLID() string {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	for i := range b {
		b[i] = letters[b[i]%32]
	}
	return string(b[:])
}

// checkURL refuses references that can have no URL.
func (s *Service) checkURL(op string, r Ref, absent string) error {
	if r.Qualifier == Latest || digits(r.Qualifier) {
		return broken(op, r.Qualifier, "qualifier", `Member must satisfy regular expression pattern: ((?!^\d+$)^[0-9a-zA-Z-_]+$)`)
	}
	l, ok := s.find(r.Key())
	if ok && r.Qualifier != "" {
		_, ok = l.Aliases[r.Qualifier]
	}
	if !ok {
		return notFound(op, r.Name, "%s", absent)
	}
	return nil
}

const noResource = "The resource you requested does not exist."

// UpdateURL changes a function URL.
func (s *Service) UpdateURL(r Ref, c URLUpdate) (URL, error) {
	const op = "functions.UpdateURL"
	var u URL
	if err := s.checkURL(op, r, noResource); err != nil {
		return u, err
	}
	_, err := s.edit(op, r, func(e *edit) error {
		var ok bool
		if u, ok = e.URLs[r.Qualifier]; !ok {
			return missingResource(op, r.Name)
		}
		keep(&u.Auth, c.Auth)
		keep(&u.InvokeMode, c.InvokeMode)
		if c.CORS != nil {
			u.CORS = c.CORS
		}
		u.Modified = e.now
		put(&e.URLs, r.Qualifier, u)
		return nil
	})
	return u, err
}

// GetURL gives a function URL.
func (s *Service) GetURL(r Ref) (URL, error) {
	const op = "functions.GetURL"
	if err := s.checkURL(op, r, noResource); err != nil {
		return URL{}, err
	}
	l, ok := s.find(r.Key())
	if ok {
		if u, ok := l.URLs[r.Qualifier]; ok {
			return u, nil
		}
	}
	return URL{}, missingResource(op, r.Name)
}

// DeleteURL removes a function URL.
func (s *Service) DeleteURL(r Ref) error {
	const op = "functions.DeleteURL"
	if _, err := s.GetURL(r); err != nil {
		return err
	}
	_, err := s.edit(op, r, func(e *edit) error {
		delete(e.URLs, r.Qualifier)
		return nil
	})
	return err
}

// URLs lists those of a function, its own first.
func (s *Service) URLs(r Ref) ([]URL, error) {
	l, ok := s.find(r.Key())
	if !ok {
		return nil, missing("functions.URLs", r)
	}
	var out []URL
	for _, u := range l.URLs {
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b URL) int { return strings.Compare(a.QualifierName, b.QualifierName) })
	return out, nil
}

// ByURL finds the function or alias of a URL's label, in lower case.
func (s *Service) ByURL(id string) (Ref, URL, bool) {
	s.mu.RLock()
	r, ok := s.mu.urls[id]
	l := s.mu.live[r.Key()]
	s.mu.RUnlock()
	if !ok || l == nil {
		return Ref{}, URL{}, false
	}
	u, ok := l.URLs[r.Qualifier]
	return r, u, ok
}
