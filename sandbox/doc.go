// Package sandbox keeps execution environments: processes that run a function's code, one invocation at a time.
//
// A Pool gives a warm environment or starts one through its Driver, hands it the invocation,
// and returns its outcome with the instants of every phase. Environments belong to a supervisor process that is off the
// data path: when the platform dies they live on, each keeping its last outcome, and the next platform takes them over.
//
// Invariants:
//   - an environment serves one invocation at a time, and only invocations of its own Spec.Key
//   - an outcome is kept by its environment until Result.Release says that it is safe
//   - when an environment ends, for whatever reason, every process of it ends
package sandbox
