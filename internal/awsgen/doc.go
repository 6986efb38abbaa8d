// Command awsgen writes api/*/wire_gen.go from AWS's own service models.
//
//	go run ./internal/awsgen                  write the Go files again from internal/awsgen/models
//	go run ./internal/awsgen -import DIR      first take the models anew from botocore's data directory DIR
//	go run ./internal/awsgen -outputs DIR     write api/sfn/outputs.zip, the shapes of what every service of DIR answers
//	go run ./internal/awsgen -remote DIR      write api/remote/models.zip, the services that tasks may call elsewhere
//
// The models are botocore's JSON models without their prose, see models/NOTICE. For each service one file is written: a Go
// type for every structure, a Go error type for every modeled error, the struct Operations, and the shape table that the
// codecs and the validator of api/protocol walk.
//
// Invariants:
//   - field i of a Go structure is member i of its shape in the table
//   - the same models give the same bytes
package main
