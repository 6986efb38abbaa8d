package lab

import (
	"embed"
	"maps"
	"slices"

	"anthill/fault"
)

// The course's own files: the probe, the trigger and the workflow are as its assignment gives them; the locustfile is
// written as it describes it, as are the training and the handler of lab/iris.
//
//go:embed course
var course embed.FS

func courseFile(name string) ([]byte, error) {
	b, err := course.ReadFile("course/" + name)
	return b, fault.In("lab.courseFile", err)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
