// Package protocol speaks AWS's wire protocols: awsJson1_0, awsJson1_1, restJson1 and awsQuery.
//
// A service is a Model: tables of operations and shapes, written by internal/awsgen from AWS's own models. One codec and
// one validator walk those tables over the Go structures that were generated with them. Requests become the operation's
// Input structure, Output structures become responses, and errors become the envelope that the protocol and the service
// use, as botocore's parsers read them.
//
// Invariants:
//   - a request that reaches a door satisfies its model: required members are there, and every constraint holds
//   - a nil pointer, slice or map in an Output is a member that is absent from the response
package protocol
