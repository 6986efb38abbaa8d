//go:build !race

package disk_test

// patience is how much slower everything may be.
const patience = 1
