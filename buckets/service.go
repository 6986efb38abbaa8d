package buckets

import (
	"context"
	"hash/maphash"
	"net"
	"regexp"
	"strings"
	"sync"
	"time"

	"anthill/blobs"
	"anthill/fault"
	"anthill/internal/disk"
	"anthill/store"
)

// Config says what a Service stands on. Store and Blobs must be set.
type Config struct {
	Store *store.Store
	Blobs *blobs.Store

	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Service keeps buckets.
type Service struct {
	c       Config
	blobs   *blobs.Store
	buckets *store.Collection[Bucket]
	objects *store.Collection[Object] // by "{bucket}/{key}"
	uploads *store.Collection[Upload] // by "{bucket}/{key}\x00{id}"
	parts   *store.Collection[Part]   // by "{upload id}/{number}", five digits

	seed    maphash.Seed
	locks   [64]sync.Mutex // over an object that is replaced, by its key
	endings [64]sync.Mutex // over an upload that changes or ends, by its id; taken before locks

	// change is held for reading while something is put into a bucket, and for writing while one is made or removed.
	change sync.RWMutex
}

// Bucket holds objects. Its name is unique on the platform.
type Bucket struct {
	Name            string
	Account, Region string
	Created         time.Time
}

// Open opens the buckets of a store.
func Open(_ context.Context, c Config) (*Service, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Service{c: c, blobs: c.Blobs, buckets: store.Of[Bucket](c.Store, "buckets"), objects: store.Of[Object](c.Store, "objects"),
		uploads: store.Of[Upload](c.Store, "uploads"), parts: store.Of[Part](c.Store, "upload-parts"), seed: maphash.MakeSeed()}, nil
}

// lock guards the replacement of the object with that key.
func (s *Service) lock(key string) *sync.Mutex { return s.take(&s.locks, key) }

// ending guards the changes of the upload with that id.
func (s *Service) ending(id string) *sync.Mutex { return s.take(&s.endings, id) }

func (s *Service) take(among *[64]sync.Mutex, name string) *sync.Mutex {
	l := &among[maphash.String(s.seed, name)%uint64(len(among))]
	l.Lock()
	return l
}

// namePattern is S3's rule for bucket names: 3 to 63 lower-case letters, digits, dots and hyphens.
// S3 user guide, "General purpose bucket naming rules".
var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// Create makes a bucket. It gives a fault of kind Exists when the name is taken, with the owner's account as Reason.
func (s *Service) Create(b Bucket) (*Bucket, error) {
	const op = "buckets.Create"
	if !namePattern.MatchString(b.Name) || strings.Contains(b.Name, "..") || net.ParseIP(b.Name) != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "bucket name", Name: b.Name}
	}
	s.change.Lock()
	defer s.change.Unlock()
	if old, ok, err := s.buckets.Get(b.Name); err != nil || ok {
		if err == nil {
			err = &fault.Error{Kind: fault.Exists, Noun: "bucket", Name: b.Name, Reason: old.Account}
		}
		return &old, fault.In(op, err)
	}
	b.Created = s.c.Now()
	if err := s.buckets.Put(b.Name, b); err != nil {
		return nil, fault.In(op, err)
	}
	return &b, nil
}

// Bucket finds a bucket.
func (s *Service) Bucket(name string) (*Bucket, error) {
	const op = "buckets.Bucket"
	b, ok, err := s.buckets.Get(name)
	if err != nil {
		return nil, fault.In(op, err)
	}
	if !ok {
		return nil, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "bucket", Name: name}
	}
	return &b, nil
}

// Buckets gives the buckets of an account by name.
func (s *Service) Buckets(account string) ([]Bucket, error) {
	var all []Bucket
	for d, err := range s.buckets.Scan("") {
		if err != nil {
			return nil, fault.In("buckets.Buckets", err)
		}
		if d.Doc.Account == account {
			all = append(all, d.Doc)
		}
	}
	return all, nil
}

// Remove removes an empty bucket.
func (s *Service) Remove(name string) error {
	const op = "buckets.Remove"
	s.change.Lock()
	defer s.change.Unlock()
	if _, err := s.Bucket(name); err != nil {
		return fault.In(op, err)
	}
	for range s.objects.Each(name + "/") {
		return &fault.Error{Kind: fault.Conflict, Op: op, Noun: "bucket", Name: name, Detail: "The bucket you tried to delete is not empty"}
	}
	writes := []disk.Write{s.buckets.Remove(name)}
	var gone []blobs.Digest
	for key, u := range s.uploads.Each(name + "/") { // uploads that nobody completed go with their bucket
		w, d := s.dropUpload(u)
		writes, gone = append(append(writes, w...), s.uploads.Remove(key)), append(gone, d...)
	}
	if err := s.c.Store.Commit(writes...); err != nil {
		return fault.In(op, err)
	}
	return fault.In(op, s.letGo(gone))
}

func (s *Service) letGo(digests []blobs.Digest) error {
	for _, d := range digests {
		if err := s.blobs.Drop(d); err != nil {
			return err
		}
	}
	return nil
}
