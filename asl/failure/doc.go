// Package failure holds what can go wrong in a state machine: at run time a Failure, an error name with its cause, which
// retriers and catchers look at; at compile time a Problem, a place in the definition with what is wrong there.
//
// Invariants:
//   - the names are those of the Amazon States Language, appendix A, and of AWS's page on error handling
//   - a Cause carries no state name and no event id: the interpreter, which knows them, puts them in front
package failure
