package gateways

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"anthill/fault"
	"anthill/store"
)

// APIKey is what a caller shows in x-api-key.
type APIKey struct {
	Scope
	ID, Name, Value  string
	Description      *string
	CustomerID       *string
	Enabled          bool
	Created, Updated time.Time
	Tags             map[string]string
}

// UsagePlan says which keys open which stages, and how often.
type UsagePlan struct {
	Scope
	ID, Name    string
	Description *string
	Stages      []PlanStage
	Throttle    *Throttle
	ProductCode *string
	Tags        map[string]string
	Keys        []string // ids of API keys, in the order in which they came
	Created     time.Time
}

// PlanStage is a stage that a plan opens.
type PlanStage struct{ API, Stage string }

// Throttle is a rate in requests a second, and how many may come at once.
type Throttle struct {
	Rate  float64
	Burst int32
}

// VPCLink is a way into a private network; on one machine every network is reached without one.
type VPCLink struct {
	Scope
	ID, Name    string
	Description *string
	Targets     []string
	Tags        map[string]string
	Created     time.Time
}

// scoped is a thing of an account and region with an id.
type scoped interface {
	id() string
	scope() Scope
	created() time.Time
}

func (k *APIKey) id() string            { return k.ID }
func (k *APIKey) scope() Scope          { return k.Scope }
func (k *APIKey) created() time.Time    { return k.Created }
func (p *UsagePlan) id() string         { return p.ID }
func (p *UsagePlan) scope() Scope       { return p.Scope }
func (p *UsagePlan) created() time.Time { return p.Created }
func (l *VPCLink) id() string           { return l.ID }
func (l *VPCLink) scope() Scope         { return l.Scope }
func (l *VPCLink) created() time.Time   { return l.Created }

// Kept is a collection of things, in memory and in the store. A thing is never changed in place.
type Kept[T scoped] struct {
	noun string
	docs *store.Collection[T]
	mu   struct {
		sync.RWMutex
		byID map[string]T
	}
}

func keep[T scoped](s *store.Store, collection, noun string) *Kept[T] {
	k := &Kept[T]{noun: noun, docs: store.Of[T](s, collection)}
	k.mu.byID = map[string]T{}
	for _, x := range k.docs.Each("") {
		k.mu.byID[x.id()] = x
	}
	return k
}

// Put keeps x, new or changed.
func (k *Kept[T]) Put(x T) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.docs.Put(x.id(), x); err != nil {
		return fault.In("gateways.Put", err)
	}
	k.mu.byID[x.id()] = x
	return nil
}

// Get finds a thing of the scope. It must not be changed.
func (k *Kept[T]) Get(sc Scope, id string) (T, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	x, ok := k.mu.byID[id]
	if !ok || x.scope() != sc {
		var none T
		return none, notFound("gateways.Get", k.noun, id)
	}
	return x, nil
}

// Delete removes a thing.
func (k *Kept[T]) Delete(sc Scope, id string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	x, ok := k.mu.byID[id]
	if !ok || x.scope() != sc {
		return notFound("gateways.Delete", k.noun, id)
	}
	if err := k.docs.Delete(id); err != nil {
		return fault.In("gateways.Delete", err)
	}
	delete(k.mu.byID, id)
	return nil
}

// List gives the things of the scope, newest first.
func (k *Kept[T]) List(sc Scope) []T {
	k.mu.RLock()
	defer k.mu.RUnlock()
	out := []T{}
	for _, x := range k.mu.byID {
		if x.scope() == sc {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b T) int { return cmp.Or(b.created().Compare(a.created()), strings.Compare(a.id(), b.id())) })
	return out
}

// CreateKey makes an API key; without a value it gets a random one.
func (s *Service) CreateKey(k APIKey) (*APIKey, error) {
	k.ID, k.Created, k.Updated = newID(10), s.now(), s.now()
	if k.Value == "" {
		k.Value = newID(40)
	} else if len(k.Value) < 20 {
		return nil, invalid("gateways.CreateKey", "api key", "API Key value should be at least 20 characters")
	}
	for _, other := range s.Keys.List(k.Scope) {
		if other.Value == k.Value {
			return nil, conflict("gateways.CreateKey", "api key", other.ID, "API Key already exists")
		}
	}
	return &k, s.Keys.Put(&k)
}

// DeleteKey removes a key, from its plans too.
func (s *Service) DeleteKey(sc Scope, id string) error {
	if err := s.Keys.Delete(sc, id); err != nil {
		return err
	}
	for _, p := range s.Plans.List(sc) {
		if slices.Contains(p.Keys, id) {
			c := *p
			c.Keys = slices.DeleteFunc(slices.Clone(p.Keys), func(k string) bool { return k == id })
			if err := s.Plans.Put(&c); err != nil {
				return err
			}
		}
	}
	return nil
}

// CreatePlan makes a usage plan.
func (s *Service) CreatePlan(p UsagePlan) (*UsagePlan, error) {
	p.ID, p.Created = newID(6), s.now()
	return &p, s.Plans.Put(&p)
}

// AddPlanKey adds a key to a plan.
func (s *Service) AddPlanKey(sc Scope, plan, key string) (*APIKey, error) {
	p, err := s.Plans.Get(sc, plan)
	if err != nil {
		return nil, err
	}
	k, err := s.Keys.Get(sc, key)
	if err != nil {
		return nil, err
	}
	if slices.Contains(p.Keys, key) {
		return nil, conflict("gateways.AddPlanKey", "api key", key, "Usage Plan already has a key with this ID")
	}
	c := *p
	c.Keys = append(slices.Clone(p.Keys), key)
	return k, s.Plans.Put(&c)
}

// RemovePlanKey takes a key out of a plan.
func (s *Service) RemovePlanKey(sc Scope, plan, key string) error {
	p, err := s.Plans.Get(sc, plan)
	if err != nil {
		return err
	}
	if !slices.Contains(p.Keys, key) {
		return notFound("gateways.RemovePlanKey", "usage plan key", key)
	}
	c := *p
	c.Keys = slices.DeleteFunc(slices.Clone(p.Keys), func(k string) bool { return k == key })
	return s.Plans.Put(&c)
}

// CreateVPCLink records a link.
func (s *Service) CreateVPCLink(l VPCLink) (*VPCLink, error) {
	l.ID, l.Created = newID(6), s.now()
	return &l, s.Links.Put(&l)
}

// opens finds the key of that value among those that a plan lets into the stage. ok is false when none is; throttled
// when its plan has no request left.
func (s *Service) opens(c *call, shown string) (key *APIKey, throttled, ok bool) {
	sc := Scope{c.api.Account, c.api.Region}
	for _, p := range s.Plans.List(sc) {
		if !slices.Contains(p.Stages, PlanStage{c.api.ID, c.stage.Name}) {
			continue
		}
		for _, id := range p.Keys {
			k, err := s.Keys.Get(sc, id)
			if err != nil || k.Value != shown || !k.Enabled {
				continue
			}
			if t := p.Throttle; t != nil && !s.throttles.take("plan/"+p.ID+"/"+id, t.Rate, float64(t.Burst), s.now()) {
				return k, true, true
			}
			return k, false, true
		}
	}
	return nil, false, false
}
