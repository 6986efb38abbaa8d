// Package sts is the door of AWS STS: wire types become the service's own, and its faults become AWS's error codes.
package sts
