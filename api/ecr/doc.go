// Package ecr is the door of Amazon ECR: wire types become the service's own, and its faults become AWS's error codes.
package ecr
