package server

import (
	"strings"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"anthill/workflows"
)

// chart cuts an execution's events into spans: events name the one before them, and so each of them lies in the state, and
// in the attempt of a task, in which the one before it lay, unless it enters or leaves one.
type chart struct {
	e     *workflows.Execution
	root  []byte
	spans []*trace.Span

	state, attempt map[int64]*trace.Span // that an event lies in
	outer          map[*trace.Span]*trace.Span
	holds          map[*trace.Span]bool // a Map or Parallel that has not failed: states are inside of it
}

// executionSpans are the spans of an execution that has ended: itself, its states, and the attempts of their tasks. Of one that was
// redriven they are those since.
func executionSpans(e *workflows.Execution, t *workflows.Trace) []*trace.Span {
	root, ok := parseRoot(e.Root())
	if !ok {
		return nil // its trace header names no trace of X-Ray's
	}
	_, parent, _, _ := parseHeader(e.TraceHeader)
	began := e.Started
	if e.Redrives > 0 {
		began = e.Redriven
	}
	c := &chart{e: e, root: root, state: map[int64]*trace.Span{}, attempt: map[int64]*trace.Span{},
		outer: map[*trace.Span]*trace.Span{}, holds: map[*trace.Span]bool{}}
	whole := c.span(spanID("execution", e.ARN, e.Redrives), parent, "execute "+e.MachineName, began.UnixNano(),
		text("aws.step_functions.execution.arn", e.ARN), text("aws.step_functions.state_machine.arn", e.MachineARN), text("anthill.execution.name", e.Name), text("anthill.execution.status", string(e.Status)))
	whole.EndTimeUnixNano = uint64(max(began.UnixNano(), e.Stopped.UnixNano()))
	if e.Status != workflows.Succeeded {
		whole.Status = failed(string(e.Status))
	}
	c.holds[whole] = true
	c.state[0] = whole
	requests := map[int64]string{}
	for _, task := range t.Tasks {
		requests[task.Scheduled] = task.RequestID
	}
	for i := range t.Events {
		c.event(&t.Events[i], requests)
	}
	return c.closed(whole)
}

func (c *chart) span(id, parent []byte, name string, at int64, attributes ...*common.KeyValue) *trace.Span {
	s := &trace.Span{TraceId: c.root, SpanId: id, ParentSpanId: parent, Kind: trace.Span_SPAN_KIND_INTERNAL, Name: name, StartTimeUnixNano: uint64(at), Attributes: attributes}
	c.spans = append(c.spans, s)
	return s
}

func (c *chart) event(ev *workflows.TraceEvent, requests map[int64]string) {
	in, attempt := c.state[ev.Previous], c.attempt[ev.Previous]
	if in == nil {
		in = c.spans[0]
	}
	switch {
	case strings.HasSuffix(ev.Type, "StateEntered"):
		for !c.holds[in] { // it failed, and a catcher led here
			end(in, ev.Instant)
			in = c.outer[in]
		}
		kind := strings.TrimSuffix(ev.Type, "StateEntered")
		s := c.span(spanID("state", c.e.ARN, ev.ID), in.SpanId, ev.State, ev.Instant, text("aws.step_functions.state.type", kind))
		c.outer[s], c.holds[s] = in, kind == "Map" || kind == "Parallel"
		in = s
	case strings.HasSuffix(ev.Type, "StateExited"):
		for in != c.spans[0] {
			s := in
			end(s, ev.Instant)
			if in = c.outer[s]; s.Name == ev.State {
				break
			}
		}
	case ev.Type == "MapStateFailed", ev.Type == "ParallelStateFailed", ev.Type == "MapStateAborted", ev.Type == "ParallelStateAborted":
		for in != c.spans[0] && !c.holds[in] {
			end(in, ev.Instant)
			in = c.outer[in]
		}
		if in != c.spans[0] {
			c.holds[in], in.Status, attempt = false, failed(ev.Type), nil
		}
	case strings.HasSuffix(ev.Type, "Scheduled"):
		id := spanID("task", c.e.ARN, ev.ID)
		if r := requests[ev.ID]; r != "" {
			id = hexOf(workflows.Segment(r), 8) // what the invocation was told
		}
		attempt = c.span(id, in.SpanId, "task of "+in.Name, ev.Instant)
		attempt.Kind = trace.Span_SPAN_KIND_CLIENT
	case attempt != nil && (strings.HasSuffix(ev.Type, "Succeeded") || strings.HasSuffix(ev.Type, "Failed") || strings.HasSuffix(ev.Type, "TimedOut")):
		end(attempt, ev.Instant)
		if !strings.HasSuffix(ev.Type, "Succeeded") {
			attempt.Status = failed(ev.Type)
		}
		attempt = nil
	}
	c.state[ev.ID], c.attempt[ev.ID] = in, attempt
}

func end(s *trace.Span, at int64) {
	if s.EndTimeUnixNano == 0 {
		s.EndTimeUnixNano = uint64(at)
	}
}

// closed ends what no event ended with what it lies in, and leaves out what is older than the last redrive.
func (c *chart) closed(whole *trace.Span) []*trace.Span {
	by := map[string]*trace.Span{}
	var kept []*trace.Span
	for _, s := range c.spans { // what holds a span comes before it
		by[string(s.SpanId)] = s
		if p := by[string(s.ParentSpanId)]; p != nil && s != whole {
			if s.EndTimeUnixNano == 0 || s.EndTimeUnixNano > p.EndTimeUnixNano {
				s.EndTimeUnixNano = max(s.StartTimeUnixNano, p.EndTimeUnixNano)
			}
		}
		if s == whole || c.e.Redrives == 0 || s.StartTimeUnixNano >= whole.StartTimeUnixNano {
			kept = append(kept, s)
		}
	}
	return kept
}
