package functions

import (
	"maps"
	"slices"
	"strings"

	"anthill/fault"
	"anthill/uuid"
)

// Alias is a name for a version, or for two with a share of the traffic each.
type Alias struct {
	Name        string
	Version     string
	Description string
	Weights     map[string]float64 `json:",omitzero"` // of the additional version: its share, 0 to 1
	Revision    string
}

// AliasUpdate changes an alias. nil members keep what there is.
type AliasUpdate struct {
	Version, Description *string
	Weights              *map[string]float64
	Revision             string // refuse unless it is the alias's; "" does not ask
}

// CreateAlias gives a version a name. r's qualifier is not looked at.
func (s *Service) CreateAlias(r Ref, a Alias) (Alias, error) {
	const op = "functions.CreateAlias"
	if _, ok := s.find(r.Key()); !ok {
		return Alias{}, missing(op, Ref{r.Account, r.Region, r.Name, a.Version})
	}
	_, err := s.edit(op, r, func(e *edit) error {
		if err := e.checkAlias(op, a); err != nil {
			return err
		}
		if _, ok := e.Aliases[a.Name]; ok {
			return &fault.Error{Kind: fault.Exists, Op: op, Noun: noun, Name: r.Name, Detail: "Alias already exists: " + e.ref(a.Name).ARN()}
		}
		a.Revision = uuid.New()
		put(&e.Aliases, a.Name, a)
		return nil
	})
	return a, err
}

// checkAlias follows the rules of weighted aliases (Lambda developer guide, "Implement Lambda canary deployments using
// a weighted alias").
func (e *edit) checkAlias(op string, a Alias) error {
	if len(a.Weights) > 1 {
		return invalid(op, "Number of items in AdditionalVersionWeights cannot be greater than 1")
	}
	for number := range a.Weights {
		if number == a.Version {
			return invalid(op, "Invalid function version %s. Function version %s is already included in routing configuration.", number, number)
		}
		if a.Version == Latest {
			return &fault.Error{Kind: fault.Invalid, Op: op, Noun: noun, Reason: ReasonUntyped,
				Detail: "$LATEST is not supported for an alias pointing to more than 1 version"}
		}
	}
	for _, number := range append([]string{a.Version}, slices.Collect(maps.Keys(a.Weights))...) {
		if _, ok := e.version(number); !ok {
			return missing(op, e.ref(number))
		}
		if v, _ := e.version(number); v.Phase == Failed {
			return conflict(op, e.Name, "The operation cannot be performed at this time. The function is currently in the following state: 'Failed', StateReasonCode: '%s'", v.Failure.Code)
		}
	}
	return nil
}

// UpdateAlias changes an alias.
func (s *Service) UpdateAlias(r Ref, name string, u AliasUpdate) (Alias, error) {
	const op = "functions.UpdateAlias"
	var a Alias
	at := Ref{r.Account, r.Region, r.Name, name}
	if _, ok := s.find(r.Key()); !ok {
		return a, notFound(op, r.Name, "Alias not found: %s", at.ARN())
	}
	_, err := s.edit(op, r, func(e *edit) error {
		var ok bool
		if a, ok = e.Aliases[name]; !ok {
			return notFound(op, r.Name, "Alias not found: %s", at.ARN())
		}
		if u.Revision != "" && u.Revision != a.Revision {
			return staleRevision(op, r.Name, "GetFunction/GetAlias")
		}
		keep(&a.Version, u.Version)
		keep(&a.Description, u.Description)
		keep(&a.Weights, u.Weights)
		if err := e.checkAlias(op, a); err != nil {
			return err
		}
		if _, ok := e.Provisioned[name]; ok && a.Version == Latest {
			return invalid(op, unpublished)
		}
		a.Revision = uuid.New()
		put(&e.Aliases, name, a)
		return nil
	})
	return a, err
}

// GetAlias gives an alias by name.
func (s *Service) GetAlias(r Ref, name string) (Alias, error) {
	const op = "functions.GetAlias"
	l, ok := s.find(r.Key())
	if ok {
		if a, ok := l.Aliases[name]; ok {
			return a, nil
		}
	}
	return Alias{}, missingAlias(op, Ref{r.Account, r.Region, r.Name, name})
}

// DeleteAlias removes an alias with what was said about it. One that is not there is no error.
func (s *Service) DeleteAlias(r Ref, name string) error {
	const op = "functions.DeleteAlias"
	l, ok := s.find(r.Key())
	if !ok {
		return missing(op, r)
	}
	if _, ok := l.Aliases[name]; !ok {
		return nil
	}
	_, err := s.edit(op, r, func(e *edit) error {
		delete(e.Aliases, name)
		delete(e.Policies, name)
		delete(e.Provisioned, name)
		delete(e.Async, name)
		delete(e.URLs, name)
		return nil
	})
	return err
}

// Aliases lists a function's aliases by name, of one version or, when version is "", of all.
func (s *Service) Aliases(r Ref, version string) ([]Alias, error) {
	l, ok := s.find(r.Key())
	if !ok {
		return nil, missing("functions.Aliases", r)
	}
	var out []Alias
	for _, a := range l.Aliases {
		if version == "" || a.Version == version || a.Weights[version] > 0 {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b Alias) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// aliasesOf names the aliases that send traffic to a version.
func (f *Function) aliasesOf(version string) []string {
	var names []string
	for name, a := range f.Aliases {
		if _, also := a.Weights[version]; also || a.Version == version {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
