package registry

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"anthill/blobs"
	"anthill/fault"
	"anthill/store"
)

// Image is one manifest of a repository.
type Image struct {
	Manifest
	Size   int64     // of its layers and configuration as they are kept, in bytes; of an index that of its largest image
	Pushed time.Time // last, by whichever tag
	Pulled time.Time `json:",omitzero"` // noted once a day
	Tags   []string  `json:"-"`         // sorted
}

// tagged is what a tag names.
type tagged struct{ Digest string }

// tagPattern is the distribution specification's for tags.
var tagPattern = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

// ValidTag reports whether an image may have that tag.
func ValidTag(tag string) bool { return tagPattern.MatchString(tag) }

// Reasons of faults about images, for the doors to choose their codes by.
const (
	ReasonLayers     = "layers"     // the manifest names layers that are not there; Name lists them
	ReasonManifests  = "manifests"  // the index names manifests that are not there
	ReasonImmutable  = "immutable"  // the tag may not move
	ReasonSame       = "same"       // the image has that tag already
	ReasonReferenced = "referenced" // an index names the image
	ReasonDigest     = "digest"     // the bytes have another digest
	ReasonSchema     = "schema"     // a manifest of a kind that is not taken any more
	ReasonPart       = "part"       // a part of an upload that does not follow what is there
	ReasonEmpty      = "empty"      // an upload without bytes
)

func (r Ref) image(digest string) string { return r.key() + "\x00" + digest }

func noImage(op string, r Ref, name string) error {
	return &fault.Error{Kind: fault.NotFound, Op: op, Noun: "image", Name: name,
		Detail: fmt.Sprintf("The image with imageId {%s} does not exist within the repository with name '%s' in the registry with id '%s'", identifier(name), r.Name, r.Account)}
}

// identifier prints a tag or digest as ECR's messages do.
func identifier(name string) string {
	if strings.HasPrefix(name, "sha256:") {
		return "imageDigest:'" + name + "', imageTag:'null'"
	}
	return "imageDigest:'null', imageTag:'" + name + "'"
}

// PutImage keeps a manifest under its digest and, unless tag is "", under a tag. It is no fault that it is there already:
// fresh says whether anything changed.
func (s *Service) PutImage(r Ref, tag string, m *Manifest, raw []byte) (img *Image, fresh bool, err error) {
	const op = "registry.PutImage"
	if tag != "" && !ValidTag(tag) {
		return nil, false, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "tag", Name: tag,
			Detail: "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}''"}
	}
	if _, _, err := s.blobs.Put(bytes.NewReader(raw)); err != nil {
		return nil, false, fault.In(op, err)
	}
	s.change.Lock()
	defer s.change.Unlock()
	repo, err := s.Repository(r)
	if err != nil {
		return nil, false, fault.In(op, err)
	}
	img = &Image{Manifest: *m, Pushed: s.now()}
	if img.Size, err = s.checkParts(r, m); err != nil {
		return nil, false, fault.In(op, err)
	}
	old, known, err := s.images.Get(r.image(m.Digest))
	if err != nil {
		return nil, false, fault.In(op, err)
	}
	if known {
		img.Pulled = old.Pulled
	}
	writes := []store.Write{s.images.Write(r.image(m.Digest), *img), s.blobs.Ref(hexOf(m.Digest), imageOwner(r))}
	fresh = !known
	if tag != "" {
		was, has, err := s.tags.Get(r.image(tag))
		if err != nil {
			return nil, false, fault.In(op, err)
		}
		if has && was.Digest != m.Digest && !repo.mayMove(tag) {
			return nil, false, &fault.Error{Kind: fault.Exists, Op: op, Noun: "tag", Name: tag, Reason: ReasonImmutable,
				Detail: fmt.Sprintf("The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the tag is immutable.", tag, r.Name)}
		}
		fresh = fresh || !has || was.Digest != m.Digest
		writes = append(writes, s.tags.Write(r.image(tag), tagged{m.Digest}))
	}
	if err := s.c.Store.Commit(writes...); err != nil {
		return nil, false, fault.In(op, err)
	}
	img.Tags, err = s.tagsOf(r, m.Digest)
	return img, fresh, fault.In(op, err)
}

// checkParts refuses a manifest that names what the repository does not have, and gives the size of its image.
func (s *Service) checkParts(r Ref, m *Manifest) (size int64, err error) {
	var missing []string
	for _, p := range m.blobs() {
		l, ok, err := s.layers.Get(r.image(p.Digest))
		switch {
		case err != nil:
			return 0, err
		case !ok && !p.Elsewhere:
			missing = append(missing, p.Digest)
		case ok && l.Size != p.Size:
			return 0, badManifest("%s has %d bytes, and the manifest says %d", p.Digest, l.Size, p.Size)
		}
		size += p.Size
	}
	if missing != nil {
		return 0, &fault.Error{Kind: fault.NotFound, Noun: "layer", Name: strings.Join(missing, ","), Reason: ReasonLayers,
			Detail: fmt.Sprintf("Layers with digests '%s' required for pushing image into repository with name '%s' in the registry with id '%s' do not exist", missing, r.Name, r.Account)}
	}
	for _, p := range m.Manifests {
		child, ok, err := s.images.Get(r.image(p.Digest))
		if err != nil {
			return 0, err
		}
		if !ok {
			missing = append(missing, p.Digest)
		}
		size = max(size, child.Size)
	}
	if missing != nil {
		return 0, &fault.Error{Kind: fault.NotFound, Noun: "image", Name: strings.Join(missing, ","), Reason: ReasonManifests,
			Detail: fmt.Sprintf("Images with digests '%s' required for pushing image into repository with name '%s' in the registry with id '%s' do not exist", missing, r.Name, r.Account)}
	}
	return size, nil
}

// tagsOf gives the tags of an image.
func (s *Service) tagsOf(r Ref, digest string) (tags []string, err error) {
	for d, err := range s.tags.Scan(r.key() + "\x00") {
		if err != nil {
			return nil, err
		}
		if d.Doc.Digest == digest {
			tags = append(tags, d.Key[len(r.key())+1:])
		}
	}
	return tags, nil
}

// Image finds an image by its digest or by a tag.
func (s *Service) Image(r Ref, name string) (*Image, error) {
	const op = "registry.Image"
	if _, err := s.Repository(r); err != nil {
		return nil, fault.In(op, err)
	}
	digest := name
	if !strings.HasPrefix(name, "sha256:") {
		t, ok, err := s.tags.Get(r.image(name))
		if err != nil {
			return nil, fault.In(op, err)
		}
		if !ok {
			return nil, noImage(op, r, name)
		}
		digest = t.Digest
	}
	img, ok, err := s.images.Get(r.image(digest))
	if err != nil {
		return nil, fault.In(op, err)
	}
	if !ok {
		return nil, noImage(op, r, name)
	}
	img.Tags, err = s.tagsOf(r, digest)
	return &img, fault.In(op, err)
}

// Images gives every image of a repository with its tags, in the order of their digests.
func (s *Service) Images(r Ref) ([]Image, error) {
	const op = "registry.Images"
	if _, err := s.Repository(r); err != nil {
		return nil, fault.In(op, err)
	}
	tags := map[string][]string{}
	for d, err := range s.tags.Scan(r.key() + "\x00") {
		if err != nil {
			return nil, fault.In(op, err)
		}
		tags[d.Doc.Digest] = append(tags[d.Doc.Digest], d.Key[len(r.key())+1:])
	}
	var all []Image
	for d, err := range s.images.Scan(r.key() + "\x00") {
		if err != nil {
			return nil, fault.In(op, err)
		}
		d.Doc.Tags = tags[d.Doc.Digest]
		all = append(all, d.Doc)
	}
	return all, nil
}

// TagNames gives the tags of a repository, sorted.
func (s *Service) TagNames(r Ref) ([]string, error) {
	const op = "registry.TagNames"
	if _, err := s.Repository(r); err != nil {
		return nil, fault.In(op, err)
	}
	tags := []string{}
	for d, err := range s.tags.Scan(r.key() + "\x00") {
		if err != nil {
			return nil, fault.In(op, err)
		}
		tags = append(tags, d.Key[len(r.key())+1:])
	}
	return tags, nil
}

// Raw gives the bytes of an image's manifest.
func (s *Service) Raw(img *Image) ([]byte, error) {
	const op = "registry.Raw"
	r, err := s.blobs.Open(hexOf(img.Digest))
	if err != nil {
		return nil, fault.In(op, err)
	}
	defer r.Close()
	raw, err := io.ReadAll(r)
	return raw, fault.In(op, err)
}

// pullNoted is how often a pull of an image is noted (API reference, ImageDetail: lastRecordedPullTime).
const pullNoted = 24 * time.Hour

// NotePull remembers that an image was pulled.
func (s *Service) NotePull(r Ref, img *Image) error {
	now := s.now()
	if now.Sub(img.Pulled) < pullNoted {
		return nil
	}
	s.change.Lock()
	defer s.change.Unlock()
	doc, ok, err := s.images.Get(r.image(img.Digest))
	if err != nil || !ok {
		return fault.In("registry.NotePull", err)
	}
	doc.Pulled = now
	return fault.In("registry.NotePull", s.images.Put(r.image(img.Digest), doc))
}

// Untag takes a tag from its image, which stays.
func (s *Service) Untag(r Ref, tag string) error {
	const op = "registry.Untag"
	s.change.Lock()
	defer s.change.Unlock()
	if _, err := s.Repository(r); err != nil {
		return fault.In(op, err)
	}
	if _, ok, err := s.tags.Get(r.image(tag)); err != nil || !ok {
		if err == nil {
			err = noImage(op, r, tag)
		}
		return fault.In(op, err)
	}
	return fault.In(op, s.tags.Delete(r.image(tag)))
}

// DeleteImage removes an image with its tags, and the layers that no other image of the repository names.
func (s *Service) DeleteImage(r Ref, digest string) error {
	const op = "registry.DeleteImage"
	s.change.Lock()
	defer s.change.Unlock()
	all, err := s.Images(r)
	if err != nil {
		return fault.In(op, err)
	}
	i := slices.IndexFunc(all, func(img Image) bool { return img.Digest == digest })
	if i < 0 {
		return noImage(op, r, digest)
	}
	img := all[i]
	used := map[string]bool{}
	for _, other := range all {
		if other.Digest == digest {
			continue
		}
		for _, p := range other.blobs() {
			used[p.Digest] = true
		}
		if slices.ContainsFunc(other.Manifests, func(p Part) bool { return p.Digest == digest }) {
			return &fault.Error{Kind: fault.Conflict, Op: op, Noun: "image", Name: digest, Reason: ReasonReferenced,
				Detail: "Requested image referenced by manifest list: [" + other.Digest + "]"}
		}
	}
	writes := []store.Write{s.images.Remove(r.image(digest)), s.blobs.Unref(hexOf(digest), imageOwner(r))}
	gone := []blobs.Digest{hexOf(digest)}
	for _, tag := range img.Tags {
		writes = append(writes, s.tags.Remove(r.image(tag)))
	}
	for _, p := range img.blobs() {
		if !used[p.Digest] {
			writes = append(writes, s.layers.Remove(r.image(p.Digest)), s.blobs.Unref(hexOf(p.Digest), layerOwner(r)))
			gone = append(gone, hexOf(p.Digest))
		}
	}
	if err := s.c.Store.Commit(writes...); err != nil {
		return fault.In(op, err)
	}
	s.letGo(gone)
	return nil
}

// Referrers gives the images that are about the one with that digest, whether it is there or not.
func (s *Service) Referrers(r Ref, digest string) ([]Image, error) {
	all, err := s.Images(r)
	if err != nil {
		return nil, fault.In("registry.Referrers", err)
	}
	return slices.DeleteFunc(all, func(img Image) bool { return img.Subject != digest }), nil
}
