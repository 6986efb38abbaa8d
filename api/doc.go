// Package api is the one HTTP handler of every AWS API.
//
// It finds the service and the operation of a request, checks its signature when the platform is asked to, reads and
// validates it against the service's model, calls the door's function, and answers in the service's protocol. Requests
// that are no AWS API's go to another handler.
//
// Invariants:
//   - every operation of every modeled service is known: one that is not built answers 501
//   - a door sees only requests that satisfy its model
package api
