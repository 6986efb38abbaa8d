// Package connections keeps EventBridge connections and makes the HTTP calls of Step Functions with them: tasks of
// arn:aws:states:::http:invoke.
//
// A connection says how a caller proves who it is (BASIC or API_KEY) and what it adds to each request. Its secrets are kept
// where everything else is, and are not shown again.
//
// Invariants:
//   - what a connection adds to a request is in no answer and no history; TestState shows it to who asks for secrets
//   - a request whose fate is not known after a restart is not sent again
package connections
