package buckets

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"time"

	"anthill/blobs"
	"anthill/fault"
	"anthill/internal/disk"
)

// MinPart is the least size of a part that is not the last: 5 MiB.
const MinPart = 5 << 20

// MaxPart is the highest number of a part.
const MaxPart = 10_000

// Upload is an object that comes in parts.
type Upload struct {
	ID          string
	Bucket, Key string
	Started     time.Time
	Algorithm   string // of the checksums; "" when the caller named none
	Type        string // FullObject or Composite; "" when the caller named no algorithm
	Properties
}

// Part is a part of an upload.
type Part struct {
	Upload   string
	Number   int
	Size     int64
	ETag     string
	Modified time.Time
	Digest   blobs.Digest
	Checksum Checksum
}

func uploadKey(bucket, key, id string) string { return bucket + "/" + key + "\x00" + id }
func partKey(id string, n int) string         { return fmt.Sprintf("%s/%05d", id, n) }
func partOwner(id string, n int) string       { return "part/" + partKey(id, n) }

// Begin begins an upload.
func (s *Service) Begin(u Upload) (*Upload, error) {
	const op = "buckets.Begin"
	s.change.RLock()
	defer s.change.RUnlock()
	if _, err := s.Bucket(u.Bucket); err != nil {
		return nil, fault.In(op, err)
	}
	if u.Algorithm != "" {
		if _, err := newSum(u.Algorithm); err != nil {
			return nil, fault.In(op, err)
		}
		if u.Type == "" {
			if u.Type = Composite; u.Algorithm == "CRC64NVME" {
				u.Type = FullObject
			}
		}
	}
	var b [24]byte
	rand.Read(b[:])
	u.ID, u.Started = hex.EncodeToString(b[:]), s.c.Now().UTC()
	if err := s.uploads.Put(uploadKey(u.Bucket, u.Key, u.ID), u); err != nil {
		return nil, fault.In(op, err)
	}
	return &u, nil
}

// Upload finds an upload.
func (s *Service) Upload(bucket, key, id string) (*Upload, error) {
	const op = "buckets.Upload"
	u, ok, err := s.uploads.Get(uploadKey(bucket, key, id))
	if err != nil {
		return nil, fault.In(op, err)
	}
	if !ok {
		if _, err := s.Bucket(bucket); err != nil {
			return nil, fault.In(op, err)
		}
		return nil, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "upload", Name: id}
	}
	return &u, nil
}

// PutPart puts a part, or replaces it.
func (s *Service) PutPart(_ context.Context, bucket, key, id string, number int, r io.Reader, p Putting) (*Part, error) {
	const op = "buckets.PutPart"
	u, err := s.Upload(bucket, key, id)
	if err != nil {
		return nil, fault.In(op, err)
	}
	if p.Checksum.Algorithm == "" {
		p.Checksum.Algorithm = u.Algorithm
	}
	o := &Object{}
	if err := s.write(o, r, p); err != nil {
		return nil, fault.In(op, err)
	}
	part := Part{Upload: id, Number: number, Size: o.Size, ETag: o.ETag, Modified: s.c.Now().UTC(), Digest: o.Digest, Checksum: o.Checksum}
	s.change.RLock()
	defer s.change.RUnlock()
	defer s.ending(id).Unlock()
	if _, err := s.Upload(bucket, key, id); err != nil { // it may have ended while the bytes came
		return nil, fault.In(op, err)
	}
	old, there, err := s.parts.Get(partKey(id, number))
	if err != nil {
		return nil, fault.In(op, err)
	}
	writes := []disk.Write{s.parts.Write(partKey(id, number), part), s.blobs.Ref(part.Digest, partOwner(id, number))}
	if there && old.Digest != part.Digest {
		writes = append(writes, s.blobs.Unref(old.Digest, partOwner(id, number)))
	}
	if err := s.c.Store.Commit(writes...); err != nil {
		return nil, fault.In(op, err)
	}
	if there && old.Digest != part.Digest {
		return &part, fault.In(op, s.blobs.Drop(old.Digest))
	}
	return &part, nil
}

// Parts gives the parts of an upload by number.
func (s *Service) Parts(id string) ([]Part, error) {
	var all []Part
	for d, err := range s.parts.Scan(id + "/") {
		if err != nil {
			return nil, fault.In("buckets.Parts", err)
		}
		all = append(all, d.Doc)
	}
	return all, nil
}

// Uploads gives the uploads of a bucket that have not ended, by key.
func (s *Service) Uploads(bucket, prefix string) ([]Upload, error) {
	const op = "buckets.Uploads"
	if _, err := s.Bucket(bucket); err != nil {
		return nil, fault.In(op, err)
	}
	var all []Upload
	for d, err := range s.uploads.Scan(bucket + "/" + prefix) {
		if err != nil {
			return nil, fault.In(op, err)
		}
		all = append(all, d.Doc)
	}
	return all, nil
}

// dropUpload gives what removes the parts of an upload, and their bytes.
func (s *Service) dropUpload(u Upload) (writes []disk.Write, gone []blobs.Digest) {
	for key, p := range s.parts.Each(u.ID + "/") {
		writes = append(writes, s.parts.Remove(key), s.blobs.Unref(p.Digest, partOwner(u.ID, p.Number)))
		gone = append(gone, p.Digest)
	}
	return writes, gone
}

// Abort ends an upload without an object.
func (s *Service) Abort(bucket, key, id string) error {
	const op = "buckets.Abort"
	u, err := s.Upload(bucket, key, id)
	if err != nil {
		return fault.In(op, err)
	}
	defer s.ending(id).Unlock()
	writes, gone := s.dropUpload(*u)
	if err := s.c.Store.Commit(append(writes, s.uploads.Remove(uploadKey(bucket, key, id)))...); err != nil {
		return fault.In(op, err)
	}
	return fault.In(op, s.letGo(gone))
}

// Named is a part as a caller names it to complete an upload.
type Named struct {
	Number   int
	ETag     string
	Checksum string // "" is not checked
}

// Complete makes an object of the named parts, in their order.
func (s *Service) Complete(_ context.Context, bucket, key, id string, named []Named, p Putting) (*Object, error) {
	const op = "buckets.Complete"
	u, err := s.Upload(bucket, key, id)
	if err != nil {
		return nil, fault.In(op, err)
	}
	defer s.ending(id).Unlock()
	parts, err := s.chosen(op, id, named)
	if err != nil {
		return nil, err
	}
	o := &Object{Bucket: bucket, Key: key, Properties: u.Properties}
	if err := s.join(o, u, parts); err != nil {
		return nil, fault.In(op, err)
	}
	if p.Checksum.Value != "" && p.Checksum.Value != o.Checksum.Value {
		return nil, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "digest", Name: p.Checksum.Algorithm}
	}
	writes, gone := s.dropUpload(*u)
	if err := s.show(op, o, p, append(writes, s.uploads.Remove(uploadKey(bucket, key, id)))...); err != nil {
		return nil, err
	}
	return o, fault.In(op, s.letGo(gone))
}

// chosen finds the named parts and refuses what S3 refuses.
func (s *Service) chosen(op, id string, named []Named) ([]Part, error) {
	for i := 1; i < len(named); i++ {
		if named[i].Number <= named[i-1].Number {
			return nil, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "part order"}
		}
	}
	var out []Part
	for _, n := range named {
		p, ok, err := s.parts.Get(partKey(id, n.Number))
		if err != nil {
			return nil, fault.In(op, err)
		}
		if !ok || p.ETag != n.ETag || n.Checksum != "" && n.Checksum != p.Checksum.Value {
			return nil, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "part", Name: strconv.Itoa(n.Number)}
		}
		out = append(out, p)
	}
	for i, p := range out {
		if i+1 < len(out) && p.Size < MinPart {
			return nil, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "part size", Name: strconv.Itoa(p.Number)}
		}
	}
	return out, nil
}

// join writes the parts as one blob and says in o what they are together.
func (s *Service) join(o *Object, u *Upload, parts []Part) error {
	whole, err := newSum(u.Algorithm)
	if err != nil {
		return err
	}
	r := &joined{s: s, parts: parts}
	defer r.close()
	if o.Digest, o.Size, err = s.blobs.Put(io.TeeReader(r, whole)); err != nil {
		return err
	}
	sums, etags := &sum{algorithm: u.Algorithm}, md5.New()
	if u.Type == Composite {
		if sums, err = newSum(u.Algorithm); err != nil {
			return err
		}
	}
	for _, p := range parts {
		raw, _ := hex.DecodeString(p.ETag)
		etags.Write(raw)
		if u.Type == Composite {
			raw, _ := base64.StdEncoding.DecodeString(p.Checksum.Value)
			sums.Write(raw)
		}
	}
	count := "-" + strconv.Itoa(len(parts))
	o.ETag = hex.EncodeToString(etags.Sum(nil)) + count
	if o.Checksum = whole.checksum(); u.Type == Composite {
		o.Checksum = sums.checksum()
		o.Checksum.Value, o.Checksum.Type = o.Checksum.Value+count, Composite
	}
	return nil
}

// joined reads parts one after the other, one open at a time.
type joined struct {
	s     *Service
	parts []Part
	open  io.ReadCloser
}

func (j *joined) Read(b []byte) (int, error) {
	for {
		if j.open == nil {
			if len(j.parts) == 0 {
				return 0, io.EOF
			}
			r, err := j.s.blobs.Open(j.parts[0].Digest)
			if err != nil {
				return 0, err
			}
			j.open, j.parts = r, j.parts[1:]
		}
		n, err := j.open.Read(b)
		if err == io.EOF {
			err = j.open.Close()
			j.open = nil
			if n == 0 && err == nil {
				continue
			}
		}
		return n, err
	}
}

func (j *joined) close() {
	if j.open != nil {
		j.open.Close() // only read
	}
}
