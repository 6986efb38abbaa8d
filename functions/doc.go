// Package functions keeps functions, versions, aliases, layers and their code, and invokes them.
//
// Invariants:
//   - a function's definition is durable before the call that changes it is answered
//   - a queued (asynchronous) invocation is durable before it is accepted
//   - the same code bytes are unpacked once, under their digest
package functions
