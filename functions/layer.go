package functions

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"anthill/arn"
	"anthill/blobs"
	"anthill/fault"
	"anthill/internal/disk"
)

// Layer is a named sequence of layer versions. One that a reader has never changes.
type Layer struct {
	Account, Region, Name string
	Next                  int // the number that the next version gets; numbers are never used again
	Versions              []*LayerVersion
}

// LayerVersion is a package that functions find below /opt.
type LayerVersion struct {
	Number        int
	Description   string
	License       string
	Runtimes      []string // nil when none were given
	Architectures []string // nil when none were given
	Code          Code
	Created       time.Time
	Policy        Policy
}

// Key names the layer.
func (l *Layer) Key() Key { return Key{l.Account, l.Region, l.Name} }

// ARN names the layer without a version.
func (l *Layer) ARN() string { return layerARN(l.Key()) }

// VersionARN names one version.
func (l *Layer) VersionARN(number int) string { return l.ARN() + ":" + strconv.Itoa(number) }

func layerARN(k Key) string {
	return arn.New("lambda", k.Region, k.Account, "layer:"+k.Name).String()
}

func (l *Layer) version(number int) (*LayerVersion, bool) {
	i := slices.IndexFunc(l.Versions, func(v *LayerVersion) bool { return v.Number == number })
	if i < 0 {
		return nil, false
	}
	return l.Versions[i], true
}

func (l *Layer) owner(number int) string {
	return "layer/" + l.Key().path() + "/" + strconv.Itoa(number)
}

// LayerDescription is a layer version with its layer.
type LayerDescription struct {
	Layer   *Layer
	Version *LayerVersion
}

// ParseLayer finds the layer that a name or an ARN means.
func ParseLayer(acct, region, name string) Key {
	a, err := arn.Parse(name)
	if parts := a.Split(); err == nil && len(parts) >= 2 && parts[0] == "layer" {
		return Key{a.Account, a.Region, parts[1]}
	}
	return Key{acct, region, name}
}

func (s *Service) layer(k Key) (*Layer, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	l, ok := s.mu.layers[k]
	return l, ok
}

// PublishLayer adds a version to a layer, and makes the layer when there is none.
func (s *Service) PublishLayer(ctx context.Context, k Key, v LayerVersion, src CodeSource) (*LayerDescription, error) {
	const op = "functions.PublishLayer"
	code, err := s.takeCode(ctx, op, k.Account, src)
	if err != nil {
		return nil, err
	}
	s.change.Lock()
	defer s.change.Unlock()
	l := &Layer{Account: k.Account, Region: k.Region, Name: k.Name, Next: 1}
	if have, ok := s.layer(k); ok {
		l = have.clone()
	}
	v.Number, v.Code, v.Created = l.Next, code, time.Now()
	l.Next++
	l.Versions = append(l.Versions, &v)
	if err := s.commitLayer(l, s.c.Blobs.Ref(blobs.Digest(code.Digest), l.owner(v.Number))); err != nil {
		return nil, fault.In(op, err)
	}
	return &LayerDescription{l, &v}, nil
}

func (l *Layer) clone() *Layer {
	m := *l
	m.Versions = slices.Clone(l.Versions)
	return &m
}

func (s *Service) commitLayer(l *Layer, also ...disk.Write) error {
	if err := s.c.Store.Commit(append(also, s.layers.Write(l.Key().path(), *l))...); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.layers[l.Key()] = l
	return nil
}

// GetLayer gives a layer version.
func (s *Service) GetLayer(k Key, number int) (*LayerDescription, error) {
	const op = "functions.GetLayer"
	if number < 1 {
		return nil, invalid(op, "Layer Version Cannot be less than 1")
	}
	if l, ok := s.layer(k); ok {
		if v, ok := l.version(number); ok {
			return &LayerDescription{l, v}, nil
		}
	}
	return nil, missingResource(op, k.Name)
}

// DeleteLayer removes a layer version. Functions that use it keep it. One that is not there is no error.
func (s *Service) DeleteLayer(k Key, number int) error {
	const op = "functions.DeleteLayer"
	if number < 1 {
		return invalid(op, "Layer Version Cannot be less than 1")
	}
	s.change.Lock()
	defer s.change.Unlock()
	have, ok := s.layer(k)
	if !ok {
		return nil
	}
	v, ok := have.version(number)
	if !ok {
		return nil
	}
	l := have.clone()
	l.Versions = slices.DeleteFunc(l.Versions, func(w *LayerVersion) bool { return w == v })
	if err := s.commitLayer(l, s.c.Blobs.Unref(blobs.Digest(v.Code.Digest), l.owner(number))); err != nil {
		return fault.In(op, err)
	}
	s.letGo(v.Code.Digest)
	return nil
}

// LayerVersions lists the versions of a layer that suit, the newest first.
func (s *Service) LayerVersions(k Key, runtime, architecture string) []*LayerDescription {
	l, ok := s.layer(k)
	if !ok {
		return nil
	}
	var out []*LayerDescription
	for _, v := range slices.Backward(l.Versions) {
		if v.suits(runtime, architecture) {
			out = append(out, &LayerDescription{l, v})
		}
	}
	return out
}

// suits reports whether v says that it goes with them; "" goes with everything.
func (v *LayerVersion) suits(runtime, architecture string) bool {
	return (runtime == "" || slices.Contains(v.Runtimes, runtime)) &&
		(architecture == "" || slices.Contains(v.Architectures, architecture))
}

// Layers lists the newest suitable version of each layer, by name.
func (s *Service) Layers(acct, region, runtime, architecture string) []*LayerDescription {
	s.mu.RLock()
	keys := slices.Collect(maps.Keys(s.mu.layers))
	s.mu.RUnlock()
	slices.SortFunc(keys, func(a, b Key) int { return strings.Compare(a.Name, b.Name) })
	var out []*LayerDescription
	for _, k := range keys {
		if k.Account != acct || k.Region != region {
			continue
		}
		if vs := s.LayerVersions(k, runtime, architecture); len(vs) > 0 {
			out = append(out, vs[0])
		}
	}
	return out
}

// changeLayerPolicy changes the policy of one layer version.
func (s *Service) changeLayerPolicy(op string, k Key, number int, do func(p Policy, arn string) (Policy, error)) error {
	s.change.Lock()
	defer s.change.Unlock()
	d, err := s.GetLayer(k, number)
	if err != nil {
		return fault.In(op, err)
	}
	p, err := do(d.Version.Policy, d.Layer.VersionARN(number))
	if err != nil {
		return err
	}
	l, v := d.Layer.clone(), *d.Version
	v.Policy = p
	l.Versions[slices.Index(l.Versions, d.Version)] = &v
	return fault.In(op, s.commitLayer(l))
}

// AddLayerPermission adds a statement to the policy of a layer version, and gives it with the policy's revision.
func (s *Service) AddLayerPermission(k Key, number int, ask Permission) (st Statement, revision string, err error) {
	const op = "functions.AddLayerPermission"
	err = s.changeLayerPolicy(op, k, number, func(p Policy, arn string) (Policy, error) {
		var err error
		p, st, err = p.with(op, ask, p.Revision, arn)
		revision = p.Revision
		return p, err
	})
	return st, revision, err
}

// RemoveLayerPermission removes a statement.
func (s *Service) RemoveLayerPermission(k Key, number int, sid, revision string) error {
	const op = "functions.RemoveLayerPermission"
	return s.changeLayerPolicy(op, k, number, func(p Policy, arn string) (Policy, error) {
		return p.without(op, sid, revision, arn)
	})
}

// LayerPolicy gives the policy of a layer version.
func (s *Service) LayerPolicy(k Key, number int) (Policy, error) {
	const op = "functions.LayerPolicy"
	d, err := s.GetLayer(k, number)
	if err != nil {
		return Policy{}, err
	}
	if len(d.Version.Policy.Statements) == 0 {
		return Policy{}, notFound(op, k.Name, "No policy is associated with the given resource.")
	}
	return d.Version.Policy, nil
}

// layerRefs finds the layer versions that a function names, in order (Lambda developer guide, "Adding layers to
// functions").
func (s *Service) layerRefs(op string, k Key, arns []string) ([]LayerRef, error) {
	if len(arns) > maxLayers {
		return nil, invalid(op, "Cannot reference more than %d layers.", maxLayers)
	}
	var out []LayerRef
	used := map[string]string{}
	for _, name := range arns {
		a, err := arn.Parse(name)
		parts := a.Split()
		if err != nil || len(parts) != 3 || parts[0] != "layer" {
			return nil, broken(op, "["+strings.Join(arns, ", ")+"]", "layers",
				`Member must satisfy constraint: [Member must have length less than or equal to 2048, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+, Member must not be null]`)
		}
		if a.Region != k.Region {
			return nil, invalid(op, "Layers are not in the same region as the function. Layers are expected to be in region %s.", k.Region)
		}
		base := strings.TrimSuffix(name, ":"+parts[2])
		if other, twice := used[base]; twice {
			return nil, invalid(op, "Two different versions of the same layer are not allowed to be referenced in the same function. %s and %s are versions of the same layer.", name, other)
		}
		used[base] = name
		number, _ := strconv.Atoi(parts[2])
		l, ok := s.layer(Key{a.Account, a.Region, parts[1]})
		var v *LayerVersion
		if ok {
			v, ok = l.version(number)
		}
		if !ok {
			return nil, invalid(op, "Layer version %s does not exist.", name)
		}
		out = append(out, LayerRef{ARN: name, Code: v.Code})
	}
	return out, nil
}

// checkUnzipped refuses code that is too large together with its layers.
func checkUnzipped(op string, code Code, layers []LayerRef) error {
	total := code.Unzipped
	for _, l := range layers {
		total += l.Code.Unzipped
	}
	if total > maxUnzipped {
		return invalid(op, "Function code combined with layers exceeds the maximum allowed size of %d bytes. The actual size is %d bytes.", maxUnzipped, total)
	}
	return nil
}
