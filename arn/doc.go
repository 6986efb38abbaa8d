// Package arn parses, prints and builds Amazon Resource Names.
//
// The form is arn:partition:service:region:account:resource, as in the AWS General Reference, "Amazon Resource
// Names (ARNs)". The resource part is kept whole: services split it themselves, with Split or the builders here.
//
// Invariants:
//   - Parse(a.String()) gives a back, for every a that Parse returned
package arn
