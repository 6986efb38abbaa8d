package lab

import (
	"embed"
	"maps"
	"slices"

	"anthill/fault"
)

// The course's own files: the probe, the trigger and the workflow are as its assignment gives them; the handler, the
// training and the locustfile are written as it describes them.
//
//go:embed course
var course embed.FS

func courseFile(name string) ([]byte, error) {
	b, err := course.ReadFile("course/" + name)
	return b, fault.In("lab.courseFile", err)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
