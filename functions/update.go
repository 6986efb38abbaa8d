package functions

import (
	"context"
	"time"

	"anthill/uuid"
)

// CodeUpdate gives a function new code.
type CodeUpdate struct {
	Ref          Ref
	Code         CodeSource
	Architecture string // "" keeps it
	Publish      bool
	DryRun       bool   // check only
	Revision     string // refuse unless it is the function's; "" does not ask
}

// UpdateCode changes the code of the unpublished version.
func (s *Service) UpdateCode(ctx context.Context, u CodeUpdate) (*Description, error) {
	const op = "functions.UpdateCode"
	if err := s.checkChangeable(op, u.Ref, u.Revision); err != nil {
		return nil, err
	}
	l, ok := s.find(u.Ref.Key())
	if !ok {
		return nil, missing(op, u.Ref.unqualified())
	}
	code, err := s.codeOf(ctx, op, u.Ref.Key(), &l.Latest.Settings, u.Code)
	if err != nil {
		return nil, err
	}
	if code.Image != nil { // until then invocations run the code from before
		if _, err := s.unpackImage(ctx, code.Image); err != nil {
			return nil, codeFault(op, err)
		}
	}
	var out *Description
	change := func(e *edit) error {
		if err := e.changeable(op, u.Revision); err != nil {
			return err
		}
		set := &e.Latest.Settings
		if u.Architecture != "" {
			set.Architecture = u.Architecture
		}
		var err error
		if set.PackageType == "Zip" {
			if set.RunsOn, err = s.runsOn(op, set); err != nil {
				return err
			}
		}
		if err := s.checkCode(op, e.Key(), code, set, e.SigningConfig); err != nil {
			return err
		}
		e.Latest.Code, e.Latest.Modified, e.Latest.Instance, e.Latest.Failure = code, e.now, uuid.New(), Failure{}
		e.Latest.begin(Updating, e.now, s.settle())
		out = &Description{Function: e.Function, Version: &e.Latest, ARN: e.Key().ARN()}
		if u.Publish {
			v := s.publish(e.Function, e.now, set.Description)
			v.begin(Creating, e.now, s.settle())
			if v.snapshots() {
				v.begin(Snapping, e.now, 0)
			}
			out.Version, out.ARN = v, e.ref(v.Number).ARN()
		}
		return nil
	}
	if u.DryRun {
		l, ok := s.find(u.Ref.Key())
		if !ok {
			return nil, missing(op, u.Ref)
		}
		now := time.Now()
		e := &edit{Function: l.clone(), now: now}
		e.Latest = *e.Latest.at(now)
		return out, change(e)
	}
	_, err = s.edit(op, u.Ref, change)
	return out, err
}

// checkChangeable refuses early what changeable will refuse, before code is unpacked for nothing.
func (s *Service) checkChangeable(op string, r Ref, revision string) error {
	l, ok := s.find(r.Key())
	if !ok {
		return missing(op, r.unqualified())
	}
	now := time.Now()
	e := &edit{Function: l.clone(), now: now}
	e.Latest = *e.Latest.at(now)
	return e.changeable(op, revision)
}

// changeable refuses a change while another is under way, or by somebody who does not know the latest state.
func (e *edit) changeable(op, revision string) error {
	switch e.Latest.Phase {
	case Creating:
		return conflict(op, e.Name, "The operation cannot be performed at this time. The function is currently in the following state: Pending")
	case Updating:
		return conflict(op, e.Name, "The operation cannot be performed at this time. An update is in progress for resource: %s", e.Key().ARN())
	}
	if revision != "" && revision != e.Latest.Revision {
		return staleRevision(op, e.Name, "GetFunction/GetAlias")
	}
	return nil
}

// unqualified names the function of r.
func (r Ref) unqualified() Ref { return Ref{r.Account, r.Region, r.Name, ""} }

// ConfigurationUpdate changes a function's configuration. nil members keep what there is.
type ConfigurationUpdate struct {
	Ref                                 Ref
	Description, Runtime, Handler, Role *string
	Timeout, MemoryMB, TmpMB            *int
	Environment                         *Environment
	Layers                              *[]string // ARNs
	Image                               *ImageConfig
	Logging                             *Logging // of which empty members keep what there is
	Tracing, SnapStart, DeadLetter      *string
	Revision                            string
}

// UpdateConfiguration changes the configuration of the unpublished version.
func (s *Service) UpdateConfiguration(u ConfigurationUpdate) (*Description, error) {
	const op = "functions.UpdateConfiguration"
	var out *Description
	_, err := s.edit(op, u.Ref.unqualified(), func(e *edit) error {
		if err := e.changeable(op, u.Revision); err != nil {
			return err
		}
		set := e.Latest.Settings
		for _, m := range []struct{ to, from *string }{{&set.Description, u.Description}, {&set.Runtime, u.Runtime}, {&set.Handler, u.Handler},
			{&set.Role, u.Role}, {&set.Tracing, u.Tracing}, {&set.SnapStart, u.SnapStart}, {&set.DeadLetter, u.DeadLetter}} {
			keep(m.to, m.from)
		}
		keep(&set.Timeout, u.Timeout)
		keep(&set.MemoryMB, u.MemoryMB)
		keep(&set.TmpMB, u.TmpMB)
		if u.Environment != nil {
			set.Environment = u.Environment
		}
		if u.Image != nil {
			set.Image = u.Image
		}
		if u.Logging != nil {
			set.Logging = set.Logging.with(*u.Logging)
		}
		if err := s.checkSettings(op, e.Key(), &set); err != nil {
			return err
		}
		if u.Layers != nil {
			var err error
			if set.Layers, err = s.layerRefs(op, e.Key(), *u.Layers); err != nil {
				return err
			}
			if err := checkUnzipped(op, e.Latest.Code, set.Layers); err != nil {
				return err
			}
		}
		e.Latest.Settings, e.Latest.Modified, e.Latest.Instance = set, e.now, uuid.New()
		e.Latest.begin(Updating, e.now, s.settle())
		out = &Description{Function: e.Function, Version: &e.Latest, ARN: e.Key().ARN()}
		return nil
	})
	return out, err
}

func keep[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// with is l changed by what n says. Going back to text forgets the levels, which text does not have.
func (l Logging) with(n Logging) Logging {
	if n.Format == "Text" {
		l.ApplicationLevel, l.SystemLevel = "", ""
	}
	keepSet(&l.Format, n.Format)
	keepSet(&l.Group, n.Group)
	keepSet(&l.ApplicationLevel, n.ApplicationLevel)
	keepSet(&l.SystemLevel, n.SystemLevel)
	return l
}

func keepSet(to *string, from string) {
	if from != "" {
		*to = from
	}
}
