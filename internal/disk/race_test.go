//go:build race

package disk_test

// patience is how much slower everything may be: under the race detector Pebble checks its invariants, too.
const patience = 10
