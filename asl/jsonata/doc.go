// Package jsonata is JSONata 2.0.6, the query language of JSONata states, over package value. An expression is compiled
// once, to a tree of Go functions, and evaluated any number of times, by any number of goroutines at once.
//
// Two dialects: Compile takes the language as its own test suite has it; CompileStates takes what Step Functions runs
// (no $eval; $partition, $range, $hash, $random(seed), $uuid and $parse besides).
//
// Invariants:
//   - an evaluation is a function of its Env: no clock, no randomness, no I/O of its own
//   - an evaluation ends: Limits bound its steps, its depth, the memory it builds and each regular expression
//   - the input and the bindings are never changed; numbers that merely pass through keep their text
//   - every failure is an *Error with JSONata's code
package jsonata
