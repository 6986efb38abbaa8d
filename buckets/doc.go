// Package buckets keeps buckets and their objects.
//
// What an object is called, weighs and says of itself is a document in store; its bytes are in blobs, under their digest.
//
// Invariants:
//   - an object is durable, bytes and definition, before the call that puts it is answered
//   - a reader that has opened an object reads that object to its end, whatever is put or deleted meanwhile
//   - every blob of an object or of an upload's part has a reference that is made and removed with its document
package buckets
