package functions

import (
	"strings"
	"testing"
)

func TestLineage(t *testing.T) {
	for name, c := range map[string]struct {
		trace string
		times int
		next  string
	}{
		"none":             {"Root=1-a", 0, "Root=1-a;Lineage=me:1"},
		"once":             {"Root=1-a;Lineage=me:1", 1, "Root=1-a;Lineage=me:2"},
		"another":          {"Root=1-a;Lineage=you:7;Sampled=0", 0, "Root=1-a;Sampled=0;Lineage=you:7|me:1"},
		"both":             {"Root=1-a;Lineage=me:3|you:7", 3, "Root=1-a;Lineage=you:7|me:4"},
		"encoded":          {"Root=1-a;Lineage=me:3%7Cyou:7", 3, "Root=1-a;Lineage=you:7|me:4"},
		"alone":            {"Lineage=me:3", 3, ";Lineage=me:4"},
		"no number":        {"Root=1-a;Lineage=me:x", 0, "Root=1-a;Lineage=me:1"},
		"of another field": {"Root=1-a;XLineage=me:3", 0, "Root=1-a;XLineage=me:3;Lineage=me:1"},
		"long":             {"Root=1-a;Lineage=" + strings.Repeat("x:1|", 40) + "me:2", 2, "Root=1-a;Lineage=" + strings.Repeat("x:1|", 31) + "me:3"},
	} {
		if times, next := lineage(c.trace, "me"); times != c.times || next != c.next {
			t.Errorf("%s: %d %q, want %d %q", name, times, next, c.times, c.next)
		}
	}
}
