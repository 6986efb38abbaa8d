// Package store keeps definitions: small typed documents in named collections, under string keys.
//
// Every change is flushed before the call that makes it returns, alone or in one transaction with others. A service
// that reads often keeps its own copy in memory.
//
// Invariants:
//   - Commit makes all of its writes or none
//   - what Get returns was committed
package store
