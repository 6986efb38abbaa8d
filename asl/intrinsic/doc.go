// Package intrinsic holds the intrinsic functions of the Amazon States Language, States.Format and its seventeen
// neighbours: a parser for calls and their evaluation.
//
// Invariants:
//   - a call is compiled once; evaluation reads only what Env gives it, randomness included
//   - a function that cannot do what it is asked fails with States.IntrinsicFailure and AWS's words
//   - results are bounded: a range has at most 1,000 items, a hashed or encoded text 10,000 characters
package intrinsic
