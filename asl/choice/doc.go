// Package choice holds the rules of Choice states in JSONPath: comparisons, type tests, And, Or and Not.
//
// Invariants:
//   - a rule is compiled once: operands, patterns and timestamps are ready before the first evaluation
//   - a value of another type than the operator's compares false; only a missing Variable is an error, and only where
//     the operator is not IsPresent
package choice
