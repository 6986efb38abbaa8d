package registry

import (
	"context"
	"time"

	"anthill/blobs"
	"anthill/fault"
	"anthill/store"
)

// collectEvery is how often garbage is looked for.
const collectEvery = time.Hour

// collect removes garbage until ctx ends.
func (s *Service) collect(ctx context.Context) {
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	for {
		if err := s.Expire(); err != nil {
			s.c.Log.Warn("images that have expired are still there", "err", err)
		}
		if err := s.Collect(); err != nil {
			s.c.Log.Warn("garbage of the registry is still there", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Collect removes uploads that nobody went on with, and layers that no image names, when they are old enough. It runs by
// itself once an hour.
func (s *Service) Collect() error {
	const op = "registry.Collect"
	before := s.now().Add(-s.c.Abandoned)
	var dead []string
	for d, err := range s.uploads.Scan("") {
		if err != nil {
			return fault.In(op, err)
		}
		if d.Doc.Touched.Before(before) {
			dead = append(dead, d.Key)
		}
	}
	for _, id := range dead {
		if err := s.endIfDead(id, before); err != nil {
			return fault.In(op, err)
		}
	}
	return fault.In(op, s.collectLayers(before))
}

func (s *Service) endIfDead(id string, before time.Time) error {
	g := s.goingOf(id)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := s.resume(g); err != nil || !g.over && !g.doc.Touched.Before(before) {
		return err
	}
	return s.drop(g)
}

// collectLayers removes layers that no image of their repository names.
func (s *Service) collectLayers(before time.Time) error {
	s.change.Lock()
	defer s.change.Unlock()
	used := map[string]bool{} // keys of layers
	for d, err := range s.images.Scan("") {
		if err != nil {
			return err
		}
		repository := d.Key[:len(d.Key)-len(d.Doc.Digest)]
		for _, p := range d.Doc.blobs() {
			used[repository+p.Digest] = true
		}
	}
	var writes []store.Write
	var gone []blobs.Digest
	for d, err := range s.layers.Scan("") {
		if err != nil {
			return err
		}
		if !used[d.Key] && d.Doc.Added.Before(before) {
			h := hexOf(d.Doc.Digest)
			repository := d.Key[:len(d.Key)-len(d.Doc.Digest)-1]
			writes = append(writes, s.layers.Remove(d.Key), s.blobs.Unref(h, "layer/"+repository))
			gone = append(gone, h)
		}
	}
	if writes == nil {
		return nil
	}
	if err := s.c.Store.Commit(writes...); err != nil {
		return err
	}
	s.letGo(gone)
	return nil
}

// dropStrayDrafts removes the bytes of uploads that are no more: a crash came between the two.
func (s *Service) dropStrayDrafts() error {
	names, err := s.blobs.Drafts()
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, ok, err := s.uploads.Get(name); err != nil || ok {
			if err != nil {
				return err
			}
			continue
		}
		if err := s.blobs.DropDraft(name); err != nil {
			return err
		}
	}
	return nil
}
