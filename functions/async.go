package functions

import (
	"slices"
	"strings"
	"time"

	"anthill/arn"
)

// AsyncConfig says what becomes of queued invocations of a function, version or alias.
type AsyncConfig struct {
	Retries    *int `json:",omitzero"` // after an error of the function: 0 to 2; nil means 2
	MaxAge     *int `json:",omitzero"` // seconds, 60 to 21600; nil means 6 hours
	OnSuccess  string
	OnFailure  string
	Modified   time.Time
	Qualifier  string // "$LATEST", a version or an alias
	HasTargets bool   // a destination was mentioned, if only to say that there is none
}

const noAsync = "The function %s doesn't have an EventInvokeConfig"

// asyncRef is r with the qualifier under which its AsyncConfig is kept.
func asyncRef(r Ref) Ref {
	if r.Qualifier == "" {
		r.Qualifier = Latest
	}
	return r
}

// SetAsync says what becomes of r's queued invocations. With merge, members of c that are nil or empty keep what
// there is.
func (s *Service) SetAsync(r Ref, c AsyncConfig, merge bool) (AsyncConfig, error) {
	const op = "functions.SetAsync"
	r = asyncRef(r)
	if c.Retries == nil && c.MaxAge == nil && !c.HasTargets {
		return c, invalid(op, "You must specify at least one of error handling or destination setting.")
	}
	_, err := s.edit(op, r, func(e *edit) error {
		if _, ok := e.resolve(r.Qualifier); !ok {
			return missing(op, r)
		}
		have, ok := e.Async[r.Qualifier]
		if merge {
			if !ok {
				return notFound(op, r.Name, noAsync, r.ARN())
			}
			c = have.with(c)
		}
		if a, err := arn.Parse(c.OnSuccess); err == nil && a.Service == "s3" { // which only failures go to
			return invalid(op, "The destination ARN %s is invalid.", c.OnSuccess)
		}
		for _, to := range []string{c.OnSuccess, c.OnFailure} {
			if err := s.checkDestination(op, e.Key(), to); err != nil {
				return err
			}
		}
		c.Modified, c.Qualifier = e.now, r.Qualifier
		put(&e.Async, r.Qualifier, c)
		return nil
	})
	return c, err
}

// with is c changed by what n says.
func (c AsyncConfig) with(n AsyncConfig) AsyncConfig {
	if n.Retries != nil {
		c.Retries = n.Retries
	}
	if n.MaxAge != nil {
		c.MaxAge = n.MaxAge
	}
	if n.HasTargets {
		c.HasTargets, c.OnSuccess, c.OnFailure = true, n.OnSuccess, n.OnFailure
	}
	return c
}

// checkDestination refuses what records cannot be delivered to.
func (s *Service) checkDestination(op string, k Key, to string) error {
	if to == "" {
		return nil
	}
	a, err := arn.Parse(to)
	if err != nil {
		return invalid(op, "The provided destination %s is invalid.", to)
	}
	if a.Service != "lambda" {
		d := s.c.Destinations[a.Service]
		switch {
		case d == nil:
			return unsupported(op, "a destination in "+a.Service)
		case !d.Exists(to):
			return invalid(op, "The destination ARN %s is invalid.", to)
		}
		return nil
	}
	target, err := ParseRef(k.Account, k.Region, to, "")
	if err != nil {
		return err
	}
	if target.Key() == k {
		return invalid(op, "You can't specify the function as a destination for itself.")
	}
	if _, err := s.target(op, target); err != nil {
		return invalid(op, "The destination ARN %s is invalid.", to)
	}
	return nil
}

// Async gives what becomes of r's queued invocations.
func (s *Service) Async(r Ref) (AsyncConfig, error) {
	const op = "functions.Async"
	r = asyncRef(r)
	if l, ok := s.find(r.Key()); ok {
		if c, ok := l.Async[r.Qualifier]; ok {
			return c, nil
		}
	}
	return AsyncConfig{}, notFound(op, r.Name, noAsync, r.ARN())
}

// Asyncs lists those of a function.
func (s *Service) Asyncs(r Ref) ([]AsyncConfig, error) {
	l, ok := s.find(r.Key())
	if !ok {
		return nil, notFound("functions.Asyncs", r.Name, "The function %s doesn't have an EventInvokeConfig", r.ARN())
	}
	var out []AsyncConfig
	for _, c := range l.Async {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b AsyncConfig) int { return strings.Compare(a.Qualifier, b.Qualifier) })
	return out, nil
}

// DeleteAsync goes back to what Lambda does by itself.
func (s *Service) DeleteAsync(r Ref) error {
	const op = "functions.DeleteAsync"
	r = asyncRef(r)
	if _, err := s.Async(r); err != nil {
		return err
	}
	_, err := s.edit(op, r, func(e *edit) error {
		delete(e.Async, r.Qualifier)
		return nil
	})
	return err
}
