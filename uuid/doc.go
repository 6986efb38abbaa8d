// Package uuid makes UUIDs of version 4 (RFC 9562), of random bits that are given or of its own.
//
// Invariants:
//   - Of is a function of its argument, so that an engine's replay makes the same UUIDs
package uuid
