package workflows

import (
	"slices"

	"anthill/fault"
	"anthill/store"
)

// maxTags is how many tags a resource may have (Service quotas).
const maxTags = 50

// Tags lists the tags of a state machine or an activity.
func (s *Service) Tags(resourceARN string) ([]Tag, error) {
	tags, _, err := s.tagged("workflows.Tags", resourceARN)
	return tags, err
}

// SetTags adds tags to a resource; a tag whose key is there changes.
func (s *Service) SetTags(resourceARN string, tags []Tag) error {
	const op = "workflows.SetTags"
	s.change.Lock()
	defer s.change.Unlock()
	old, keep, err := s.tagged(op, resourceARN)
	if err != nil {
		return err
	}
	merged := slices.Clone(old)
	for _, t := range tags {
		if i := slices.IndexFunc(merged, func(o Tag) bool { return o.Key == t.Key }); i >= 0 {
			merged[i] = t
		} else {
			merged = append(merged, t)
		}
	}
	if len(merged) > maxTags {
		return &fault.Error{Kind: fault.TooLarge, Op: op, Noun: "tags", Name: resourceARN,
			Detail: "You have exceeded the maximum number of tags allowed for a resource."}
	}
	return keep(merged)
}

// RemoveTags takes tags off a resource. Keys that are not there are passed over.
func (s *Service) RemoveTags(resourceARN string, keys []string) error {
	s.change.Lock()
	defer s.change.Unlock()
	old, keep, err := s.tagged("workflows.RemoveTags", resourceARN)
	if err != nil {
		return err
	}
	return keep(slices.DeleteFunc(slices.Clone(old), func(t Tag) bool { return slices.Contains(keys, t.Key) }))
}

// tagged finds a resource's tags and how to keep new ones.
func (s *Service) tagged(op, resourceARN string) ([]Tag, func([]Tag) error, error) {
	if _, err := parseARN(op, resourceARN, "stateMachine", "activity"); err != nil {
		return nil, nil, err
	}
	commit := func(w store.Write, show func()) error {
		if err := s.c.Store.Commit(w); err != nil {
			return fault.In(op, err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		show()
		return nil
	}
	if m, ok := s.machine(resourceARN); ok {
		return m.Tags, func(tags []Tag) error {
			next := *m
			next.Tags = tags
			return commit(s.machineDocs.Write(m.ARN, next), func() { s.mu.machines[m.ARN] = &next })
		}, nil
	}
	s.mu.RLock()
	a := s.mu.activities[resourceARN]
	s.mu.RUnlock()
	if a != nil {
		d := a.doc()
		return d.Tags, func(tags []Tag) error {
			d.Tags = tags
			return commit(s.activityDocs.Write(d.ARN, d), func() { a.setDoc(d) })
		}, nil
	}
	return nil, nil, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "resource", Name: resourceARN, Detail: "Resource not found: '" + resourceARN + "'"}
}
