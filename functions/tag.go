package functions

import "maps"

// checkTaggable refuses to tag a version or an alias.
func checkTaggable(op string, r Ref) error {
	if r.Qualifier != "" {
		return invalid(op, "Tags on function aliases and versions are not supported. Please specify a function ARN.")
	}
	return nil
}

// Tag adds tags to a function, over those of the same keys.
func (s *Service) Tag(r Ref, tags map[string]string) error {
	const op = "functions.Tag"
	return s.retag(op, r, func(have map[string]string) { maps.Copy(have, tags) })
}

// Untag removes tags.
func (s *Service) Untag(r Ref, keys []string) error {
	const op = "functions.Untag"
	return s.retag(op, r, func(have map[string]string) {
		for _, k := range keys {
			delete(have, k)
		}
	})
}

func (s *Service) retag(op string, r Ref, change func(map[string]string)) error {
	if err := checkTaggable(op, r); err != nil {
		return err
	}
	_, err := s.edit(op, r, func(e *edit) error {
		if e.Tags == nil {
			e.Tags = map[string]string{}
		}
		change(e.Tags)
		e.Latest.touch()
		return checkTags(op, e.Tags)
	})
	return err
}

// TagCPU is the tag that says how much of the machine's processors a function has: "lambda" is AWS's share for its memory,
// "all" what there is. Without it the platform's own choice counts.
const TagCPU = "anthill:cpu"

// Tags gives a function's tags.
func (s *Service) Tags(r Ref) (map[string]string, error) {
	const op = "functions.Tags"
	if err := checkTaggable(op, r); err != nil {
		return nil, err
	}
	l, ok := s.find(r.Key())
	if !ok {
		return nil, missing(op, r)
	}
	return l.Tags, nil
}
