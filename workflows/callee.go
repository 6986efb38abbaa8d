package workflows

import (
	"sync"

	"anthill/functions"
)

// callees are the functions that the definition of a revision names.
type callees struct {
	mu struct {
		sync.RWMutex
		byName map[string]*functions.Callee
	}
}

// of gives the function that a definition in sc names.
func (c *callees) of(sc Scope, name string) (*functions.Callee, error) {
	c.mu.RLock()
	f := c.mu.byName[name]
	c.mu.RUnlock()
	if f != nil {
		return f, nil
	}
	ref, err := functions.ParseRef(sc.Account, sc.Region, name, "")
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f = c.mu.byName[name]; f == nil {
		f = &functions.Callee{Ref: ref}
		if c.mu.byName == nil {
			c.mu.byName = map[string]*functions.Callee{}
		}
		c.mu.byName[name] = f
	}
	return f, nil
}

// calleesOf gives those of a revision.
func (s *Service) calleesOf(revisionKey string) *callees {
	s.mu.RLock()
	c := s.mu.callees[revisionKey]
	s.mu.RUnlock()
	if c != nil {
		return c
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c = s.mu.callees[revisionKey]; c == nil {
		c = &callees{}
		s.mu.callees[revisionKey] = c
	}
	return c
}
