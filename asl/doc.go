// Package asl is the Amazon States Language: a definition is parsed, checked with AWS's diagnostics and compiled once,
// paths, templates, JSONata expressions and choice rules included, into a Machine that interp runs.
//
// Sources: https://states-language.net (the specification) and AWS, Step Functions Developer Guide.
//
// Invariants:
//   - a Machine never changes after Parse; any number of executions share one
//   - Parse reports all problems of a definition at once; a Machine that was returned has none
//   - what Parse accepts, interp runs: a field that is not supported is refused here
package asl
