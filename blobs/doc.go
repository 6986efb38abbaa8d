// Package blobs keeps bytes under their SHA-256 digest, with reference counts.
//
// Invariants:
//   - a blob is whole or not there: it is written beside its place, flushed, and moved into it
//   - a blob goes when its last reference goes
package blobs
