package functions

import (
	"strings"
	"sync/atomic"
	"time"

	"anthill/fault"
)

// minUnreserved is what must stay of an account's concurrency for functions that reserve none (AWS: "Configuring
// reserved concurrency").
const minUnreserved = 100

// gauge counts the running invocations of one function against its limit.
type gauge struct {
	busy     atomic.Int64
	reserved atomic.Int64 // limit + 1; 0 when the function draws on its account's concurrency
	account  *pressure
}

// pressure is what the functions of an account that reserve nothing draw on together.
type pressure struct {
	busy atomic.Int64
	free atomic.Int64 // the limit of busy
}

// set fixes the limit; nil means the account's.
func (g *gauge) set(reserved *int) {
	if reserved == nil {
		g.reserved.Store(0)
		return
	}
	g.reserved.Store(int64(*reserved) + 1)
}

// take counts one invocation in; give it held back. When there is no room it counts nothing and gives AWS's reason.
func (g *gauge) take() (held *pressure, reason string) {
	n := g.busy.Add(1)
	if r := g.reserved.Load(); r > 0 {
		if n > r-1 {
			g.busy.Add(-1)
			return nil, ReasonReserved
		}
		return nil, ""
	}
	if g.account.busy.Add(1) > g.account.free.Load() {
		g.account.busy.Add(-1)
		g.busy.Add(-1)
		return nil, ReasonAccount
	}
	return g.account, ""
}

func (g *gauge) give(held *pressure) {
	g.busy.Add(-1)
	if held != nil {
		held.busy.Add(-1)
	}
}

// reserve takes a function's reserved concurrency out of what is free; release puts it back.
func (p *pressure) reserve(n *int) {
	if n != nil {
		p.free.Add(-int64(*n))
	}
}

func (p *pressure) release(n *int) {
	if n != nil {
		p.free.Add(int64(*n))
	}
}

// pressureLocked gives the account's counters. s.mu must be held.
func (s *Service) pressureLocked(a account) *pressure {
	p, ok := s.mu.accounts[a]
	if !ok {
		p = &pressure{}
		p.free.Store(int64(s.c.Concurrency))
		s.mu.accounts[a] = p
	}
	return p
}

// unqualified refuses a reference that names a version or an alias, where AWS wants the function itself.
func unqualified(op string, r Ref) error {
	if r.Qualifier != "" {
		return invalid(op, "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.")
	}
	return nil
}

// SetReserved reserves n concurrent invocations for a function; 0 stops it, nil gives up the reservation.
func (s *Service) SetReserved(r Ref, n *int) error {
	const op = "functions.SetReserved"
	if err := unqualified(op, r); err != nil {
		return err
	}
	if _, ok := s.find(r.Key()); !ok {
		return missing(op, Ref{r.Account, r.Region, r.Name, Latest})
	}
	_, err := s.edit(op, r, func(e *edit) error {
		if n != nil {
			s.mu.Lock()
			free := int(s.pressureLocked(account{r.Account, r.Region}).free.Load())
			s.mu.Unlock()
			if e.Reserved != nil {
				free += *e.Reserved
			}
			if free-*n < min(minUnreserved, s.c.Concurrency) {
				return invalid(op, "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].", minUnreserved)
			}
		}
		e.Reserved = n
		return nil
	})
	return err
}

// Reserved gives a function's reserved concurrency; nil when it has none.
func (s *Service) Reserved(r Ref) (*int, error) {
	const op = "functions.Reserved"
	if err := unqualified(op, r); err != nil {
		return nil, err
	}
	l, ok := s.find(r.Key())
	if !ok {
		return nil, missing(op, r)
	}
	return l.Reserved, nil
}

// Provisioned is provisioned concurrency of a version or an alias.
type Provisioned struct {
	Requested int
	Modified  time.Time
	ReadyAt   time.Time // until then it is IN_PROGRESS
}

// checkProvisioned finds the function and refuses what cannot have provisioned concurrency.
func (s *Service) checkProvisioned(op string, r Ref, latest string) (*live, error) {
	if r.Qualifier == "" || r.Qualifier == Latest {
		return nil, invalid(op, "%s", latest)
	}
	l, ok := s.find(r.Key())
	if ok {
		_, ok = l.resolve(r.Qualifier)
	}
	switch {
	case ok:
		return l, nil
	case digits(r.Qualifier):
		return nil, missing(op, r)
	}
	return nil, missingAlias(op, r)
}

const mustBePublished = "The function resource provided must be an alias or a published version."

// SetProvisioned asks for n environments that are initialised ahead of time.
func (s *Service) SetProvisioned(r Ref, n int) (Provisioned, error) {
	const op = "functions.SetProvisioned"
	if _, err := s.checkProvisioned(op, r, "Provisioned Concurrency Configs cannot be applied to unpublished function versions."); err != nil {
		return Provisioned{}, err
	}
	var p Provisioned
	_, err := s.edit(op, r, func(e *edit) error {
		total := n
		for q, other := range e.Provisioned {
			if q != r.Qualifier {
				total += other.Requested
			}
		}
		if e.Reserved != nil && total > *e.Reserved {
			return invalid(op, "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function")
		}
		if a, ok := e.Aliases[r.Qualifier]; ok {
			if _, taken := e.Provisioned[a.Version]; taken {
				return invalid(op, "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version")
			}
		} else {
			for q := range e.Provisioned {
				if a, ok := e.Aliases[q]; ok && a.Version == r.Qualifier {
					return invalid(op, "Version is pointed by a Provisioned Concurrency alias")
				}
			}
		}
		p = Provisioned{Requested: n, Modified: e.now, ReadyAt: e.now.Add(s.settle())}
		put(&e.Provisioned, r.Qualifier, p)
		return nil
	})
	return p, err
}

// GetProvisioned gives the provisioned concurrency of a version or an alias.
func (s *Service) GetProvisioned(r Ref) (Provisioned, error) {
	const op = "functions.GetProvisioned"
	l, err := s.checkProvisioned(op, r, mustBePublished)
	if err != nil {
		return Provisioned{}, err
	}
	p, ok := l.Provisioned[r.Qualifier]
	if !ok {
		return p, &fault.Error{Kind: fault.NotFound, Op: op, Noun: noun, Name: r.Name, Reason: ReasonProvisioned,
			Detail: "No Provisioned Concurrency Config found for this function"}
	}
	return p, nil
}

// DeleteProvisioned lets the environments go. There may be none.
func (s *Service) DeleteProvisioned(r Ref) error {
	const op = "functions.DeleteProvisioned"
	l, err := s.checkProvisioned(op, r, mustBePublished)
	if err != nil {
		return err
	}
	if _, ok := l.Provisioned[r.Qualifier]; !ok {
		return nil
	}
	_, err = s.edit(op, r, func(e *edit) error {
		delete(e.Provisioned, r.Qualifier)
		return nil
	})
	return err
}

// Usage is what an account uses of its limits in a region.
type Usage struct {
	Functions   int
	CodeSize    int64 // bytes of all zip files, layers included
	Concurrency int   // the account's limit
	Unreserved  int   // of that, what no function reserves
}

// Usage counts.
func (s *Service) Usage(acct, region string) Usage {
	u := Usage{Concurrency: s.c.Concurrency, Unreserved: s.c.Concurrency}
	for _, l := range s.functionsOf(acct, region) {
		u.Functions++
		for _, v := range l.all() {
			u.CodeSize += v.Code.Size
		}
		if l.Reserved != nil {
			u.Unreserved -= *l.Reserved
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for k, l := range s.mu.layers {
		if k.Account == acct && k.Region == region {
			for _, v := range l.Versions {
				u.CodeSize += v.Code.Size
			}
		}
	}
	return u
}

// qualifierLess orders "$LATEST" first, then versions by number, then aliases by name.
func qualifierLess(a, b string) int {
	if x, y := digits(a), digits(b); x && y && len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
