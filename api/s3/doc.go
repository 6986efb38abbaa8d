// Package s3 is the door of Amazon S3: buckets, objects, listings, multipart uploads.
//
// It is written by hand, unlike the other doors, because S3's requests are streams that must never be in memory as a
// whole, and because what finds its operations is not a path but a host name, a query string and headers.
//
// Invariants:
//   - what is not built is refused with 501 NotImplemented, subresource by subresource and header by header
//   - an object's bytes are shown only after every checksum that came with them was right
package s3
