package blobs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"anthill/fault"
	"anthill/internal/disk"
)

// Digest is a SHA-256 in lower-case hexadecimal, 64 digits.
type Digest string

// Valid reports whether d is a digest at all.
func (d Digest) Valid() bool {
	raw, err := hex.DecodeString(string(d))
	return err == nil && len(raw) == sha256.Size && strings.ToLower(string(d)) == string(d)
}

// keyspace is the first byte of every reference's key, which is digest, "/" and owner; its value is empty.
const keyspace = 'b'

// Store keeps files in one directory. Any number of goroutines may use it.
type Store struct {
	fs   disk.FS
	dir  string
	db   *disk.DB
	next atomic.Uint64 // numbers the files being written

	staying sync.RWMutex // held for reading while no blob may go

	mu struct {
		sync.Mutex
		fresh map[Digest]time.Time // put since Open, and not swept: when
	}
}

// Open opens the blobs in dir, whose references are in db, and removes those that nobody refers to and what a crash left
// half written. fs is the filesystem; nil means the machine's.
func Open(dir string, fs disk.FS, db *disk.DB) (*Store, error) {
	const op = "blobs.Open"
	if fs == nil {
		fs = disk.Machine()
	}
	b := &Store{fs: fs, dir: dir, db: db}
	b.mu.fresh = map[Digest]time.Time{}
	if err := disk.MakeDir(fs, dir); err != nil {
		return nil, faultOf(op, err)
	}
	if err := b.sweep(); err != nil {
		return nil, faultOf(op, err)
	}
	return b, nil
}

// sweep removes every file without a reference.
func (b *Store) sweep() error {
	names, err := b.fs.List(b.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		d := Digest(name)
		if d.Valid() {
			used, err := b.used(d)
			if err != nil {
				return err
			}
			if used {
				continue
			}
		} else if !strings.HasSuffix(name, ".new") {
			continue // not ours
		}
		if err := b.fs.Remove(b.fs.PathJoin(b.dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// Put keeps what r holds and gives its digest and size in bytes once it is durable. Make a reference to it before the
// platform ends, else the next Open removes it.
func (b *Store) Put(r io.Reader) (d Digest, size int64, err error) {
	const op = "blobs.Put"
	temp := b.fs.PathJoin(b.dir, "put-"+strconv.FormatUint(b.next.Add(1), 10)+".new")
	f, err := b.fs.Create(temp, "blobs")
	if err != nil {
		return "", 0, faultOf(op, err)
	}
	hash := sha256.New()
	// The hash first, and bytes of our own: a file may change what it is given.
	size, err = io.Copy(io.MultiWriter(hash, f), struct{ io.Reader }{r})
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = b.fs.Remove(temp) // the next Open removes it otherwise
		return "", 0, faultOf(op, err)
	}
	d = Digest(hex.EncodeToString(hash.Sum(nil)))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.fresh[d] = time.Now()
	if err := b.fs.Rename(temp, b.Path(d)); err != nil {
		return "", 0, faultOf(op, err)
	}
	if err := disk.SyncDir(b.fs, b.dir); err != nil {
		return "", 0, faultOf(op, err)
	}
	return d, size, nil
}

// Open gives the bytes of d from the beginning. The caller closes it.
func (b *Store) Open(d Digest) (io.ReadCloser, error) {
	if !d.Valid() {
		return nil, &fault.Error{Kind: fault.Invalid, Op: "blobs.Open", Noun: "blob", Name: string(d)}
	}
	f, err := b.fs.Open(b.Path(d))
	if errors.Is(err, os.ErrNotExist) {
		return nil, &fault.Error{Kind: fault.NotFound, Op: "blobs.Open", Noun: "blob", Name: string(d)}
	}
	if err != nil {
		return nil, faultOf("blobs.Open", err)
	}
	return f, nil
}

// Path is where the file of d is. It must not be changed.
func (b *Store) Path(d Digest) string { return b.fs.PathJoin(b.dir, string(d)) }

// Ref makes owner's reference to d, as a part of a transaction.
func (b *Store) Ref(d Digest, owner string) disk.Write {
	return disk.Write{Key: referenceKey(d, owner)}
}

// Unref removes owner's reference to d, as a part of a transaction. Call Drop after it is committed.
func (b *Store) Unref(d Digest, owner string) disk.Write {
	return disk.Write{Key: referenceKey(d, owner), Delete: true}
}

// Drop removes d when no reference is left. Bytes that were put since Open stay until Sweep: somebody else may have put
// the same and be about to refer to them.
func (b *Store) Drop(d Digest) error {
	const op = "blobs.Drop"
	b.staying.Lock()
	defer b.staying.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.mu.fresh[d]; ok || !d.Valid() {
		return nil
	}
	used, err := b.used(d)
	if err != nil || used {
		return fault.In(op, err)
	}
	if err := b.fs.Remove(b.Path(d)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return faultOf(op, err)
	}
	return nil
}

// Sweep removes the blobs that were put before an instant and that nobody refers to.
func (b *Store) Sweep(before time.Time) error {
	var old []Digest
	b.mu.Lock()
	for d, at := range b.mu.fresh {
		if at.Before(before) {
			old = append(old, d)
			delete(b.mu.fresh, d)
		}
	}
	b.mu.Unlock()
	for _, d := range old {
		if err := b.Drop(d); err != nil {
			return fault.In("blobs.Sweep", err)
		}
	}
	return nil
}

func (b *Store) used(d Digest) (bool, error) {
	lo := referenceKey(d, "")
	for _, err := range b.db.Scan(lo, disk.After(lo), false) {
		return true, err
	}
	return false, nil
}

func referenceKey(d Digest, owner string) []byte {
	return append([]byte{keyspace}, string(d)+"/"+owner...)
}

func faultOf(op string, err error) error {
	if err == nil {
		return nil
	}
	f := fault.Of(err)
	if f.Kind == fault.Internal && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)) {
		return &fault.Error{Kind: fault.Full, Op: op, Noun: "disk", Detail: "no space left on the device of the data directory", Err: err}
	}
	return fault.In(op, err)
}
