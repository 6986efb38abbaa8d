package protocol

import (
	"bytes"
	"maps"
	"net/http"
	"reflect"
	"strconv"
)

// Respond writes the Output of the operation with index i. A nil out is an empty one.
func (svc *Service) Respond(w http.ResponseWriter, i int, c *Call, out any) {
	m, op := svc.Model, &svc.Model.Operations[i]
	h := w.Header()
	h["X-Amzn-Requestid"] = []string{c.RequestID}
	maps.Copy(h, c.answer)
	status := op.Status
	if status == 0 {
		status = http.StatusOK
	}
	v := reflect.ValueOf(out)
	switch m.Protocol {
	case JSON:
		b := []byte("{}")
		if out != nil && op.Output != 0 {
			b = appendJSON(nil, m, op.Output, v)
		} else if op.Output == 0 {
			b = nil
		}
		send(w, status, m.contentType(), b)
	case Query:
		var b bytes.Buffer
		b.WriteString("<" + op.Name + "Response xmlns=\"" + m.Namespace + "\">")
		if op.Output != 0 {
			open(&b, op.Name+"Result")
			if out != nil {
				appendXMLMembers(&b, m, &m.Shapes[op.Output], v.Elem())
			}
			shut(&b, op.Name+"Result")
		}
		b.WriteString("<ResponseMetadata><RequestId>" + c.RequestID + "</RequestId></ResponseMetadata>")
		shut(&b, op.Name+"Response")
		send(w, status, m.contentType(), b.Bytes())
	default:
		if out == nil || op.Output == 0 {
			if status == http.StatusOK && op.Output != 0 {
				send(w, status, m.contentType(), []byte("{}"))
				return
			}
			send(w, status, m.contentType(), nil)
			return
		}
		respondREST(w, m, op, status, v.Elem())
	}
}

// contentType is what the service calls its bodies.
func (m *Model) contentType() string {
	switch m.Protocol {
	case JSON:
		return "application/x-amz-json-" + m.JSONVersion
	case REST:
		return "application/json"
	case Query:
		return "text/xml"
	default:
		return "application/xml"
	}
}

func send(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	if _, set := h["Content-Type"]; !set && (len(body) > 0 || status != http.StatusNoContent) {
		h["Content-Type"] = []string{contentType}
	}
	if status != http.StatusNoContent {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	w.WriteHeader(status)
	if len(body) > 0 && status != http.StatusNoContent {
		_, _ = w.Write(body) // a client that went away is no trouble of ours
	}
}

// respondREST spreads v over status, headers and body.
func respondREST(w http.ResponseWriter, m *Model, op *Operation, status int, v reflect.Value) {
	s := &m.Shapes[op.Output]
	h := w.Header()
	for i := range s.Members {
		mem, f := &s.Members[i], v.Field(i)
		if absent(s, f) {
			continue
		}
		switch ms := &m.Shapes[mem.Shape]; mem.In {
		case InStatus:
			status = int(f.Elem().Int())
		case InHeader:
			h.Set(mem.Wire, headerText(m, ms, f))
		case InHeaders:
			for _, key := range f.MapKeys() {
				h.Set(mem.Wire+key.String(), f.MapIndex(key).String())
			}
		}
	}
	if s.Payload == 0 {
		if status == http.StatusNoContent {
			send(w, status, "", nil)
			return
		}
		b := append(appendMembers([]byte{'{'}, m, s, v), '}')
		send(w, status, m.contentType(), b)
		return
	}
	mem, f := &s.Members[s.Payload-1], v.Field(s.Payload-1)
	switch ps := &m.Shapes[mem.Shape]; ps.Kind {
	case Stream:
		h["Content-Type"] = []string{"application/vnd.amazon.eventstream"}
		w.WriteHeader(status)
		sendEvents(w, m, ps, f)
	case Blob:
		send(w, status, m.contentType(), f.Bytes())
	case String:
		text := ""
		if !f.IsNil() {
			text = f.Elem().String()
		}
		send(w, status, "text/plain", []byte(text))
	default:
		if f.IsNil() {
			send(w, status, m.contentType(), nil)
			return
		}
		send(w, status, m.contentType(), appendJSON(nil, m, mem.Shape, f))
	}
}

func headerText(m *Model, s *Shape, f reflect.Value) string {
	if s.Kind != List {
		return scalarText(s, f, "rfc822")
	}
	var b bytes.Buffer
	for i := range f.Len() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(scalarText(&m.Shapes[s.Elem], f.Index(i), "rfc822"))
	}
	return b.String()
}

// Call runs the operation with index i.
func (svc *Service) Call(r *http.Request, c *Call, i int, in any) (any, error) {
	return svc.Serve[i].call(WithCall(r.Context(), c), in)
}
