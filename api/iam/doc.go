// Package iam is the door of AWS IAM: wire types become the service's own, and its faults become AWS's error codes.
package iam
