package functions

import (
	"hash/fnv"
	"net/url"
	"strconv"
	"strings"

	"anthill/fault"
)

// maxLoop is how often a function runs in one chain of requests before Lambda stops it (developer guide, "Use Lambda
// recursive loop detection").
const maxLoop = 16

// maxLineage is how many functions of a chain are remembered, the newest.
const maxLineage = 32

// SetRecursion says what becomes of a function that calls itself through others: "Terminate" or "Allow".
func (s *Service) SetRecursion(r Ref, loop string) error {
	const op = "functions.SetRecursion"
	_, err := s.edit(op, r.unqualified(), func(e *edit) error {
		e.RecursiveLoop = loop
		return nil
	})
	return err
}

// lineageName stands for a function in a trace header.
func lineageName(k Key) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(k.path())) // a hash cannot fail
	return strconv.FormatUint(uint64(h.Sum32())|1<<32, 16)[1:]
}

// lineage reads a trace header, of which AWS's SDKs send on what the function that calls them was given: how often the chain
// of requests has been through the function called name, and the header for one more time.
//
//	Root=1-…;Parent=…;Sampled=0;Lineage=5c1f7a21:1|e03b9d44:2
func lineage(trace, name string) (times int, next string) {
	if strings.Contains(trace, "%") { // as SDKs for Python send it
		if plain, err := url.PathUnescape(trace); err == nil {
			trace = plain
		}
	}
	rest := trace
	var chain []string
	if at := strings.Index(trace, "Lineage="); at == 0 || at > 0 && trace[at-1] == ';' {
		list, after, more := strings.Cut(trace[at+len("Lineage="):], ";")
		if rest = strings.TrimSuffix(trace[:at], ";"); more {
			rest += ";" + after
		}
		for entry := range strings.SplitSeq(list, "|") {
			who, count, _ := strings.Cut(entry, ":")
			if who != name {
				chain = append(chain, entry)
				continue
			}
			if n, err := strconv.Atoi(count); err == nil {
				times = max(times, n)
			}
		}
	}
	chain = append(chain[max(0, len(chain)-maxLineage+1):], name+":"+strconv.Itoa(times+1))
	return times, rest + ";Lineage=" + strings.Join(chain, "|")
}

// recursive refuses an invocation that comes of the function itself once too often.
func (t *target) recursive(op, trace string) error {
	if t.loops || !strings.Contains(trace, "Lineage=") {
		return nil
	}
	if times, _ := lineage(trace, t.name); times < maxLoop {
		return nil
	}
	return &fault.Error{Kind: fault.Conflict, Op: op, Noun: noun, Name: t.spec.FunctionName, Reason: ReasonRecursion,
		Detail: "Lambda has detected your function being invoked in a recursive loop with other Amazon Web Services resources and stopped your function's invocation."}
}
