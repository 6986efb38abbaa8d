package functions

import (
	"context"
	"maps"
	"time"

	"anthill/arn"
	"anthill/fault"
	"anthill/uuid"
)

// CodeSource is code as a caller gives it: one of its three forms.
type CodeSource struct {
	Zip                        []byte // a zip file
	Bucket, Key, ObjectVersion string // an object that holds one
	ImageURI                   string
}

// given reports whether there is any.
func (c CodeSource) given() bool { return c.Zip != nil || c.Bucket != "" || c.ImageURI != "" }

// Creation is a request for a new function. Empty members of Settings get Lambda's defaults.
type Creation struct {
	Ref           Ref
	Settings      Settings
	Layers        []string // ARNs of layer versions
	Code          CodeSource
	Tags          map[string]string
	SigningConfig string // ARN
	Publish       bool   // publish version 1 at once
}

// Description is a version with what belongs to its function, as Get and the calls that change something give it.
type Description struct {
	Function *Function
	Version  *Version
	ARN      string // of the version as it was asked for
}

// Create makes a function.
func (s *Service) Create(ctx context.Context, c Creation) (*Description, error) {
	const op = "functions.Create"
	k := c.Ref.Key()
	set, err := s.newSettings(op, k, c)
	if err != nil {
		return nil, err
	}
	if _, ok := s.find(k); ok {
		return nil, exists(op, k)
	}
	code, err := s.codeOf(ctx, op, k, set, c.Code)
	if err == nil {
		err = s.checkCode(op, k, code, set, c.SigningConfig)
	}
	if err != nil {
		return nil, err
	}
	s.change.Lock()
	defer s.change.Unlock()
	if _, ok := s.find(k); ok {
		return nil, exists(op, k)
	}
	now := time.Now()
	f := &Function{Account: k.Account, Region: k.Region, Name: k.Name, NextVersion: 1,
		Tags: maps.Clone(c.Tags), SigningConfig: c.SigningConfig,
		Latest: Version{Number: Latest, Settings: *set, Code: code, Modified: now, Instance: uuid.New()}}
	f.Latest.begin(Creating, now, s.settle())
	d := &Description{Function: f, Version: &f.Latest, ARN: k.ARN()}
	if c.Publish {
		v := s.publish(f, now, f.Latest.Settings.Description)
		v.begin(Creating, now, s.settle())
		if v.snapshots() {
			v.begin(Snapping, now, 0)
		}
		shown := f.Latest
		shown.Number = v.Number // AWS answers the version's number with the function's own ARN here
		d.Version = &shown
	}
	s.holdForImage(f)
	if err := s.commit(nil, f); err != nil {
		return nil, fault.In(op, err)
	}
	if set.RunsOn != "" && f.Latest.saysPlainly() {
		s.log.Info("the function's runtime is not on this machine; the nearest one runs it", "function", k.Name, "runtime", set.RunsOn)
	}
	return d, nil
}

// saysPlainly reports whether something else than what was asked for runs v.
func (v *Version) saysPlainly() bool { return len(v.Settings.RunsOn) != 64 }

func exists(op string, k Key) error {
	return &fault.Error{Kind: fault.Exists, Op: op, Noun: noun, Name: k.Name, Detail: "Function already exist: " + k.Name}
}

// newSettings fills in Lambda's defaults and checks.
func (s *Service) newSettings(op string, k Key, c Creation) (*Settings, error) {
	if c.Ref.Qualifier != "" && c.Ref.Qualifier != Latest {
		return nil, invalid(op, "The qualifier of a function's name must be $LATEST when the function is created.")
	}
	if k.Name == c.Ref.Name && len(k.Name) > 64 {
		return nil, broken(op, k.Name, "functionName", "Member must have length less than or equal to 64")
	}
	set := c.Settings
	def(&set.PackageType, "Zip")
	def(&set.Timeout, 3)
	def(&set.MemoryMB, 128)
	def(&set.TmpMB, 512)
	def(&set.Architecture, "x86_64")
	def(&set.Tracing, "PassThrough")
	def(&set.SnapStart, snapNone)
	if err := s.checkSettings(op, k, &set); err != nil {
		return nil, err
	}
	if err := checkTags(op, c.Tags); err != nil {
		return nil, err
	}
	if c.SigningConfig != "" {
		if _, err := s.signingConfig(op, c.SigningConfig); err != nil {
			return nil, err
		}
	}
	var err error
	set.Layers, err = s.layerRefs(op, k, c.Layers)
	return &set, err
}

// def sets *p when it is empty.
func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// takesDeadLetters reports whether events can be delivered to that ARN (Lambda developer guide, "Adding a dead-letter queue":
// queues and topics).
func (s *Service) takesDeadLetters(to string) bool {
	a, err := arn.Parse(to)
	if err != nil || a.Service != "sqs" && a.Service != "sns" {
		return false
	}
	d := s.c.Destinations[a.Service]
	return d != nil && d.Exists(to)
}

// describe gives r's version as it is now.
func (s *Service) describe(op string, r Ref) (*Description, error) {
	l, ok := s.find(r.Key())
	if !ok {
		return nil, missing(op, r)
	}
	v, ok := l.resolve(r.Qualifier)
	if !ok {
		return nil, missing(op, r)
	}
	return &Description{Function: l.Function, Version: v.at(time.Now()), ARN: r.ARN()}, nil
}

// Get describes the function, version or alias that r names.
func (s *Service) Get(r Ref) (*Description, error) { return s.describe("functions.Get", r) }

// List gives the functions of an account in a region by name: their unpublished versions, and with all every
// published one too.
func (s *Service) List(acct, region string, all bool) []*Description {
	var out []*Description
	now := time.Now()
	for _, l := range s.functionsOf(acct, region) {
		if !all {
			out = append(out, &Description{l.Function, l.Latest.at(now), l.Key().ARN()})
			continue
		}
		for _, v := range l.all() {
			out = append(out, &Description{l.Function, v.at(now), l.ref(v.Number).ARN()})
		}
	}
	return out
}

// Delete removes a function with all of its versions, or one published version. A version that is not there is no error.
func (s *Service) Delete(r Ref) error {
	const op = "functions.Delete"
	if r.Qualifier == Latest {
		return invalid(op, "$LATEST version cannot be deleted without deleting the function.")
	}
	if r.Qualifier == "" {
		return s.deleteAll(op, r)
	}
	l, ok := s.find(r.Key())
	if !ok {
		return missing(op, Ref{r.Account, r.Region, r.Name, ""})
	}
	if _, ok := l.Aliases[r.Qualifier]; ok || !digits(r.Qualifier) {
		return invalid(op, "Deletion of aliases is not currently supported.")
	}
	if _, ok := l.version(r.Qualifier); !ok {
		return nil
	}
	_, err := s.edit(op, r, func(e *edit) error {
		if names := e.aliasesOf(r.Qualifier); names != nil {
			return conflict(op, r.Name, "Unable to delete version because the following aliases reference it: %v", names)
		}
		for i, v := range e.Versions {
			if v.Number == r.Qualifier {
				e.Versions = append(e.Versions[:i], e.Versions[i+1:]...)
				break
			}
		}
		delete(e.Policies, r.Qualifier)
		delete(e.Provisioned, r.Qualifier)
		delete(e.Async, r.Qualifier)
		delete(e.RuntimeUpdates, r.Qualifier)
		return nil
	})
	return err
}

func (s *Service) deleteAll(op string, r Ref) error {
	s.change.Lock()
	defer s.change.Unlock()
	l, ok := s.find(r.Key())
	if !ok {
		return missing(op, r)
	}
	writes, lost := s.references(l.Function, nil)
	writes = append(writes, s.functions.Remove(l.Key().path()))
	for _, v := range l.Versions {
		writes = append(writes, s.versions.Remove(versionKey(l.Key(), v.Number)))
	}
	if err := s.c.Store.Commit(writes...); err != nil {
		return fault.In(op, err)
	}
	s.hide(l)
	for _, p := range s.provisions(l.Function) {
		s.c.Pool.Provision(p.Spec, 0)
	}
	for _, v := range l.all() {
		s.c.Pool.Drop(instanceKey(l.Key(), v))
	}
	s.letGo(lost...)
	return nil
}
