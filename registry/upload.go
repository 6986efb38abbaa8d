package registry

import (
	"fmt"
	"io"
	"sync"
	"time"

	"anthill/blobs"
	"anthill/fault"
	"anthill/uuid"
)

// upload is what is kept of a layer that is still coming: enough to go on after a restart.
type upload struct {
	Ref     Ref
	Size    int64     // bytes that were acknowledged
	State   []byte    `json:",omitzero"` // of the draft
	Touched time.Time // last
}

// going is an upload in use.
type going struct {
	mu    sync.Mutex
	id    string
	doc   upload
	draft *blobs.Draft
	over  bool
}

func noUpload(op string, r Ref, id string) error {
	return &fault.Error{Kind: fault.NotFound, Op: op, Noun: "upload", Name: id,
		Detail: fmt.Sprintf("Upload '%s' does not exist or has been finalized in the repository with name '%s' in the registry with id '%s'", id, r.Name, r.Account)}
}

// Begin begins an upload and gives its id, a UUID.
func (s *Service) Begin(r Ref) (id string, err error) {
	const op = "registry.Begin"
	if _, err := s.Repository(r); err != nil {
		return "", fault.In(op, err)
	}
	id = uuid.New()
	return id, fault.In(op, s.uploads.Put(id, upload{Ref: r, Touched: s.now()}))
}

// goingOf gives what is in memory of the upload of that id, which need not exist.
func (s *Service) goingOf(id string) *going {
	s.going.Lock()
	defer s.going.Unlock()
	g := s.going.uploads[id]
	if g == nil {
		g = &going{id: id}
		s.going.uploads[id] = g
	}
	return g
}

// upload gives the upload of that id, locked. The caller unlocks it.
func (s *Service) upload(op string, r Ref, id string) (*going, error) {
	g := s.goingOf(id)
	g.mu.Lock()
	err := s.resume(g)
	if err == nil && (g.over || g.doc.Ref != r) {
		err = noUpload(op, r, id)
	}
	if err != nil {
		g.mu.Unlock()
		return nil, fault.In(op, err)
	}
	return g, nil
}

// resume reads what is kept of g, the first time.
func (s *Service) resume(g *going) error {
	if g.draft != nil || g.over {
		return nil
	}
	doc, ok, err := s.uploads.Get(g.id)
	if err != nil {
		return err
	}
	if ok {
		g.doc = doc
		g.draft, err = s.blobs.Draft(g.id, doc.Size, doc.State)
	}
	if !ok || fault.Is(err, fault.NotFound) {
		s.forget(g)
		return nil
	}
	return err
}

// forget ends g in memory.
func (s *Service) forget(g *going) {
	g.over = true
	s.going.Lock()
	delete(s.going.uploads, g.id)
	s.going.Unlock()
}

// Uploaded is how many bytes an upload has.
func (s *Service) Uploaded(r Ref, id string) (int64, error) {
	g, err := s.upload("registry.Uploaded", r, id)
	if err != nil {
		return 0, err
	}
	defer g.mu.Unlock()
	return g.draft.Size(), nil
}

// Append adds to an upload and gives how many bytes it has then. first is the offset at which body belongs, negative when
// the client does not say. What came of a body that breaks off is kept, and the fault says why it broke.
func (s *Service) Append(r Ref, id string, first int64, body io.Reader) (size int64, err error) {
	const op = "registry.Append"
	g, err := s.upload(op, r, id)
	if err != nil {
		return 0, err
	}
	defer g.mu.Unlock()
	if have := g.draft.Size(); first >= 0 && first != have {
		return have, &fault.Error{Kind: fault.Conflict, Op: op, Noun: "upload", Name: id, Reason: ReasonPart,
			Detail: fmt.Sprintf("Invalid layer part upload to upload '%s' in repository '%s': the part begins at byte %d, and the upload has %d", id, r.Name, first, have)}
	}
	n, err := g.draft.Append(body)
	size = g.draft.Size()
	if n > 0 {
		g.doc.Size, g.doc.State, g.doc.Touched = size, g.draft.State(), s.now()
		if perr := s.uploads.Put(id, g.doc); perr != nil {
			return size, fault.In(op, perr)
		}
	}
	return size, fault.In(op, err)
}

// Finish makes an upload a layer. digest is what it should be. After another one the upload is gone.
func (s *Service) Finish(r Ref, id, digest string) (*Layer, error) {
	const op = "registry.Finish"
	g, err := s.upload(op, r, id)
	if err != nil {
		return nil, err
	}
	defer g.mu.Unlock()
	size := g.draft.Size()
	if got := "sha256:" + string(g.draft.Digest()); got != digest {
		err := &fault.Error{Kind: fault.Invalid, Op: op, Noun: "layer", Name: digest, Reason: ReasonDigest,
			Detail: fmt.Sprintf("provided digest %s did not match uploaded content, which has %s", digest, got)}
		if derr := s.drop(g); derr != nil {
			return nil, fault.In(op, derr)
		}
		return nil, err
	}
	if _, err := g.draft.Keep(); err != nil {
		return nil, fault.In(op, err)
	}
	s.forget(g)
	if err := s.addLayer(r, digest, size); err != nil {
		return nil, fault.In(op, err)
	}
	return &Layer{Digest: digest, Size: size}, fault.In(op, s.uploads.Delete(id))
}

// Cancel ends an upload and forgets its bytes.
func (s *Service) Cancel(r Ref, id string) error {
	const op = "registry.Cancel"
	g, err := s.upload(op, r, id)
	if err != nil {
		return err
	}
	defer g.mu.Unlock()
	return fault.In(op, s.drop(g))
}

// drop removes g with its bytes. g.mu must be held.
func (s *Service) drop(g *going) error {
	s.forget(g)
	if err := s.uploads.Delete(g.id); err != nil {
		return err
	}
	return s.blobs.DropDraft(g.id)
}
