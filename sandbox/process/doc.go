// Package process is the sandbox driver of real processes.
//
// Every environment has a directory: its specification, its state page, its output, its /tmp. The supervisor runs its
// runtime; this package speaks frames with it over one Unix socket and reads its output file. Nothing on the path of a
// warm invocation leaves the two processes: one write there, one write back.
//
// Invariants:
//   - an outcome is taken only for the invocation that was sent last
//   - output is passed on once, over restarts too: how far it was read is kept beside it
//   - a directory without an environment in the supervisor is an ended environment, and is removed
package process
