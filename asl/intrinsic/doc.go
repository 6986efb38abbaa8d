// Package intrinsic holds the intrinsic functions of the Amazon States Language, States.Format and its seventeen
// neighbours: a parser for calls and their evaluation.
//
// Invariants:
//   - a call is compiled once; evaluation reads only what Env gives it, randomness included
//   - a function that cannot do what it is asked fails with States.Runtime, as on AWS (the specification's name,
//     States.IntrinsicFailure, is not what AWS answers)
//   - results are bounded: a range has at most 1,000 items, a hashed or encoded text 10,000 characters, a text 256 KiB
package intrinsic
