package process_test

import (
	"strings"
	"testing"
	"time"

	"anthill/sandbox"
)

func TestStreaming(t *testing.T) {
	for _, id := range nodes(t) {
		t.Run(id, func(t *testing.T) {
			t.Parallel() // each waits for a timeout
			streaming(t, id)
		})
	}
}

func streaming(t *testing.T, runtime string) {
	h := newHouse(t)
	s := h.function("streams", "index.js", `
exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  stream.setContentType("text/plain");
  stream.write("one ");
  if (event.hang) return new Promise((resolve) => setTimeout(resolve, 60000));
  if (event.fail) throw new RangeError("in the middle");
  stream.write("two ");
  stream.end("three");
});
exports.page = awslambda.streamifyResponse(async (event, stream) => {
  stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 });
  stream.end("body");
});
`, 0o644)
	s.Runtime, s.Handler, s.Timeout = runtime, "index.handler", 3*patience*time.Second
	page := s
	page.Handler, page.Key = "index.page", "page"
	for _, c := range []struct {
		spec                           sandbox.Spec
		event, kind, pieces, errorType string
	}{
		{s, `{}`, "text/plain", "one two three", ""},
		{s, `{"fail":1}`, "text/plain", "one ", "RangeError"},
		{s, `{"hang":1}`, "text/plain", "one ", "Sandbox.Timedout"}, // a piece came, though it never ended
		{s, `{}`, "text/plain", "one two three", ""},
		{page, `{}`, "application/vnd.awslambda.http-integration-response", "{\"statusCode\":201}\x00\x00\x00\x00\x00\x00\x00\x00body", ""},
	} {
		var kind string
		var pieces strings.Builder
		r, err := h.Invoke(t.Context(), c.spec, sandbox.Invocation{RequestID: id(1), Payload: []byte(c.event), Stream: func(k string, b []byte) {
			kind += k
			pieces.Write(b)
		}})
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
		if kind != c.kind || pieces.String() != c.pieces || r.ErrorType != c.errorType || c.errorType == "" && len(r.Payload) != 0 {
			t.Errorf("%s: %s %q, %s %s\n%s", c.event, kind, pieces.String(), r.ErrorType, r.Payload, h.log.text())
		}
	}
	// Who does not want pieces gets the whole.
	if r := h.invoke(s, `{}`); string(r.Payload) != "one two three" {
		t.Errorf("whole: %s", r.Payload)
	}
}
