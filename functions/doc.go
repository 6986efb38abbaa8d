// Package functions keeps functions, versions, aliases, layers and their code, and invokes them.
//
// Definitions are documents in store, and snapshots of them in memory: an invocation reads no disk and takes apart no
// configuration. Code is bytes in blobs, unpacked once under its digest. Invocations of functions run in sandbox; those
// that nobody waits for are documents of a queue first. What each invocation did, phase by phase, is in history.
//
// Invariants:
//   - a function's definition is durable before the call that changes it is answered
//   - a queued (asynchronous) invocation is durable before it is accepted, and its removal before its outcome is let go
//   - the same code bytes are unpacked once, under their digest
//   - a snapshot that a reader holds never changes
package functions
