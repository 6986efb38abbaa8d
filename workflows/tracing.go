package workflows

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"sync"
)

// Root is the X-Ray trace that an execution belongs to, "1-xxxxxxxx-24 hex digits": that of its trace header, or one made
// of the execution itself, so that all of its tasks share it (X-Ray developer guide, "Tracing header").
func (e *Execution) Root() string {
	if root := headerField(e.TraceHeader, "Root"); root != "" {
		return root
	}
	h := sha256.Sum256([]byte(e.ARN))
	b := append(make([]byte, 0, 35), "1-"...)
	b = hex.AppendEncode(b, binary.BigEndian.AppendUint32(nil, uint32(e.Started.Unix())))
	b = append(b, '-')
	return string(hex.AppendEncode(b, h[:12]))
}

// headerField is a field of an X-Amzn-Trace-Id value: "Root", "Parent" or "Sampled"; "" when it is missing.
func headerField(header, name string) string {
	for field := range strings.SplitSeq(header, ";") {
		if k, v, ok := strings.Cut(strings.TrimSpace(field), "="); ok && k == name {
			return v
		}
	}
	return ""
}

// Segment is what an attempt of a task with that request id is called in a trace header: 16 hex digits.
func Segment(requestID string) string {
	if len(requestID) == 36 { // a UUID, without looking for its dashes
		return requestID[19:23] + requestID[24:]
	}
	digits := strings.ReplaceAll(requestID, "-", "")
	return digits[max(0, len(digits)-16):]
}

// traceHeader is what t hands over with its call: the trace of its execution, and itself as the parent.
func (t *Task) traceHeader() string {
	o := t.origin
	o.root()
	return o.before + Segment(t.RequestID) + o.after
}

// origin is what tasks belong to in a trace. All tasks of one share its root, which is made when the first asks.
type origin struct {
	e    *Execution
	once sync.Once // guards the others
	text string
	// before and after a task's segment in trace headers
	before, after string
}

// root is the execution's Root.
func (o *origin) root() string {
	o.once.Do(func() {
		sampled := headerField(o.e.TraceHeader, "Sampled")
		if sampled != "1" {
			sampled = "0"
		}
		o.text = o.e.Root()
		o.before, o.after = "Root="+o.text+";Parent=", ";Sampled="+sampled
	})
	return o.text
}

// passedOn is the trace header of an execution that t starts; "" when its own came without one, so that nobody is shown a
// header that nobody gave.
func (t *Task) passedOn() string {
	if t.origin.e.TraceHeader == "" {
		return ""
	}
	return t.traceHeader()
}

// tellEnded tells who listens of the execution's end, once that is written.
func (r *run) tellEnded() {
	if r.s.c.Ended != nil && r.x.Done() {
		r.s.c.Ended(r.e)
	}
}
