package blobs

import (
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
	"strings"
	"time"

	"anthill/fault"
	"anthill/internal/disk"
)

// draftPrefix begins the names of drafts' files, which a sweep leaves alone: whoever made a draft ends it.
const draftPrefix = "draft-"

// Draft is bytes that come in pieces, over restarts if need be. It has no digest until Keep. One goroutine at a time may
// use it.
type Draft struct {
	b    *Store
	name string
	size int64
	hash hash.Hash
}

// Draft goes on with the draft of that name after its first size bytes, with what State gave then. A size of 0 begins a
// new one. Names are letters, digits and hyphens.
func (b *Store) Draft(name string, size int64, state []byte) (*Draft, error) {
	const op = "blobs.Draft"
	d := &Draft{b: b, name: b.fs.PathJoin(b.dir, draftPrefix+name), size: size, hash: sha256.New()}
	if size == 0 {
		return d, nil
	}
	if err := d.hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		return nil, fault.In(op, err)
	}
	info, err := b.fs.Stat(d.name)
	if err == nil && info.Size() < size {
		err = &fault.Error{Kind: fault.Internal, Noun: "draft", Name: name, Detail: "it lost bytes that were flushed"}
	}
	if errors.Is(err, os.ErrNotExist) {
		err = &fault.Error{Kind: fault.NotFound, Noun: "draft", Name: name, Err: err}
	}
	if err != nil {
		return nil, faultOf(op, err)
	}
	return d, nil
}

// Drafts gives the names of the drafts that there are.
func (b *Store) Drafts() ([]string, error) {
	names, err := b.fs.List(b.dir)
	if err != nil {
		return nil, faultOf("blobs.Drafts", err)
	}
	var all []string
	for _, n := range names {
		if name, ok := strings.CutPrefix(n, draftPrefix); ok && !strings.HasSuffix(n, ".new") {
			all = append(all, name)
		}
	}
	return all, nil
}

// Size is how many bytes the draft has.
func (d *Draft) Size() int64 { return d.size }

// Digest is that of the bytes so far.
func (d *Draft) Digest() Digest { return Digest(hex.EncodeToString(d.hash.Sum(nil))) }

// State is what Store.Draft needs, with the size, to go on after a restart.
func (d *Draft) State() []byte {
	state, err := d.hash.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic(err) // SHA-256 always can
	}
	return state
}

// Append adds what r holds and flushes it. When r fails in the middle what came before is kept all the same, and n says
// how much that is.
func (d *Draft) Append(r io.Reader) (n int64, err error) {
	const op = "blobs.Append"
	f, err := d.b.fs.OpenReadWrite(d.name, "blobs")
	if err != nil {
		return 0, faultOf(op, err)
	}
	defer func() {
		if cerr := f.Close(); err == nil && cerr != nil {
			err = faultOf(op, cerr)
		}
	}()
	began := d.size == 0
	buf := make([]byte, 256<<10)
	for {
		got, rerr := fill(r, buf)
		d.hash.Write(buf[:got]) // first: WriteAt may change what it is given
		if _, werr := f.WriteAt(buf[:got], d.size); werr != nil {
			return n, faultOf(op, werr) // the hash is ahead of the file: the draft is of no more use
		}
		d.size, n = d.size+int64(got), n+int64(got)
		if rerr == nil {
			continue
		}
		if err := f.Sync(); err != nil {
			return n, faultOf(op, err)
		}
		if began {
			if err := disk.SyncDir(d.b.fs, d.b.dir); err != nil {
				return n, faultOf(op, err)
			}
		}
		if rerr == io.EOF {
			rerr = nil
		}
		return n, fault.In(op, rerr)
	}
}

// fill reads until buf is full or r gives an error, io.EOF at its end.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var got int
		got, err = r.Read(buf[n:])
		n += got
	}
	return n, err
}

// Keep makes the draft a blob, as Put would have. The draft is over then.
func (d *Draft) Keep() (Digest, error) {
	const op = "blobs.Keep"
	digest := d.Digest()
	if err := d.trim(); err != nil {
		return "", faultOf(op, err)
	}
	b := d.b
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.fresh[digest] = time.Now()
	if err := b.fs.Rename(d.name, b.Path(digest)); err != nil {
		return "", faultOf(op, err)
	}
	if err := disk.SyncDir(b.fs, b.dir); err != nil {
		return "", faultOf(op, err)
	}
	return digest, nil
}

// trim makes the file as long as the draft: a crash may have left bytes in it that were never acknowledged, and an empty
// draft has no file.
func (d *Draft) trim() error {
	fs := d.b.fs
	info, err := fs.Stat(d.name)
	if err == nil && info.Size() == d.size {
		return nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	temp := d.name + ".new"
	to, err := fs.Create(temp, "blobs")
	if err != nil {
		return err
	}
	if d.size > 0 {
		from, err := fs.Open(d.name)
		if err != nil {
			return errors.Join(err, to.Close())
		}
		defer from.Close()
		if _, err := io.CopyN(to, from, d.size); err != nil {
			return errors.Join(err, to.Close())
		}
	}
	if err := errors.Join(to.Sync(), to.Close()); err != nil {
		return err
	}
	return fs.Rename(temp, d.name)
}

// Drop removes the draft. One that is not there is no error.
func (d *Draft) Drop() error {
	return d.b.DropDraft(strings.TrimPrefix(d.b.fs.PathBase(d.name), draftPrefix))
}

// DropDraft removes the draft of that name. One that is not there is no error.
func (b *Store) DropDraft(name string) error {
	if err := b.fs.Remove(b.fs.PathJoin(b.dir, draftPrefix+name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return faultOf("blobs.DropDraft", err)
	}
	return nil
}
