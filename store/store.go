package store

import (
	"iter"

	"anthill/internal/disk"
)

// Store is the definitions keyspace.
type Store struct{}

// Commit flushes writes as one transaction.
func (s *Store) Commit(writes ...disk.Write) error { panic("being built") }

// Collection is the documents of one type.
type Collection[T any] struct{}

// Of gives the collection of that name ("functions"). Documents are kept as JSON.
func Of[T any](s *Store, name string) *Collection[T] { panic("being built") }

// Get reads one document.
func (c *Collection[T]) Get(key string) (doc T, ok bool, err error) { panic("being built") }

// Put writes one document and flushes it.
func (c *Collection[T]) Put(key string, doc T) error { panic("being built") }

// Delete removes one document and flushes that.
func (c *Collection[T]) Delete(key string) error { panic("being built") }

// Each ranges over the documents whose key begins with prefix, in key order.
func (c *Collection[T]) Each(prefix string) iter.Seq2[string, T] { panic("being built") }

// Write is Put as a part of a transaction; Remove is Delete as a part of one.
func (c *Collection[T]) Write(key string, doc T) disk.Write { panic("being built") }

// Remove is Delete as a part of a transaction.
func (c *Collection[T]) Remove(key string) disk.Write { panic("being built") }
