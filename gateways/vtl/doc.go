// Package vtl is the template language of API Gateway's mapping templates: Velocity 1.7 as AWS runs it.
//
// A template is parsed once and rendered any number of times. It sees only the objects it is given; values are Go's nil,
// bool, int64, float64 and string, and *Map and *List, which templates may change.
//
// Where AWS differs from Velocity's documentation AWS is followed: a reference that has no value renders as nothing, and
// #macro, #define, #evaluate, #parse and #include are not there.
//
// Invariants:
//   - rendering reads no clock, no randomness, and does no I/O
//   - rendering ends: loops, steps and output are limited
package vtl
