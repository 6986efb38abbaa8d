package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"anthill/functions"
	"anthill/workflows"
)

const traceHeader = "X-Amzn-Trace-Id"

// visit is a request while it is served.
type visit struct {
	began               time.Time
	trace, span, parent []byte // parent is nil when the request came without a trace
	sampled             bool   // it is exported
}

type visitKey struct{}

// begin gives a request its place in a trace, and names it as the parent in the header that is passed on: the caller's
// X-Amzn-Trace-Id goes before its traceparent (W3C Trace Context); without both a trace begins.
func (t *traces) begin(r *http.Request) *http.Request {
	v := &visit{began: time.Now(), span: make([]byte, 8)}
	rand.Read(v.span)
	said := "" // of whether it is to be sampled
	if root, parent, s, ok := parseHeader(r.Header.Get(traceHeader)); ok {
		v.trace, v.parent, said = root, parent, s
	} else if root, parent, s, ok := parseTraceparent(r.Header.Get("traceparent")); ok {
		v.trace, v.parent, said = root, parent, s
	} else {
		v.trace = make([]byte, 16)
		rand.Read(v.trace)
		for i, s := 0, uint32(v.began.Unix()); i < 4; i++ {
			v.trace[i] = byte(s >> (24 - 8*i)) // X-Ray's traces begin with their second
		}
	}
	sampled := "0"
	if v.sampled = t.sampler.takes(v.trace, said); v.sampled {
		sampled = "1"
	}
	id := hex.EncodeToString(v.trace)
	r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
	r.Header.Set(traceHeader, "Root=1-"+id[:8]+"-"+id[8:]+";Parent="+hex.EncodeToString(v.span)+";Sampled="+sampled)
	return r
}

// parseHeader reads an X-Amzn-Trace-Id (X-Ray developer guide, "Tracing header"). parent is nil when there is none.
func parseHeader(header string) (root, parent []byte, sampled string, ok bool) {
	for field := range strings.SplitSeq(header, ";") {
		switch k, v, _ := strings.Cut(strings.TrimSpace(field), "="); k {
		case "Root":
			root, ok = parseRoot(v)
		case "Parent":
			parent = hexOf(v, 8)
		case "Sampled":
			sampled = v
		}
	}
	return root, parent, sampled, ok
}

func parseRoot(root string) ([]byte, bool) {
	after, found := strings.CutPrefix(root, "1-")
	if !found || len(after) != 33 || after[8] != '-' {
		return nil, false
	}
	id := hexOf(after[:8]+after[9:], 16)
	return id, id != nil
}

func parseTraceparent(header string) (root, parent []byte, sampled string, ok bool) {
	parts := strings.Split(header, "-")
	if len(parts) < 4 || parts[0] == "ff" {
		return nil, nil, "", false
	}
	flags, err := hex.DecodeString(parts[3])
	if err != nil || len(flags) != 1 {
		return nil, nil, "", false
	}
	root, parent = hexOf(parts[1], 16), hexOf(parts[2], 8)
	return root, parent, strconv.Itoa(int(flags[0] & 1)), root != nil && parent != nil
}

// hexOf is n bytes that are not all zero; nil for anything else.
func hexOf(digits string, n int) []byte {
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != n || strings.Trim(digits, "0") == "" {
		return nil
	}
	return b
}

// spanID is the name of a span that everybody finds who knows what it is of.
func spanID(of ...any) []byte {
	h := sha256.Sum256(fmt.Append(nil, of...))
	return h[:8]
}

func text(key, v string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v}}}
}

func whole(key string, v int) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: int64(v)}}}
}

func yes(key string, v bool) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: v}}}
}

func failed(message string) *trace.Status {
	return &trace.Status{Code: trace.Status_STATUS_CODE_ERROR, Message: message}
}

// answered exports a request that begin began.
func (t *traces) answered(r *http.Request, service, operation string, status int) {
	if t == nil {
		return
	}
	v, _ := r.Context().Value(visitKey{}).(*visit)
	if v == nil || !v.sampled {
		return
	}
	ended, method, path := time.Now(), r.Method, r.URL.Path
	t.add(func() []*trace.Span {
		s := &trace.Span{TraceId: v.trace, SpanId: v.span, ParentSpanId: v.parent, Kind: trace.Span_SPAN_KIND_SERVER, Name: service + "." + operation,
			StartTimeUnixNano: uint64(v.began.UnixNano()), EndTimeUnixNano: uint64(ended.UnixNano()),
			Attributes: []*common.KeyValue{text("rpc.system", "aws-api"), text("rpc.service", service), text("http.request.method", method),
				text("url.path", path), whole("http.response.status_code", status)}}
		if operation == "" {
			s.Name = method + " " + service
		} else {
			s.Attributes = append(s.Attributes, text("rpc.method", operation))
		}
		if status >= 500 {
			s.Status = failed(http.StatusText(status))
		}
		return []*trace.Span{s}
	})
}

// served exports an invocation with its phases. One that was found again after a restart of the platform has no trace.
func (t *traces) served(k functions.Key, s *functions.Served) {
	if t == nil {
		return
	}
	c := *s
	t.add(func() []*trace.Span {
		if root, _, said, ok := parseHeader(c.TraceID); !ok || !t.sampler.takes(root, said) {
			return nil
		}
		return invocationSpans(k, &c)
	})
}

func invocationSpans(k functions.Key, s *functions.Served) []*trace.Span {
	root, parent, _, ok := parseHeader(s.TraceID)
	if !ok {
		return nil
	}
	v := invocationOf(k, s)
	at := v.Arrived
	if at == 0 {
		at = v.Queued
	}
	span := &trace.Span{TraceId: root, SpanId: spanID("invocation", s.RequestID, v.Sent), ParentSpanId: parent, Kind: trace.Span_SPAN_KIND_INTERNAL,
		Name: "invoke " + k.Name, StartTimeUnixNano: uint64(at), EndTimeUnixNano: uint64(max(at, v.Received)),
		Attributes: []*common.KeyValue{text("faas.name", k.Name), text("faas.version", s.Version), text("faas.invocation_id", s.RequestID),
			text("faas.instance", s.Environment), yes("faas.coldstart", v.Start.IsCold()), text("anthill.start", string(v.Start)),
			text("aws.log.stream.names", s.LogStream)}}
	if s.FunctionError != "" {
		span.Status = failed(cmp.Or(s.ErrorType, s.FunctionError))
	}
	spans := []*trace.Span{span}
	for _, p := range v.Parts() {
		if p.Took > 0 {
			spans = append(spans, &trace.Span{TraceId: root, SpanId: spanID("phase", p.Phase, span.SpanId), ParentSpanId: span.SpanId, Kind: trace.Span_SPAN_KIND_INTERNAL,
				Name: string(p.Phase), StartTimeUnixNano: uint64(at), EndTimeUnixNano: uint64(at + int64(p.Took))})
		}
		at += int64(p.Took)
	}
	return spans
}

// ended is workflows.Config.Ended: it exports executions with their states and tasks. nil when nothing is exported.
func (h *house) ended() func(workflows.Execution) {
	if h.traces == nil {
		return nil
	}
	return func(e workflows.Execution) {
		h.traces.add(func() []*trace.Span {
			root, ok := parseRoot(e.Root())
			if _, _, said, _ := parseHeader(e.TraceHeader); !ok || !h.traces.sampler.takes(root, said) {
				return nil // or its trace header names no trace of X-Ray's
			}
			seen, err := h.workflows.Trace(e.ARN)
			if err != nil {
				h.traces.lost.Add(1) // its history is gone already
				return nil
			}
			return executionSpans(&e, seen)
		})
	}
}
