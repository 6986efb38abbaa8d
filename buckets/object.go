package buckets

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"time"

	"anthill/blobs"
	"anthill/fault"
	"anthill/internal/disk"
)

// MaxKey is the longest key of an object in bytes.
const MaxKey = 1024

// Properties are what a caller says of an object, and gets back with it.
type Properties struct {
	ContentType, CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, Expires string

	Metadata map[string]string // names in lower case, without "x-amz-meta-"
}

// Object is an object without its bytes.
type Object struct {
	Bucket, Key string
	Size        int64
	ETag        string // without quotes: the MD5 in hexadecimal, or "{MD5 of the parts' MD5s}-{parts}"
	Modified    time.Time
	Digest      blobs.Digest
	Checksum    Checksum
	Properties
}

func objectKey(bucket, key string) string   { return bucket + "/" + key }
func objectOwner(bucket, key string) string { return "object/" + bucket + "/" + key }
func noObject(op, key string) *fault.Error {
	return &fault.Error{Kind: fault.NotFound, Op: op, Noun: "object", Name: key}
}
func unmet(op, condition string) *fault.Error {
	return &fault.Error{Kind: fault.Conflict, Op: op, Noun: "condition", Name: condition, Detail: "At least one of the pre-conditions you specified did not hold"}
}

// Putting says how an object is put.
type Putting struct {
	Properties
	Checksum Checksum // what the caller says it is; an empty value is not checked. An empty algorithm means CRC64NVME
	MD5      []byte   // as Checksum; nil is not checked

	// Trailer gives the checksum when it comes after the bytes; it is called at their end.
	Trailer func() (Checksum, error)

	IfNoneMatch bool   // only when there is no such object
	IfMatch     string // only when the object has this ETag
}

// Put puts an object with the bytes of r. A wrong checksum is a fault of kind Invalid about the noun "digest".
func (s *Service) Put(ctx context.Context, bucket, key string, r io.Reader, p Putting) (*Object, error) {
	const op = "buckets.Put"
	if key == "" || len(key) > MaxKey {
		return nil, &fault.Error{Kind: fault.TooLarge, Op: op, Noun: "key", Name: key}
	}
	if _, err := s.Bucket(bucket); err != nil {
		return nil, fault.In(op, err)
	}
	o := &Object{Bucket: bucket, Key: key, Properties: p.Properties}
	if err := s.write(o, r, p); err != nil {
		return nil, fault.In(op, err)
	}
	if err := s.show(op, o, p); err != nil {
		return nil, err
	}
	return o, nil
}

// write keeps the bytes of r, checks them, and says in o what they are.
func (s *Service) write(o *Object, r io.Reader, p Putting) error {
	sum, err := newSum(p.Checksum.Algorithm)
	if err != nil {
		return err
	}
	plain := md5.New()
	o.Digest, o.Size, err = s.blobs.Put(io.TeeReader(r, io.MultiWriter(plain, sum)))
	if err != nil {
		return err
	}
	said := p.Checksum
	if p.Trailer != nil {
		if said, err = p.Trailer(); err != nil {
			return err
		}
	}
	got := plain.Sum(nil)
	o.ETag = hex.EncodeToString(got)
	o.Checksum = sum.checksum()
	switch {
	case p.MD5 != nil && string(p.MD5) != string(got):
		return &fault.Error{Kind: fault.Invalid, Noun: "digest", Name: "Content-MD5"}
	case said.Value != "" && said.Value != o.Checksum.Value:
		return &fault.Error{Kind: fault.Invalid, Noun: "digest", Name: said.Algorithm}
	}
	return nil
}

// show makes o what its key names, when the conditions hold.
func (s *Service) show(op string, o *Object, p Putting, also ...disk.Write) error {
	s.change.RLock()
	defer s.change.RUnlock()
	key := objectKey(o.Bucket, o.Key)
	defer s.lock(key).Unlock()
	if _, err := s.Bucket(o.Bucket); err != nil { // it may have gone while the bytes came
		return fault.In(op, err)
	}
	old, there, err := s.objects.Get(key)
	switch {
	case err != nil:
		return fault.In(op, err)
	case p.IfNoneMatch && there:
		return unmet(op, "If-None-Match")
	case p.IfMatch != "" && !there:
		return noObject(op, o.Key)
	case p.IfMatch != "" && p.IfMatch != old.ETag:
		return unmet(op, "If-Match")
	}
	o.Modified = s.c.Now().UTC().Truncate(time.Second) // as HTTP and S3 show it
	writes := append(also, s.objects.Write(key, *o), s.blobs.Ref(o.Digest, objectOwner(o.Bucket, o.Key)))
	if there && old.Digest != o.Digest {
		writes = append(writes, s.blobs.Unref(old.Digest, objectOwner(o.Bucket, o.Key)))
	}
	if err := s.c.Store.Commit(writes...); err != nil {
		return fault.In(op, err)
	}
	if there && old.Digest != o.Digest {
		return fault.In(op, s.blobs.Drop(old.Digest))
	}
	return nil
}

// Head gives an object without its bytes.
func (s *Service) Head(bucket, key string) (*Object, error) {
	const op = "buckets.Head"
	o, ok, err := s.objects.Get(objectKey(bucket, key))
	if err != nil {
		return nil, fault.In(op, err)
	}
	if !ok {
		if _, err := s.Bucket(bucket); err != nil {
			return nil, fault.In(op, err)
		}
		return nil, noObject(op, key)
	}
	return &o, nil
}

// Get gives an object and its bytes from the beginning. The caller closes them.
func (s *Service) Get(_ context.Context, bucket, key string) (*Object, io.ReadCloser, error) {
	const op = "buckets.Get"
	defer s.lock(objectKey(bucket, key)).Unlock() // so that the bytes are opened before they may go
	o, err := s.Head(bucket, key)
	if err != nil {
		return nil, nil, fault.In(op, err)
	}
	r, err := s.blobs.Open(o.Digest)
	if err != nil {
		return nil, nil, fault.In(op, err)
	}
	return o, r, nil
}

// Section gives length bytes of r from offset on.
func Section(r io.Reader, offset, length int64) (io.Reader, error) {
	if at, ok := r.(io.ReaderAt); ok {
		return io.NewSectionReader(at, offset, length), nil
	}
	if _, err := io.CopyN(io.Discard, r, offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return io.LimitReader(r, length), nil
}

// Delete removes an object. It is no fault that there is none.
func (s *Service) Delete(bucket, key string) error {
	const op = "buckets.Delete"
	s.change.RLock()
	defer s.change.RUnlock()
	if _, err := s.Bucket(bucket); err != nil {
		return fault.In(op, err)
	}
	k := objectKey(bucket, key)
	defer s.lock(k).Unlock()
	o, ok, err := s.objects.Get(k)
	if err != nil || !ok {
		return fault.In(op, err)
	}
	if err := s.c.Store.Commit(s.objects.Remove(k), s.blobs.Unref(o.Digest, objectOwner(bucket, key))); err != nil {
		return fault.In(op, err)
	}
	return fault.In(op, s.blobs.Drop(o.Digest))
}

// Copy puts the bytes of one object under another key. A nil replace keeps what the source says of itself. An empty
// algorithm keeps the source's checksum.
func (s *Service) Copy(ctx context.Context, from *Object, bucket, key string, replace *Properties, algorithm string) (*Object, error) {
	const op = "buckets.Copy"
	_, r, err := s.Get(ctx, from.Bucket, from.Key)
	if err != nil {
		return nil, fault.In(op, err)
	}
	defer r.Close()
	p := Putting{Properties: from.Properties, Checksum: Checksum{Algorithm: algorithm}}
	if algorithm == "" && from.Checksum.Type != Composite {
		p.Checksum.Algorithm = from.Checksum.Algorithm
	}
	if replace != nil {
		p.Properties = *replace
	}
	return s.Put(ctx, bucket, key, r, p)
}

// Listing says what of a bucket is listed.
type Listing struct {
	Prefix    string
	Delimiter string // keys that have it after the prefix are rolled up into one common prefix
	After     string // only what follows it, in the order of bytes: a key, or a common prefix with all that it holds
	Max       int    // keys and common prefixes, at most 1000
}

// Page is a part of a listing.
type Page struct {
	Objects   []Object
	Prefixes  []string
	Next      string // the After of the next page
	Truncated bool
}

// List gives a page of a bucket's objects.
func (s *Service) List(_ context.Context, bucket string, l Listing) (*Page, error) {
	const op = "buckets.List"
	if _, err := s.Bucket(bucket); err != nil {
		return nil, fault.In(op, err)
	}
	p := &Page{}
	if l.Max <= 0 {
		return p, nil
	}
	base := bucket + "/"
	from := l.Prefix
	if l.After >= from && l.After != "" {
		from = l.After + "\x00"
		if strings.HasPrefix(l.After, l.Prefix) {
			if group, ok := rolled(l.After, l); ok && group == l.After {
				from = successor(group)
			}
		}
	}
	for {
		again := false
		for d, err := range s.objects.ScanFrom(base+l.Prefix, base+from) {
			if err != nil {
				return nil, fault.In(op, err)
			}
			if len(p.Objects)+len(p.Prefixes) == l.Max {
				p.Truncated = true
				return p, nil
			}
			key := d.Doc.Key
			if group, ok := rolled(key, l); ok {
				p.Prefixes, p.Next = append(p.Prefixes, group), group
				from, again = successor(group), true // nothing else in it is read
				break
			}
			p.Objects, p.Next = append(p.Objects, d.Doc), key
		}
		if !again {
			return p, nil
		}
	}
}

// rolled gives the common prefix that a key is shown as.
func rolled(key string, l Listing) (string, bool) {
	if l.Delimiter == "" {
		return "", false
	}
	at := strings.Index(key[len(l.Prefix):], l.Delimiter)
	if at < 0 {
		return "", false
	}
	return key[:len(l.Prefix)+at+len(l.Delimiter)], true
}

// successor is a text that follows all that begin with s and precedes the others that follow s. No key has a byte 0xff,
// as keys are UTF-8.
func successor(s string) string { return s + "\xff" }

// Read gives all of an object's bytes, when they are at most limit.
func (s *Service) Read(ctx context.Context, bucket, key string, limit int64) ([]byte, error) {
	const op = "buckets.Read"
	o, r, err := s.Get(ctx, bucket, key)
	if err != nil {
		return nil, fault.In(op, err)
	}
	defer r.Close()
	if o.Size > limit {
		return nil, &fault.Error{Kind: fault.TooLarge, Op: op, Noun: "object", Name: key}
	}
	b, err := io.ReadAll(r)
	return b, fault.In(op, err)
}
