// Package lambda is the door of AWS Lambda: wire types become the service's own, and its faults become AWS's error codes.
package lambda
