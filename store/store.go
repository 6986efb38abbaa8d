package store

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/go-json-experiment/json"

	"anthill/fault"
	"anthill/internal/disk"
)

// keyspace is the first byte of every key of this room; history has another.
const keyspace = 's'

// Write is one change of a transaction, made by a Collection or by another durable room.
type Write = disk.Write

// Store is the definitions keyspace.
type Store struct{ db *disk.DB }

// Open gives the definitions of db.
func Open(db *disk.DB) *Store { return &Store{db} }

// Commit flushes writes as one transaction.
func (s *Store) Commit(writes ...disk.Write) error {
	return fault.In("store.Commit", s.db.Commit(writes...))
}

// Collection is the documents of one type.
type Collection[T any] struct {
	db     *disk.DB
	name   string
	prefix []byte // keyspace, name, 0
}

// Of gives the collection of that name ("functions"). Documents are kept as JSON. A name is a constant of the program
// without zero bytes; another panics.
func Of[T any](s *Store, name string) *Collection[T] {
	if name == "" || bytes.IndexByte([]byte(name), 0) >= 0 {
		panic(fmt.Sprintf("store: collection name %q", name))
	}
	return &Collection[T]{s.db, name, append(append([]byte{keyspace}, name...), 0)}
}

func (c *Collection[T]) key(key string) []byte {
	return append(c.prefix[:len(c.prefix):len(c.prefix)], key...)
}

// Get reads one document.
func (c *Collection[T]) Get(key string) (doc T, ok bool, err error) {
	const op = "store.Get"
	raw, ok, err := c.db.Get(c.key(key))
	if err != nil || !ok {
		return doc, false, fault.In(op, err)
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return doc, false, c.unreadable(op, key, err)
	}
	return doc, true, nil
}

// Put writes one document and flushes it.
func (c *Collection[T]) Put(key string, doc T) error {
	return fault.In("store.Put", c.db.Commit(c.Write(key, doc)))
}

// Delete removes one document and flushes that.
func (c *Collection[T]) Delete(key string) error {
	return fault.In("store.Delete", c.db.Commit(c.Remove(key)))
}

// Each ranges over the documents whose key begins with prefix, in key order. It panics when the database cannot be
// read or a document is damaged: callers that would rather be told use Scan.
func (c *Collection[T]) Each(prefix string) iter.Seq2[string, T] {
	return func(yield func(string, T) bool) {
		for d, err := range c.Scan(prefix) {
			if err != nil {
				panic(err)
			}
			if !yield(d.Key, d.Doc) {
				return
			}
		}
	}
}

// Document is one entry of a collection.
type Document[T any] struct {
	Key string
	Doc T
}

// Scan is Each with errors. A damaged document comes with its key and an error, and the next ones follow.
func (c *Collection[T]) Scan(prefix string) iter.Seq2[Document[T], error] {
	return c.ScanFrom(prefix, prefix)
}

// ScanFrom is Scan that begins at the first key that is not below from.
func (c *Collection[T]) ScanFrom(prefix, from string) iter.Seq2[Document[T], error] {
	const op = "store.Scan"
	return func(yield func(Document[T], error) bool) {
		for p, err := range c.db.Scan(c.key(max(prefix, from)), disk.After(c.key(prefix)), false) {
			if err != nil {
				yield(Document[T]{}, fault.In(op, err))
				return
			}
			d := Document[T]{Key: string(p.Key[len(c.prefix):])}
			err := json.Unmarshal(p.Value, &d.Doc)
			if err != nil {
				err = c.unreadable(op, d.Key, err)
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

// Write is Put as a part of a transaction; Remove is Delete as a part of one. Write panics when T cannot be JSON: that
// is a mistake in the program.
func (c *Collection[T]) Write(key string, doc T) disk.Write {
	raw, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("store: a document of %s: %v", c.name, err))
	}
	return disk.Write{Key: c.key(key), Value: raw}
}

// WriteJSON is Write of a document whose JSON the caller has made, and does not change any more.
func (c *Collection[T]) WriteJSON(key string, doc []byte) disk.Write {
	return disk.Write{Key: c.key(key), Value: doc}
}

// Remove is Delete as a part of a transaction.
func (c *Collection[T]) Remove(key string) disk.Write {
	return disk.Write{Key: c.key(key), Delete: true}
}

func (c *Collection[T]) unreadable(op, key string, err error) error {
	return &fault.Error{Kind: fault.Internal, Op: op, Noun: c.name, Name: key, Detail: "the stored document is damaged", Err: err}
}
