// Package logs keeps log groups, their streams and their events.
//
// Function output arrives through Write, which never waits for a disk: lines are in memory at once and a goroutine
// writes them behind. Events that clients put are flushed before they are answered. Readers see both, without a gap and
// without a double. Groups are definitions in store, events are happenings in history, one history stream per log stream.
//
// Invariants:
//   - a reader that begins after Write or Put returned sees what they were given
//   - the events of a log stream have dense positions from 1: first those in history, then those in memory
//   - a log stream's document, with its count, is written in the same batch as the events that it counts
package logs
