// Package value holds JSON as AWS keeps it: the order of keys and the text of numbers survive, so 1.0 stays 1.0 and
// 12345678901234567890 stays whole.
//
// A Value is small and immutable; copying one is free and any number of goroutines may read it. Parse checks a whole
// document once and opens each array or object only when somebody looks inside, so bytes that merely pass through are
// never taken apart. A container that nobody changed and that was compact already prints as the bytes it came from.
//
// Invariants:
//   - a Value never changes; With and friends give new ones that share what did not change
//   - Parse accepts exactly RFC 8259, nested at most MaxDepth deep; of equal keys the last wins, in the first one's place
//   - Parse(v.String()) equals v
package value
