// Package logs is the door of Amazon CloudWatch Logs: wire types become the service's own, and its faults become AWS's error codes.
package logs
