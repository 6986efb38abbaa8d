// Package sfn is the door of AWS Step Functions: wire types become the service's own, and its faults become AWS's error codes.
package sfn
