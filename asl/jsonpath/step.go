package jsonpath

import (
	"strconv"
	"strings"
)

type stepKind uint8

const (
	stepName   stepKind = iota // .a ['a']
	stepNames                  // ['a', 'b']: an object with these
	stepIndex                  // [3]
	stepIndexs                 // [1,2]
	stepLast                   // [(@.length-1)]
	stepFrom                   // [2:]
	stepTo                     // [:2]
	stepRange                  // [1:2]
	stepAll                    // [*] .*
	stepScan                   // ..
	stepFilter                 // [?(…)]
)

// step is one component of a path.
type step struct {
	kind   stepKind
	name   string
	names  []string
	nums   []int
	filter *filter
}

func (s *step) definite() bool {
	return s.kind == stepName || s.kind == stepNames || s.kind == stepIndex || s.kind == stepLast
}

// String prints the step as AWS's library prints it in its messages.
func (s *step) String() string {
	switch s.kind {
	case stepName:
		return "['" + s.name + "']"
	case stepNames:
		return "['" + strings.Join(s.names, "', '") + "']"
	case stepIndex, stepIndexs:
		return "[" + joinInts(s.nums, ",") + "]"
	case stepLast:
		return "[@.size()" + strconv.Itoa(s.nums[0]) + "]"
	case stepFrom:
		return "[" + strconv.Itoa(s.nums[0]) + ":]"
	case stepTo:
		return "[:" + strconv.Itoa(s.nums[0]) + "]"
	case stepRange:
		return "[" + joinInts(s.nums, ":") + "]"
	case stepAll:
		return "[*]"
	case stepScan:
		return ".."
	}
	return "[?]"
}

func joinInts(ns []int, sep string) string {
	var b strings.Builder
	for i, n := range ns {
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

// printSteps prints the rest of a path.
func printSteps(steps []step) string {
	var b strings.Builder
	for i := range steps {
		b.WriteString(steps[i].String())
	}
	return b.String()
}
