package functions

import (
	"strconv"
	"time"

	"anthill/uuid"
)

// Publication asks for a published version of what a function is now.
type Publication struct {
	Ref         Ref
	Description *string // nil takes the function's
	CodeSHA256  string  // refuse unless the code has it, in base64; "" does not ask
	Revision    string  // refuse unless it is the function's; "" does not ask
}

// Publish makes a version out of the unpublished one. When nothing changed since the last, it gives that one (Lambda
// developer guide, "Creating function versions").
func (s *Service) Publish(p Publication) (*Description, error) {
	const op = "functions.Publish"
	var out *Description
	_, err := s.edit(op, p.Ref.unqualified(), func(e *edit) error {
		if p.Revision != "" && p.Revision != e.Latest.Revision {
			return staleRevision(op, e.Name, "GetFunction/GetAlias")
		}
		if sha := e.Latest.Code.SHA256(); p.CodeSHA256 != "" && p.CodeSHA256 != sha {
			return invalid(op, "CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.", p.CodeSHA256, sha)
		}
		if err := e.changeable(op, ""); err != nil {
			return err
		}
		v, same := e.lastPublished()
		if !same {
			description := e.Latest.Settings.Description
			if p.Description != nil {
				description = *p.Description
			}
			v = s.publish(e.Function, e.now, description)
			if v.snapshots() {
				v.begin(Snapping, e.now, 0)
			}
			e.Latest.touch()
		}
		out = &Description{Function: e.Function, Version: v.at(e.now), ARN: e.ref(v.Number).ARN()}
		return nil
	})
	return out, err
}

// lastPublished gives the newest version when it is what the unpublished one would become.
func (f *Function) lastPublished() (*Version, bool) {
	if len(f.Versions) == 0 {
		return nil, false
	}
	v := f.Versions[len(f.Versions)-1]
	if v.Number != strconv.Itoa(f.NextVersion-1) {
		return nil, false // it was deleted
	}
	return v, v.From == f.Latest.Instance
}

// publish adds a version to f, which must be a copy that is being changed.
func (s *Service) publish(f *Function, now time.Time, description string) *Version {
	v := f.Latest
	v.Number = strconv.Itoa(f.NextVersion)
	v.From = f.Latest.Instance
	v.Instance, v.Revision = uuid.New(), uuid.New()
	v.Phase, v.SettleAt, v.Settled = Steady, time.Time{}, ""
	v.Failure, v.NoSnapshot = Failure{}, ""
	v.Settings.Description = description
	v.Modified = now
	f.NextVersion++
	f.Versions = append(f.Versions, &v)
	return &v
}

// Versions lists the versions of a function, the unpublished one first.
func (s *Service) Versions(r Ref) ([]*Description, error) {
	l, ok := s.find(r.Key())
	if !ok {
		return nil, missing("functions.Versions", r.unqualified())
	}
	now := time.Now()
	var out []*Description
	for _, v := range l.all() {
		out = append(out, &Description{l.Function, v.at(now), l.ref(v.Number).ARN()})
	}
	return out, nil
}
