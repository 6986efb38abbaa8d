// Package runtimes knows the managed runtimes: which interpreters this machine has, which of them an AWS identifier runs
// on, the bootstraps that run inside environments, and the libraries that AWS gives every function.
//
// Invariants:
//   - an identifier never runs silently on another version: Resolve says whether it is exact
//   - nothing goes out to the network but in Prepare, PrepareSDK and PrepareNode
//   - a prepared directory is complete or absent: it appears under its name by one rename
package runtimes
