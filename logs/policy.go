package logs

import (
	"encoding/json"

	"anthill/fault"
)

// Policy is a resource policy of a region. It is recorded and not enforced.
type Policy struct {
	Place
	Name     string
	Document string
	Updated  int64 // milliseconds since 1970
}

// PutPolicy records a resource policy.
func (s *Service) PutPolicy(p Policy) (Policy, error) {
	const op = "logs.PutPolicy"
	if !json.Valid([]byte(p.Document)) {
		return p, invalid(op, "Invalid policy document")
	}
	p.Updated = s.millis()
	return p, fault.In(op, s.policies.Put(groupKey(p.Place, p.Name), p))
}

// Policies gives the resource policies of a place, by name.
func (s *Service) Policies(p Place) ([]Policy, error) {
	var out []Policy
	for d, err := range s.policies.Scan(groupKey(p, "")) {
		if err != nil {
			return nil, fault.In("logs.Policies", err)
		}
		out = append(out, d.Doc)
	}
	return out, nil
}

// DeletePolicy forgets a resource policy.
func (s *Service) DeletePolicy(p Place, name string) error {
	const op = "logs.DeletePolicy"
	_, ok, err := s.policies.Get(groupKey(p, name))
	if err == nil && !ok {
		err = &fault.Error{Kind: fault.NotFound, Op: op, Noun: "policy", Name: name, Detail: "Policy with name [" + name + "] does not exist."}
	}
	if err == nil {
		err = s.policies.Delete(groupKey(p, name))
	}
	return fault.In(op, err)
}
