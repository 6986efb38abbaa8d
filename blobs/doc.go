// Package blobs keeps bytes under their SHA-256 digest, with references.
//
// A reference is (digest, owner): who needs the bytes, "function/000000000000/us-east-1/hello/3". Making one twice is
// making it once, so a crash cannot miscount. References are writes for store.Commit, made in the same transaction as
// the document that needs the bytes.
//
// Invariants:
//   - a blob is whole or not there: it is written beside its place, flushed, and moved into it
//   - a blob with a reference stays; one without goes when it is dropped, or with Sweep, and at the next Open
package blobs
