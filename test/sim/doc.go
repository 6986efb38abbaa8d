// Package sim runs the whole engine — workflows, functions, sandbox pool, store, history, disk — in one bubble of
// simulated time, on a memory disk that crashes at its flushes and misbehaves between them, with clients, workers and
// readers that know what they were promised. A seed decides the machines, what their tasks do, when clients come, when the
// power fails and what becomes of the disk. docs/testing.md says which mistakes it was seen to notice.
//
// Invariants that every seed must hold:
//   - what was acknowledged is there after any crash
//   - what a reader once saw of a history stays at its beginning
//   - an attempt of a task is handed over at most once, and its handler entered at most once
//   - a replay of the history gives what the live execution gave
//   - every execution ends: after the disk recovers, service resumes
package sim
