package registry

import (
	"time"

	"anthill/fault"
)

// Preview is what a lifecycle policy would have expired when it was asked for.
type Preview struct {
	Policy   string // its text
	Expiring []Expiry
	At       time.Time
}

// StartPreview evaluates a policy without deleting anything. An empty text means the repository's own policy.
func (s *Service) StartPreview(r Ref, text string) (*Preview, error) {
	const op = "registry.StartPreview"
	repo, err := s.Repository(r)
	if err != nil {
		return nil, fault.In(op, err)
	}
	if text == "" {
		if text = repo.Lifecycle; text == "" {
			return nil, fault.In(op, NoLifecycle(r))
		}
	}
	l, err := ParseLifecycle(text)
	if err != nil {
		return nil, fault.In(op, err)
	}
	images, err := s.Images(r)
	if err != nil {
		return nil, fault.In(op, err)
	}
	p := &Preview{Policy: text, At: s.now(), Expiring: l.Expiring(images, s.now())}
	for i := range p.Expiring {
		e := &p.Expiring[i]
		e.Tags = e.Image.Tags // which a document of an image has not
	}
	return p, fault.In(op, s.previews.Put(r.key(), *p))
}

// Preview gives the newest preview of a repository.
func (s *Service) Preview(r Ref) (*Preview, error) {
	const op = "registry.Preview"
	if _, err := s.Repository(r); err != nil {
		return nil, fault.In(op, err)
	}
	p, ok, err := s.previews.Get(r.key())
	if err != nil {
		return nil, fault.In(op, err)
	}
	if !ok {
		return nil, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "preview", Name: r.Name,
			Detail: "Lifecycle policy preview does not exist for the repository with name '" + r.Name + "' in the registry with id '" + r.Account + "'"}
	}
	return &p, nil
}

// NoLifecycle is the fault of a repository without a lifecycle policy, in AWS's words.
func NoLifecycle(r Ref) error {
	return &fault.Error{Kind: fault.NotFound, Op: "registry", Noun: "lifecycle policy", Name: r.Name,
		Detail: "Lifecycle policy does not exist for the repository with name '" + r.Name + "' in the registry with id '" + r.Account + "'"}
}

// Expire deletes what the repositories' lifecycle policies expire. It runs by itself once an hour.
func (s *Service) Expire() error {
	const op = "registry.Expire"
	var due []Repository
	for d, err := range s.repositories.Scan("") {
		if err != nil {
			return fault.In(op, err)
		}
		if d.Doc.Lifecycle != "" {
			due = append(due, d.Doc)
		}
	}
	for _, repo := range due {
		if err := s.expire(&repo); err != nil && !fault.Is(err, fault.NotFound) { // it was deleted meanwhile
			return fault.In(op, err)
		}
	}
	return nil
}

func (s *Service) expire(repo *Repository) error {
	l, err := ParseLifecycle(repo.Lifecycle)
	if err != nil { // one of an earlier version, which did not read it
		s.c.Log.Warn("a lifecycle policy is not followed", "repository", repo.Ref.Name, "err", err)
		return nil
	}
	images, err := s.Images(repo.Ref)
	if err != nil {
		return err
	}
	deleted := map[string]bool{}
	for _, e := range l.Expiring(images, s.now()) {
		gone, err := s.deleteIfFree(repo.Ref, e.Image.Digest)
		if err != nil {
			return err
		}
		if gone {
			deleted[e.Image.Digest] = true
			s.c.Log.Info("an image has expired", "repository", repo.Ref.Name, "digest", e.Image.Digest, "rule", e.Priority)
		}
	}
	if err := s.dropOrphans(repo.Ref, deleted); err != nil {
		return err
	}
	_, err = s.Update(repo.Ref, func(r *Repository) error {
		r.Evaluated = s.now()
		return nil
	})
	return err
}

// deleteIfFree deletes an image and reports whether it did: one that an index names stays, and one may be gone already.
func (s *Service) deleteIfFree(r Ref, digest string) (gone bool, err error) {
	err = s.DeleteImage(r, digest)
	if f := fault.Of(err); err != nil && (f.Reason == ReasonReferenced || f.Kind == fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// subjectWait is how long a reference artifact waits for its subject, which may be pushed after it.
const subjectWait = 24 * time.Hour

// dropOrphans deletes reference artifacts (signatures, attestations, lists of materials) whose subject is not there any
// more, as lifecycle policies do within a day of the subject's end (ECR user guide, "Automate the cleanup of images by using
// lifecycle policies"): at once those of images that were deleted, the others when a day has passed. Artifacts may have artifacts.
func (s *Service) dropOrphans(r Ref, deleted map[string]bool) error {
	for again := true; again; {
		again = false
		images, err := s.Images(r)
		if err != nil {
			return err
		}
		here := map[string]bool{}
		for _, img := range images {
			here[img.Digest] = true
		}
		for _, img := range images {
			if img.Subject == "" || here[img.Subject] || !deleted[img.Subject] && s.now().Sub(img.Pushed) < subjectWait {
				continue
			}
			gone, err := s.deleteIfFree(r, img.Digest)
			if err != nil {
				return err
			}
			if gone {
				deleted[img.Digest], again = true, true
				s.c.Log.Info("a reference artifact has gone with its subject", "repository", r.Name, "digest", img.Digest, "subject", img.Subject)
			}
		}
	}
	return nil
}
