// Package gateways keeps REST APIs — resources, methods, integrations, deployments, stages — and serves them.
//
// What a caller reaches is a stage, and a stage shows a deployment: the resources as they stood when it was made. So a
// change to a method is not seen until the next deployment, as on AWS.
//
// Invariants:
//   - a change is durable before the call that makes it is answered
//   - a request is routed by the deployment's own copy; it never reads a store
//   - nothing that a user's function answers can break the proxy: what is malformed is a 502
package gateways
