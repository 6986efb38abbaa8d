//go:build race

package disk_test

const raceDetector = true
