package functions

import (
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"anthill/fault"
	"anthill/sandbox"
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
			if total := provisioned(e.Function, ""); *n < total {
				return invalid(op, "ReservedConcurrentExecutions %d should not be lower than function's total provisioned concurrency [%d].", *n, total)
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
}

// Allocation is how far provisioned concurrency has come.
type Allocation struct {
	Provisioned
	Qualifier string
	Ready     int    // environments that are initialised
	Failure   string // why there are no more; "" while they are being made
}

// allocated asks the pool how far one has come.
func (s *Service) allocated(f *Function, qualifier string) Allocation {
	a := Allocation{Provisioned: f.Provisioned[qualifier], Qualifier: qualifier}
	if v, ok := f.resolve(qualifier); ok {
		a.Ready, a.Failure = s.c.Pool.Provisioned(instanceKey(f.Key(), v))
	}
	return a
}

// provision has the pool keep the environments that after asks for, and no longer those that only before, which may be
// nil, asked for.
func (s *Service) provision(before, after *Function) {
	wanted := s.provisions(after)
	for key, spec := range s.provisions(before) {
		if _, still := wanted[key]; !still {
			s.c.Pool.Provision(spec.Spec, 0)
		}
	}
	old := s.provisions(before)
	for key, spec := range wanted {
		if o, ok := old[key]; !ok || o.n != spec.n {
			s.c.Pool.Provision(spec.Spec, spec.n)
		}
	}
}

type provisionedSpec struct {
	sandbox.Spec
	n int
}

// provisions is what f, which may be nil, asks the pool for, by the key of the environments.
func (s *Service) provisions(f *Function) map[string]provisionedSpec {
	out := map[string]provisionedSpec{}
	if f == nil {
		return out
	}
	for q, p := range f.Provisioned {
		if v, ok := f.resolve(q); ok {
			spec := s.specOf(f, v)
			out[spec.Key] = provisionedSpec{spec, out[spec.Key].n + p.Requested}
		}
	}
	return out
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

const unpublished = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."

// provisioned sums what f asks for, but for one qualifier.
func provisioned(f *Function, but string) (total int) {
	for q, p := range f.Provisioned {
		if q != but {
			total += p.Requested
		}
	}
	return total
}

// checkRoom refuses more provisioned concurrency than the function has reserved, or than its account has left when it has
// reserved none (Lambda developer guide, "Configuring provisioned concurrency for a function").
func (s *Service) checkRoom(op string, f *Function, qualifier string, n int) error {
	n += provisioned(f, qualifier)
	if f.Reserved != nil {
		if n > *f.Reserved {
			return invalid(op, "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function")
		}
		return nil
	}
	free := s.c.Concurrency
	for _, l := range s.functionsOf(f.Account, f.Region) {
		switch {
		case l.Reserved != nil:
			free -= *l.Reserved
		case l.Name != f.Name:
			free -= provisioned(l.Function, "")
		}
	}
	switch {
	case n > free:
		return invalid(op, "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [%d].", free)
	case free-n < min(minUnreserved, s.c.Concurrency):
		return invalid(op, "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].", minUnreserved)
	}
	return nil
}

const mustBePublished = "The function resource provided must be an alias or a published version."

// SetProvisioned asks for n environments that are initialised ahead of time.
func (s *Service) SetProvisioned(r Ref, n int) (Allocation, error) {
	const op = "functions.SetProvisioned"
	if _, err := s.checkProvisioned(op, r, unpublished); err != nil {
		return Allocation{}, err
	}
	f, err := s.edit(op, r, func(e *edit) error {
		if v, ok := e.resolve(r.Qualifier); ok && v.Settings.SnapStart == snapPublished { // in words of ours
			return invalid(op, "Provisioned Concurrency is not supported for functions with SnapStart enabled.")
		}
		if err := s.checkRoom(op, e.Function, r.Qualifier, n); err != nil {
			return err
		}
		if a, ok := e.Aliases[r.Qualifier]; ok {
			switch {
			case len(a.Weights) > 0:
				return invalid(op, "Alias with weights can not be used with Provisioned Concurrency")
			case a.Version == Latest:
				return invalid(op, unpublished)
			}
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
		put(&e.Provisioned, r.Qualifier, Provisioned{Requested: n, Modified: e.now})
		return nil
	})
	if err != nil {
		return Allocation{}, err
	}
	return Allocation{Provisioned: f.Provisioned[r.Qualifier], Qualifier: r.Qualifier}, nil // AWS answers before it begins
}

// GetProvisioned gives the provisioned concurrency of a version or an alias.
func (s *Service) GetProvisioned(r Ref) (Allocation, error) {
	const op = "functions.GetProvisioned"
	l, err := s.checkProvisioned(op, r, mustBePublished)
	if err != nil {
		return Allocation{}, err
	}
	if _, ok := l.Provisioned[r.Qualifier]; !ok {
		return Allocation{}, &fault.Error{Kind: fault.NotFound, Op: op, Noun: noun, Name: r.Name, Reason: ReasonProvisioned,
			Detail: "No Provisioned Concurrency Config found for this function"}
	}
	return s.allocated(l.Function, r.Qualifier), nil
}

// ListProvisioned gives those of a function, by qualifier.
func (s *Service) ListProvisioned(r Ref) ([]Allocation, error) {
	l, ok := s.find(r.Key())
	if !ok {
		return nil, missing("functions.ListProvisioned", r)
	}
	var out []Allocation
	for _, q := range slices.SortedFunc(maps.Keys(l.Provisioned), qualifierLess) {
		out = append(out, s.allocated(l.Function, q))
	}
	return out, nil
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
