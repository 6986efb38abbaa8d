package registry

import (
	"fmt"
	"io"
	"time"

	"anthill/fault"
)

// Layer is bytes of a repository that manifests may name: a layer or a configuration.
type Layer struct {
	Digest string
	Size   int64
	Added  time.Time
}

func noLayer(op string, r Ref, digest string) error {
	return &fault.Error{Kind: fault.NotFound, Op: op, Noun: "layer", Name: digest,
		Detail: fmt.Sprintf("The layer with digest '%s' does not exist in the repository with name '%s' in the registry with id '%s'", digest, r.Name, r.Account)}
}

// Layer finds a layer.
func (s *Service) Layer(r Ref, digest string) (*Layer, error) {
	const op = "registry.Layer"
	l, ok, err := s.layers.Get(r.image(digest))
	if err != nil {
		return nil, fault.In(op, err)
	}
	if ok {
		return &l, nil
	}
	if _, err := s.Repository(r); err != nil {
		return nil, fault.In(op, err)
	}
	return nil, noLayer(op, r, digest)
}

// Bytes are those of a blob, from anywhere.
type Bytes interface {
	io.ReadCloser
	io.ReaderAt
}

// Open gives the bytes of a layer, or of a manifest of the repository. The caller closes them.
func (s *Service) Open(r Ref, digest string) (Bytes, int64, error) {
	const op = "registry.Open"
	var size int64
	l, err := s.Layer(r, digest)
	if err == nil {
		size = l.Size
	} else if img, ierr := s.Image(r, digest); ierr == nil {
		size = img.Length
	} else {
		return nil, 0, fault.In(op, err)
	}
	b, err := s.blobs.Open(hexOf(digest))
	if err != nil {
		return nil, 0, fault.In(op, err)
	}
	at, ok := b.(Bytes)
	if !ok {
		b.Close()
		return nil, 0, fault.In(op, fmt.Errorf("a blob's file of type %T cannot be read from anywhere", b))
	}
	return at, size, nil
}

// addLayer makes bytes that are in blobs a layer of a repository.
func (s *Service) addLayer(r Ref, digest string, size int64) error {
	s.change.Lock()
	defer s.change.Unlock()
	if _, err := s.Repository(r); err != nil { // it may have gone while the bytes came
		return err
	}
	return s.c.Store.Commit(s.layers.Write(r.image(digest), Layer{Digest: digest, Size: size, Added: s.now()}), s.blobs.Ref(hexOf(digest), layerOwner(r)))
}

// Mount makes a layer of another repository one of to, without its bytes being sent. It reports false when from has none
// of that digest.
func (s *Service) Mount(to, from Ref, digest string) (bool, error) {
	const op = "registry.Mount"
	s.change.Lock()
	defer s.change.Unlock()
	if _, err := s.Repository(to); err != nil {
		return false, fault.In(op, err)
	}
	l, ok, err := s.layers.Get(from.image(digest))
	if err != nil || !ok {
		return false, fault.In(op, err)
	}
	l.Added = s.now()
	return true, fault.In(op, s.c.Store.Commit(s.layers.Write(to.image(digest), l), s.blobs.Ref(hexOf(digest), layerOwner(to))))
}

// DeleteLayer removes a layer that no image of its repository names.
func (s *Service) DeleteLayer(r Ref, digest string) error {
	const op = "registry.DeleteLayer"
	s.change.Lock()
	defer s.change.Unlock()
	if _, err := s.Layer(r, digest); err != nil {
		return fault.In(op, err)
	}
	all, err := s.Images(r)
	if err != nil {
		return fault.In(op, err)
	}
	for i := range all {
		for _, p := range all[i].blobs() {
			if p.Digest == digest {
				return &fault.Error{Kind: fault.Conflict, Op: op, Noun: "layer", Name: digest, Reason: ReasonReferenced, Detail: "the layer is part of the image " + all[i].Digest}
			}
		}
	}
	if err := s.c.Store.Commit(s.layers.Remove(r.image(digest)), s.blobs.Unref(hexOf(digest), layerOwner(r))); err != nil {
		return fault.In(op, err)
	}
	return fault.In(op, s.blobs.Drop(hexOf(digest)))
}
