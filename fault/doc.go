// Package fault is the one error type of the house.
//
// An error says what kind of trouble it is, in which operation, about which noun and name. Services make them; doors
// turn kind and noun into the AWS error code (NotFound + "function" is ResourceNotFoundException in Lambda). A user's
// failing function is not a fault: it is an outcome, and outcomes are data.
//
// Invariants:
//   - a Kind, once given a number, keeps it
//   - In adds an operation only; kind, noun and name stay those of the cause
package fault
