// Package lab runs the course's experiments from end to end and makes their report.
//
// It reaches the platform as a student does: through the public API, over HTTP, signed as AWS wants it.
//
// Invariants:
//   - what a figure shows was measured in the run that the report names, or is marked as the course's run on AWS
//   - nothing is written outside the output directory and the cache
package lab
