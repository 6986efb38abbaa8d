// Package anthill is the house: a serverless system in one binary. It holds no code of its own, only the tests that
// keep the floor plan (house_test.go). Start reading at docs/architecture.md; the program is cmd/anthill.
package anthill
