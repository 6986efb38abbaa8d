package workflows

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"anthill/fault"
)

// Alias leads callers to one version of a state machine, or to two by weight.
type Alias struct {
	Name        string
	ARN         string
	MachineARN  string
	Description string
	Routes      []Route
	Created     time.Time
	Updated     time.Time
}

// Route is one entry of a routing configuration.
type Route struct {
	VersionARN string
	Weight     int32 // percent; the weights of an alias sum to 100
}

// draw picks a version ARN by weight.
func (a *Alias) draw() string {
	n := rand.Int32N(100)
	for _, r := range a.Routes {
		if n -= r.Weight; n < 0 {
			return r.VersionARN
		}
	}
	return a.Routes[len(a.Routes)-1].VersionARN
}

// CreateAlias makes an alias of the machine that the routes' versions belong to. Asked again with the same arguments it
// gives the alias that is there.
func (s *Service) CreateAlias(name, description string, routes []Route) (*Alias, error) {
	const op = "workflows.CreateAlias"
	s.change.Lock()
	defer s.change.Unlock()
	machineARN, err := s.checkRoutes(op, routes)
	if err != nil {
		return nil, err
	}
	if _, err := strconv.Atoi(name); err == nil || forbidden.MatchString(name) {
		return nil, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "name", Name: name, Detail: "Invalid Name: '" + name + "'"}
	}
	now := time.Now()
	a := &Alias{Name: name, ARN: machineARN + ":" + name, MachineARN: machineARN, Description: description, Routes: routes, Created: now, Updated: now}
	if old, ok := s.alias(a.ARN); ok {
		if old.Description == description && slices.Equal(old.Routes, routes) {
			return old, nil
		}
		return nil, &fault.Error{Kind: fault.Conflict, Op: op, Noun: "alias", Name: a.ARN,
			Detail: "Failed to create alias because an alias with the same name and a different routing configuration already exists."}
	}
	return a, s.keepAlias(op, a)
}

// UpdateAlias changes what is given: a nil description or routes leave what is there.
func (s *Service) UpdateAlias(aliasARN string, description *string, routes []Route) (*Alias, error) {
	const op = "workflows.UpdateAlias"
	if _, err := parseARN(op, aliasARN, "stateMachine"); err != nil {
		return nil, err
	}
	s.change.Lock()
	defer s.change.Unlock()
	old, ok := s.alias(aliasARN)
	if !ok {
		return nil, noResource(op, aliasARN)
	}
	next := *old
	if description != nil {
		next.Description = *description
	}
	if routes != nil {
		machineARN, err := s.checkRoutes(op, routes)
		if err != nil {
			return nil, err
		}
		if machineARN != old.MachineARN {
			return nil, fault.Invalidf(op, "request", "Routing configuration must contain state machine version ARNs of state machine %s.", old.MachineARN)
		}
		next.Routes = routes
	}
	next.Updated = time.Now()
	return &next, s.keepAlias(op, &next)
}

func (s *Service) keepAlias(op string, a *Alias) error {
	if err := s.aliasDocs.Put(a.ARN, *a); err != nil {
		return fault.In(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.aliases[a.ARN] = a
	return nil
}

// checkRoutes gives the machine whose versions the routes name.
func (s *Service) checkRoutes(op string, routes []Route) (machineARN string, err error) {
	list := "["
	sum := int32(0)
	for i, r := range routes {
		if i > 0 {
			list += ", "
		}
		list += r.VersionARN
		sum += r.Weight
	}
	list += "]"
	if sum != 100 {
		return "", fault.Invalidf(op, "request", "Sum of routing configuration weights must equal 100. Received: %s", list)
	}
	if len(routes) == 2 && routes[0].VersionARN == routes[1].VersionARN {
		return "", fault.Invalidf(op, "request", "Routing configuration must contain distinct state machine version ARNs. Received: %s", list)
	}
	for _, r := range routes {
		a, err := parseARN(op, r.VersionARN, "stateMachine")
		if err != nil {
			return "", err
		}
		parts := a.Split()
		if len(parts) != 3 {
			return "", fault.Invalidf(op, "request", "Routing configuration must contain state machine version ARNs. Received: %s", list)
		}
		of := resource(Scope{a.Account, a.Region}, "stateMachine", parts[1])
		if machineARN != "" && of != machineARN {
			return "", fault.Invalidf(op, "request", "Routing configuration must contain versions of one state machine. Received: %s", list)
		}
		machineARN = of
		if !slices.ContainsFunc(s.Versions(of), func(v *Version) bool { return v.ARN() == r.VersionARN }) {
			return "", noResource(op, r.VersionARN)
		}
	}
	return machineARN, nil
}

// Alias finds an alias by its ARN.
func (s *Service) Alias(aliasARN string) (*Alias, error) {
	const op = "workflows.Alias"
	if _, err := parseARN(op, aliasARN, "stateMachine"); err != nil {
		return nil, err
	}
	a, ok := s.alias(aliasARN)
	if !ok {
		return nil, noResource(op, aliasARN)
	}
	return a, nil
}

func (s *Service) alias(aliasARN string) (*Alias, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	a, ok := s.mu.aliases[aliasARN]
	return a, ok
}

// Aliases lists the aliases of a machine, oldest first.
func (s *Service) Aliases(machineARN string) []*Alias {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []*Alias
	for _, a := range s.mu.aliases {
		if a.MachineARN == machineARN {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b *Alias) int { return a.Created.Compare(b.Created) })
	return out
}

// DeleteAlias forgets an alias. One that does not exist is deleted already.
func (s *Service) DeleteAlias(aliasARN string) error {
	const op = "workflows.DeleteAlias"
	if _, err := parseARN(op, aliasARN, "stateMachine"); err != nil {
		return err
	}
	s.change.Lock()
	defer s.change.Unlock()
	if err := s.aliasDocs.Delete(aliasARN); err != nil {
		return fault.In(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mu.aliases, aliasARN)
	return nil
}

func noResource(op, name string) error {
	return &fault.Error{Kind: fault.NotFound, Op: op, Noun: "resource", Name: name, Detail: "Request references a resource that does not exist."}
}
