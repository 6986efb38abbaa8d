// Package sigv4 verifies AWS Signature Version 4, in the Authorization header and in presigned URLs.
//
// It follows "AWS Signature Version 4 for API requests" in the IAM User Guide. Paths are encoded twice and normalised, as
// for every service but S3. Bodies may be signed or declared UNSIGNED-PAYLOAD; chunk signatures are not read.
//
// Invariants:
//   - signatures are compared in constant time
//   - what Verify accepts was made with the key's secret, for this method, path, query, host and body, within the skew
package sigv4
