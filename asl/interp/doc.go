// Package interp runs executions of Amazon States Language machines. It decides and remembers; it never waits, reads a
// clock, makes an id, draws a random number of its own or starts anything.
//
// # The driver's contract
//
// A driver owns one Execution and talks to it from one goroutine at a time:
//
//  1. Make it with New. A new execution is started with Decide(Start{…}, now). One that has a history gets each of its
//     events with Apply, in order, and then Decide(Resume{}, now), which finishes what a cut history left half done and
//     usually returns nothing.
//  2. Write the events that Decide returned to stable storage, in order and in one batch, before anything else happens.
//     Decide has already advanced the Execution: a driver that fails to write must drop the Execution and begin again
//     from the history. (Apply of an event that this Execution decided itself is a no-op, so a loop may also apply them.)
//  3. Only then ask Take for the effects that are newly owed and for those no longer wanted: cancel the second, then begin
//     the first (a timer that moved is among both). An effect is known by its Key, which is the position in the history of the event that called for it, so
//     beginning one again after a crash can be noticed. Pending is all that is owed, at any time.
//  4. When something happens outside (a task started, answered or failed, a timer fired, somebody stops the execution),
//     give it to Decide, and go to 2. An input for an effect that is not pending any more is ignored: Decide returns nil.
//  5. Stop when Done. Output or Failure say how it ended. An execution that did not succeed goes on after
//     Decide(Redrive{}, now).
//
// Of a RunTask the driver must report TaskOutput or TaskFailure once; TaskStart may come first, or be left out and
// be told by the Started field of the outcome, so that it is written with the same flush; TaskSubmission comes between
// for .sync, .waitForTaskToken. Timers are kept by the driver, for task timeouts and heartbeats too: a timeout is
// decided here, when its timer fires, and the task is then among the effects to cancel.
//
// # Events
//
// An Event holds what AWS shows of it (Type, ID, Prev and the fields its type has in GetExecutionHistory) and what a replay
// needs besides. Events that AWS does not show (Retry, TaskHeartbeat, WaitBegun, TimerEnded, BranchLost) have ID 0. Positions (Seq) are dense from 1 and count
// these too. Which fields of Event stand for which AWS details is said at Type.
//
// # One state by itself
//
// NewTest tries a single state and gathers what TestState shows of it; asl.ParseState reads one that stands alone.
//
// Invariants:
//   - Decide returns every event that follows from its input without an outside effect, so that one write serves a hop
//   - state changes only in apply, from the event alone: a replay of all events, or of any prefix, gives the live state
//   - the cost of a step depends neither on the length of the history nor on the number of states; values are shared
//   - what is random comes from Start.Seed and the position of the event that needs it
package interp
