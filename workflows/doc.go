// Package workflows keeps state machines and their executions, activities and task tokens, and drives asl/interp.
//
// An execution is driven by whoever brings it an input: a task's end, a timer, a client. One goroutine at a time owns
// it; an idle one has none. What it decides is appended to its stream in history, flushed, and only then acted upon.
//
// Invariants:
//   - a Standard execution's event is durable before anything it calls for begins and before a client is answered
//   - a task of a Standard execution is handed over at most once an attempt; when nobody can tell what became of one,
//     it fails with an error that Retry and Catch see
//   - an execution's name and its ExecutionStarted are committed in one batch, and so are its end and its last event
//   - an execution runs the revision of its state machine with which it was started
package workflows
