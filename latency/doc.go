// Package latency turns instants into distributions and overheads.
//
// It reads what others recorded: response times of a load test, the invocations of a function, the events of an
// execution, whether they come from Anthill or were exported from AWS. It never measures anything itself.
//
// Invariants:
//   - a percentile is always a value that was observed, and is never given without its n
//   - a split of cold from warm that was guessed from the data says that it is an estimate, and how it was made
//   - a difference of two instants that were stamped in one decision is marked, for its zero says nothing
package latency
