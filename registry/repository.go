package registry

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"strings"
	"time"

	"anthill/arn"
	"anthill/blobs"
	"anthill/fault"
	"anthill/store"
)

// Ref names a repository.
type Ref struct{ Account, Region, Name string }

func (r Ref) key() string { return r.Account + "/" + r.Region + "/" + r.Name }

// ARN is the repository's.
func (r Ref) ARN() string {
	return arn.New("ecr", r.Region, r.Account, "repository/"+r.Name).String()
}

// Mutabilities of tags: whether one that an image has may be given to another. The last two have exclusion filters.
const (
	Mutable                = "MUTABLE"
	Immutable              = "IMMUTABLE"
	MutableWithExclusion   = "MUTABLE_WITH_EXCLUSION"
	ImmutableWithExclusion = "IMMUTABLE_WITH_EXCLUSION"
)

// Repository holds the images of one name.
type Repository struct {
	Ref        Ref
	Created    time.Time
	Mutability string   // of tags
	Exclusions []string `json:",omitzero"` // wildcard patterns of the tags that Mutability does not hold for
	ScanOnPush bool     `json:",omitzero"` // recorded only

	Policy    string            `json:",omitzero"` // a document of IAM's; recorded only
	Lifecycle string            `json:",omitzero"` // a lifecycle policy, as ParseLifecycle reads it
	Evaluated time.Time         `json:",omitzero"` // when that was followed last
	Tags      map[string]string `json:",omitzero"`
}

// mayMove reports whether a tag that an image has may be given to another.
func (r *Repository) mayMove(tag string) bool {
	excluded := false
	for _, pattern := range r.Exclusions {
		if ok, _ := path.Match(pattern, tag); ok { // patterns were checked when they came
			excluded = true
		}
	}
	switch r.Mutability {
	case Immutable:
		return false
	case ImmutableWithExclusion:
		return excluded
	case MutableWithExclusion:
		return !excluded
	}
	return true
}

// namePattern is the API reference's for repositoryName; the distribution specification's <name> is the same.
var namePattern = regexp.MustCompile(`^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$`)

// ValidName reports whether a repository may be called so.
func ValidName(name string) bool {
	return len(name) >= 2 && len(name) <= 256 && namePattern.MatchString(name)
}

func noRepository(op string, r Ref) error {
	return &fault.Error{Kind: fault.NotFound, Op: op, Noun: "repository", Name: r.Name,
		Detail: fmt.Sprintf("The repository with name '%s' does not exist in the registry with id '%s'", r.Name, r.Account)}
}

// Create makes a repository.
func (s *Service) Create(r Repository) (*Repository, error) {
	const op = "registry.Create"
	if !ValidName(r.Ref.Name) {
		return nil, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "repository", Name: r.Ref.Name,
			Detail: "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '" + strings.Trim(namePattern.String(), "^$") + "''"}
	}
	if r.Mutability == "" {
		r.Mutability = Mutable
	}
	s.change.Lock()
	defer s.change.Unlock()
	if _, ok, err := s.repositories.Get(r.Ref.key()); err != nil || ok {
		if err == nil {
			err = &fault.Error{Kind: fault.Exists, Noun: "repository", Name: r.Ref.Name,
				Detail: fmt.Sprintf("The repository with name '%s' already exists in the registry with id '%s'", r.Ref.Name, r.Ref.Account)}
		}
		return nil, fault.In(op, err)
	}
	r.Created = s.now()
	r.Tags = maps.Clone(r.Tags)
	if err := s.repositories.Put(r.Ref.key(), r); err != nil {
		return nil, fault.In(op, err)
	}
	return &r, nil
}

// Repository finds one.
func (s *Service) Repository(r Ref) (*Repository, error) {
	const op = "registry.Repository"
	doc, ok, err := s.repositories.Get(r.key())
	if err != nil {
		return nil, fault.In(op, err)
	}
	if !ok {
		return nil, noRepository(op, r)
	}
	return &doc, nil
}

// Repositories gives those of an account in a region, by name.
func (s *Service) Repositories(account, region string) ([]Repository, error) {
	var all []Repository
	for d, err := range s.repositories.Scan(account + "/" + region + "/") {
		if err != nil {
			return nil, fault.In("registry.Repositories", err)
		}
		all = append(all, d.Doc)
	}
	return all, nil
}

// Update changes a repository.
func (s *Service) Update(r Ref, change func(*Repository) error) (*Repository, error) {
	const op = "registry.Update"
	s.change.Lock()
	defer s.change.Unlock()
	doc, err := s.Repository(r)
	if err != nil {
		return nil, fault.In(op, err)
	}
	doc.Tags = maps.Clone(doc.Tags)
	if err := change(doc); err != nil {
		return nil, fault.In(op, err)
	}
	return doc, fault.In(op, s.repositories.Put(r.key(), *doc))
}

// Delete removes a repository; one with images only when force says so.
func (s *Service) Delete(r Ref, force bool) (*Repository, error) {
	const op = "registry.Delete"
	s.change.Lock()
	defer s.change.Unlock()
	doc, err := s.Repository(r)
	if err != nil {
		return nil, fault.In(op, err)
	}
	writes := []store.Write{s.repositories.Remove(r.key()), s.previews.Remove(r.key())}
	var gone []blobs.Digest
	for d, err := range s.images.Scan(r.key() + "\x00") {
		if err != nil {
			return nil, fault.In(op, err)
		}
		if !force {
			return nil, &fault.Error{Kind: fault.Conflict, Op: op, Noun: "repository", Name: r.Name,
				Detail: fmt.Sprintf("The repository with name '%s' in registry with id '%s' cannot be deleted because it still contains images", r.Name, r.Account)}
		}
		writes = append(writes, s.images.Remove(d.Key), s.blobs.Unref(hexOf(d.Doc.Digest), imageOwner(r)))
		gone = append(gone, hexOf(d.Doc.Digest))
	}
	for d, err := range s.tags.Scan(r.key() + "\x00") {
		if err != nil {
			return nil, fault.In(op, err)
		}
		writes = append(writes, s.tags.Remove(d.Key))
	}
	for d, err := range s.layers.Scan(r.key() + "\x00") {
		if err != nil {
			return nil, fault.In(op, err)
		}
		writes = append(writes, s.layers.Remove(d.Key), s.blobs.Unref(hexOf(d.Doc.Digest), layerOwner(r)))
		gone = append(gone, hexOf(d.Doc.Digest))
	}
	if err := s.c.Store.Commit(writes...); err != nil {
		return nil, fault.In(op, err)
	}
	s.letGo(gone)
	return doc, nil
}

// letGo removes bytes that nothing names any more. What it cannot remove now goes when the platform opens again.
func (s *Service) letGo(digests []blobs.Digest) {
	for _, d := range digests {
		if err := s.blobs.Drop(d); err != nil {
			s.c.Log.Warn("the bytes of a deleted layer are still there", "digest", string(d), "err", err)
		}
	}
}

// hexOf is a digest's name in blobs: "sha256:…" without its algorithm.
func hexOf(digest string) blobs.Digest { return blobs.Digest(strings.TrimPrefix(digest, "sha256:")) }

// ValidDigest reports whether d is a digest of the only algorithm that is kept, SHA-256.
func ValidDigest(d string) bool { return strings.HasPrefix(d, "sha256:") && hexOf(d).Valid() }

func imageOwner(r Ref) string { return "image/" + r.key() }
func layerOwner(r Ref) string { return "layer/" + r.key() }
