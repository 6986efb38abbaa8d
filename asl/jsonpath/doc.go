// Package jsonpath holds the paths of the Amazon States Language: JSONPath in the dialect of Jayway's Java library, which
// is what AWS runs, and reference paths, which name exactly one place and can be written to.
//
// A path is compiled once and evaluated any number of times, by any number of goroutines. A definite path gives the value
// it names or is missing; an indefinite one (wildcard, "..", slice, union, filter) gives an array, empty when nothing
// matches.
//
// Invariants:
//   - evaluation reads only what Env gives it: no clock, no randomness, no I/O
//   - time and memory are bounded by the size of the input and of the path, or the evaluation fails
package jsonpath
