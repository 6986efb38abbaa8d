// Package jsonata is JSONata 2.0.6, the query language of JSONata states, over package value. An expression is compiled
// once, to a tree of Go functions, and evaluated any number of times, by any number of goroutines at once.
//
// Two dialects: Compile takes the language as its own test suite has it; CompileStates takes what Step Functions runs
// (no $eval; $partition, $range, $hash, $random(seed), $uuid and $parse besides; expressions nest 100 levels, a text has
// 6,990,256 characters at most; Infinity and NaN are texts in a result).
//
// Invariants:
//   - an evaluation is a function of its Env: no clock, no randomness, no I/O of its own
//   - an evaluation ends: Limits bound its steps, its depth, the memory it builds and each regular expression
//   - the input and the bindings are never changed; numbers that merely pass through keep their text
//   - every failure is an *Error with JSONata's code
//
// Where it differs from the reference implementation (npm jsonata 2.0.6), on purpose:
//   - a number that nothing computes with keeps its text (1.0, 12345678901234567890); JavaScript would round and reprint it
//   - objects keep the order in which their keys came; JavaScript puts keys that look like indexes first
//   - after ^(…) a stream with @, # or % is still one, so that predicates may follow; the reference loses the bindings
//   - limits stand in for the stack and the clock; exceeding one is U1001
//   - a result that JSON cannot hold: NaN and infinities become null (in Step Functions their names), functions the empty
//     string, a half surrogate U+FFFD
//   - $pad, $formatNumber and $formatInteger refuse sizes that would exhaust memory
//
// Where AWS does not say: the codes and texts of $partition, $range, $hash and $parse for bad arguments are ours (D3137);
// its limit on time is not known and ours is one on steps.
package jsonata
