package logs

import (
	"maps"
	"slices"
	"strings"
	"time"

	"anthill/arn"
	"anthill/fault"
)

// Group is a log group's definition.
type Group struct {
	Place
	Name      string
	Created   int64 // milliseconds since 1970
	Retention int   // days; 0 means for ever
	Class     string
	Tags      map[string]string

	Metrics       []MetricFilter // by name
	Subscriptions []Subscription // by name
}

// ARN is the group's name, without the ":*" that some of AWS's answers add.
func (g *Group) ARN() string {
	return arn.New("logs", g.Region, g.Account, "log-group:"+g.Name).String()
}

func (g Group) clone() Group {
	g.Tags, g.Metrics, g.Subscriptions = maps.Clone(g.Tags), slices.Clone(g.Metrics), slices.Clone(g.Subscriptions)
	return g
}

// group is a Group with its streams. Everything in it is guarded by Service.mu.
type group struct {
	Group
	streams map[string]*stream
	kept    bool // its document is in store
	gone    bool // it was deleted: who still holds it must let go
}

// CreateGroup makes a group.
func (s *Service) CreateGroup(g Group) error {
	const op = "logs.CreateGroup"
	g = g.clone()
	g.Created = s.millis()
	if g.Class == "" {
		g.Class = "STANDARD"
	}
	key := groupKey(g.Place, g.Name)
	s.definitions.Lock()
	defer s.definitions.Unlock()
	s.mu.Lock()
	taken := s.mu.groups[key] != nil
	s.mu.Unlock()
	if taken {
		return exists(op, "log group", g.Name)
	}
	if err := s.groups.Put(key, g); err != nil {
		return fault.In(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if have := s.mu.groups[key]; have != nil { // a function's output made it in this moment
		have.Group, have.kept = g, true
		return nil
	}
	s.mu.groups[key] = &group{Group: g, streams: map[string]*stream{}, kept: true}
	return nil
}

// Group finds a group by its name or its ARN.
func (s *Service) Group(p Place, name string) (Group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.groupLocked("logs.Group", p, name)
	if err != nil {
		return Group{}, err
	}
	return g.Group.clone(), nil
}

func (s *Service) groupLocked(op string, p Place, name string) (*group, error) {
	name = NameOf(name)
	g := s.mu.groups[groupKey(p, name)]
	if g == nil {
		return nil, missing(op, "log group", name)
	}
	return g, nil
}

// NameOf is the group's name in an identifier that may be its ARN.
func NameOf(identifier string) string {
	a, err := arn.Parse(identifier)
	if err != nil {
		return identifier
	}
	name, _ := strings.CutPrefix(a.Resource, "log-group:")
	return strings.TrimSuffix(name, ":*")
}

// Groups gives the groups that keep wants, by name.
func (s *Service) Groups(p Place, keep func(*Group) bool) []Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Group
	for _, g := range s.mu.groups {
		if g.Place == p && keep(&g.Group) {
			out = append(out, g.Group.clone())
		}
	}
	slices.SortFunc(out, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Update lets change alter a group's definition and keeps the result, unless change fails.
func (s *Service) Update(p Place, name string, change func(*Group) error) error {
	const op = "logs.Update"
	s.definitions.Lock()
	defer s.definitions.Unlock()
	next, err := s.Group(p, name)
	if err != nil {
		return err
	}
	if err := change(&next); err != nil {
		return err
	}
	if err := s.groups.Put(groupKey(p, next.Name), next); err != nil {
		return fault.In(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.mu.groups[groupKey(p, next.Name)] // nobody deletes it without definitions
	g.Group, g.kept = next, true
	return nil
}

// DeleteGroup forgets a group with its streams and events.
func (s *Service) DeleteGroup(p Place, name string) error {
	const op = "logs.DeleteGroup"
	streams, err := s.removeGroup(op, p, name)
	for _, st := range streams {
		if err == nil {
			err = s.forget(st)
		}
	}
	return fault.In(op, err)
}

// removeGroup takes a group out and gives its streams, which are still to be forgotten. Output that comes meanwhile makes
// another group of that name.
func (s *Service) removeGroup(op string, p Place, name string) ([]*stream, error) {
	s.definitions.Lock()
	defer s.definitions.Unlock()
	s.mu.Lock()
	g, err := s.groupLocked(op, p, name)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	s.mu.newest = nil
	delete(s.mu.groups, groupKey(p, g.Name))
	g.gone = true
	streams := slices.Collect(maps.Values(g.streams))
	s.mu.Unlock()
	return streams, s.groups.Delete(groupKey(p, g.Name))
}

// forget deletes a stream that is no longer in its group.
func (s *Service) forget(st *stream) error {
	st.disk.Lock() // whoever writes it finishes first
	defer st.disk.Unlock()
	s.mu.Lock()
	st.gone = true
	s.dropLocked(st, len(st.pending))
	s.mu.Unlock()
	if err := s.streams.Delete(st.key()); err != nil {
		return err
	}
	return s.c.History.Delete(st.history())
}

// horizon is the oldest time, in milliseconds, that a group still shows.
func (s *Service) horizon(g *Group) int64 {
	if g.Retention == 0 {
		return 0
	}
	return s.c.Now().Add(-time.Duration(g.Retention) * 24 * time.Hour).UnixMilli()
}
