// Package sandboxtest is a sandbox driver that runs Go functions in this process, for tests of the rooms above.
//
// There are no sockets, files or processes, and time is only ever taken from package time, so that a synctest bubble can
// hold a whole service. Environments outlive a pool that was abandoned, as real ones outlive a killed platform.
//
// Invariants:
//   - a function runs once for each invocation sent, on a goroutine that Close waits for
package sandboxtest
