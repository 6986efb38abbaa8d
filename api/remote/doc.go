// Package remote calls AWS services where they are served: at endpoints that the user configures, or at a handler of this
// process. It does tasks of Step Functions, of aws-sdk resources and of optimized ones, in the services' own protocols by
// AWS's own models: awsJson, restJson, restXml and awsQuery.
//
// models.zip has the models of the services that it knows, written by internal/awsgen.
//
// Invariants:
//   - members are named in tasks as in the model with a capital letter in front, whatever they are called on the wire
//   - a request whose fate is not known after a restart is not sent again
package remote
