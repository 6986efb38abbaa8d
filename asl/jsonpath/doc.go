// Package jsonpath holds the paths of the Amazon States Language: JSONPath in the dialect of Jayway's Java library, which
// is what AWS runs, and reference paths, which name exactly one place and can be written to.
//
// A path is compiled once and evaluated any number of times, by any number of goroutines. A definite path gives the value
// it names or is missing; an indefinite one (wildcard, "..", slice, union, filter) gives an array, empty when nothing
// matches.
//
// AWS's recorded messages and refusals are those of version 2.0.0 of the library, so its rules hold here: there are no
// functions (length() is a name), [-1] is out of bounds ([-1:] and [(@.length-1)] are not), parentheses in a filter do not
// group, several names in brackets give one object and end the path, and comparing a number with a text that is no number
// fails. testdata/paths.txt holds the library's answers. What is more than that here: names in double quotes, an escaped
// quote inside quotes, brackets inside quotes, and "$$" and "$name" as roots.
//
// Invariants:
//   - evaluation reads only what Env gives it: no clock, no randomness, no I/O
//   - time and memory are bounded by the size of the input and of the path, or the evaluation fails
package jsonpath
