package functions

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
)

// Stream is an invocation whose answer is read while it runs. A runtime that does not stream gives it in one piece. Close
// must be called.
type Stream struct {
	pieces chan piece
	end    chan ended
	stop   context.CancelFunc

	first   piece // read by Begun
	has     bool
	version string
	kind    string
	result  *Result
	err     error
	over    bool
}

type piece struct {
	version, kind string
	bytes         []byte
}

type ended struct {
	r   *Result
	err error
}

// Streamed begins inv, which must be synchronous.
func Streamed(ctx context.Context, s *Service, inv Invocation) *Stream {
	ctx, stop := context.WithCancel(ctx)
	t := &Stream{pieces: make(chan piece, 16), end: make(chan ended, 1), stop: stop}
	inv.Stream = func(version, kind string, b []byte) {
		select {
		case t.pieces <- piece{version, kind, bytes.Clone(b)}:
		case <-ctx.Done(): // nobody reads any more: the function runs on, as on AWS
		}
	}
	go func() { // it ends with the invocation, or when Close says that nobody waits for it
		r, err := s.Invoke(ctx, inv)
		t.end <- ended{r, err}
	}()
	return t
}

// Begun waits for the first piece or the end, and gives the version that runs. The error is Invoke's.
func (t *Stream) Begun() (version string, err error) {
	select {
	case t.first = <-t.pieces:
		t.has, t.version, t.kind = true, t.first.version, t.first.kind
	case e := <-t.end:
		t.finish(e)
		if t.err != nil {
			t.stop()
			return "", t.err
		}
		t.version = t.result.ExecutedVersion
	}
	return t.version, nil
}

// ContentType is the answer's, "" when it did not say or came whole.
func (t *Stream) ContentType() string { return t.kind }

// finish notes the end. Pieces that came before it are still to be read; an answer that came whole is the only one.
func (t *Stream) finish(e ended) {
	t.result, t.err, t.over = e.r, e.err, true
	if e.err == nil && e.r.FunctionError == "" && len(e.r.Payload) > 0 && !t.has {
		select {
		case p := <-t.pieces: // the end was seen first
			t.first, t.has, t.version, t.kind = p, true, p.version, p.kind
		default:
			t.first, t.has = piece{bytes: e.r.Payload}, true
		}
	}
}

// Next gives the next piece, and false after the last.
func (t *Stream) Next() ([]byte, bool) {
	if t.has {
		b := t.first.bytes
		t.has = false
		return b, true
	}
	if t.over {
		select {
		case p := <-t.pieces:
			return p.bytes, true
		default:
			return nil, false
		}
	}
	select {
	case p := <-t.pieces:
		return p.bytes, true
	case e := <-t.end:
		t.result, t.err, t.over = e.r, e.err, true
		return t.Next()
	}
}

// End gives the outcome, after the last piece.
func (t *Stream) End() (*Result, error) { return t.result, t.err }

// Close lets go of it: what still runs runs on.
func (t *Stream) Close() { t.stop() }

// integration is the content type of an answer that begins with its status and headers, in JSON, and eight zero bytes.
const integration = "application/vnd.awslambda.http-integration-response"

// maxPrelude bounds what is waited for before those zero bytes.
const maxPrelude = 64 << 10

// stream answers a function URL whose invoke mode is RESPONSE_STREAM (developer guide, "Response streaming for Lambda functions").
func (p *URLProxy) stream(w http.ResponseWriter, r *http.Request, inv Invocation) {
	t := Streamed(r.Context(), p.s, inv)
	defer t.Close()
	if _, err := t.Begun(); err != nil {
		refuseURL(w, err)
		return
	}
	h := w.Header()
	h.Set("X-Amzn-Requestid", inv.RequestID)
	h.Set("X-Amzn-Trace-Id", inv.TraceID)
	if t.over && t.result.FunctionError == "" && len(t.result.Payload) > 0 { // from a runtime that does not stream
		answerURL(w, t.result.Payload)
		return
	}
	kind := t.ContentType()
	piece, more := t.Next()
	if kind == integration {
		at := bytes.Index(piece, make([]byte, 8))
		for at < 0 && more && len(piece) < maxPrelude {
			var b []byte
			b, more = t.Next()
			piece = append(piece, b...)
			at = bytes.Index(piece, make([]byte, 8))
		}
		if at < 0 || !prelude(w, piece[:at]) {
			answerText(w, http.StatusBadGateway, "application/json", "Internal Server Error")
			return
		}
		piece = piece[at+8:]
	} else if more {
		if kind == "" {
			kind = "application/octet-stream"
		}
		h.Set("Content-Type", kind)
	} else if out, err := t.End(); err != nil || out.FunctionError != "" {
		answerText(w, http.StatusBadGateway, "application/json", "Internal Server Error")
		return
	}
	flush := http.NewResponseController(w)
	for {
		if _, err := w.Write(piece); err != nil {
			return // the client has gone: the function runs on
		}
		_ = flush.Flush() // a writer that cannot flush gives it all at the end
		if !more {
			break
		}
		piece, more = t.Next()
	}
	if out, err := t.End(); err != nil || out.FunctionError != "" {
		panic(http.ErrAbortHandler) // cut off, so that nobody takes it for the whole
	}
}

// prelude writes the status and headers that begin a streamed answer.
func prelude(w http.ResponseWriter, text []byte) bool {
	out := struct {
		StatusCode int                        `json:"statusCode"`
		Headers    map[string]json.RawMessage `json:"headers"`
		Cookies    []string                   `json:"cookies"`
	}{StatusCode: http.StatusOK}
	if json.Unmarshal(text, &out) != nil || out.StatusCode < 100 || out.StatusCode > 599 {
		return false
	}
	h := w.Header()
	setHeaders(h, out.Headers)
	for _, c := range out.Cookies {
		h.Add("Set-Cookie", c)
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/octet-stream")
	}
	w.WriteHeader(out.StatusCode)
	return true
}
