package protocol

import (
	"bytes"
	"cmp"
	"errors"
	"net/http"
	"reflect"
	"slices"

	"anthill/fault"
)

// envelope is an error as it goes on the wire, whatever the protocol.
type envelope struct {
	code    string
	message string
	status  int
	extra   []byte              // JSON members, without braces
	write   func(*bytes.Buffer) // the same as XML
	modeled bool
	header  [][2]string
}

// WriteError answers err in the manner of the service. Errors that are neither modeled nor an *Error are our own trouble,
// or a fault that its door did not translate.
func (m *Model) WriteError(w http.ResponseWriter, c *Call, err error) {
	e := m.envelope(err)
	h := w.Header()
	h["X-Amzn-Requestid"] = []string{c.RequestID}
	for _, line := range e.header {
		h.Set(line[0], line[1])
	}
	switch m.Protocol {
	case Query:
		kind := "Sender"
		if e.status >= 500 {
			kind = "Receiver"
		}
		var b bytes.Buffer
		b.WriteString("<ErrorResponse xmlns=\"" + m.Namespace + "\"><Error><Type>" + kind + "</Type><Code>")
		escape(&b, e.code)
		b.WriteString("</Code><Message>")
		escape(&b, e.message)
		b.WriteString("</Message>")
		if e.write != nil {
			e.write(&b)
		}
		b.WriteString("</Error><RequestId>" + c.RequestID + "</RequestId></ErrorResponse>")
		send(w, e.status, m.contentType(), b.Bytes())
	case REST:
		h["X-Amzn-Errortype"] = []string{e.code}
		send(w, e.status, m.contentType(), append(append([]byte{'{'}, e.extra...), '}'))
	default:
		h["X-Amzn-Errortype"] = []string{e.code}
		b := append([]byte(`{"__type":`), appendString(nil, e.typeName())...)
		if len(e.extra) > 0 {
			b = append(append(b, ','), e.extra...)
		}
		send(w, e.status, m.contentType(), append(b, '}'))
	}
}

// typeName is what awsJson calls the error: errors of AWS's framework carry its name space.
func (e envelope) typeName() string {
	if e.modeled {
		return e.code
	}
	switch e.code {
	case "ValidationException":
		return "com.amazon.coral.validate#" + e.code
	case "SerializationException", "UnknownOperationException", "InternalFailure", "IncompleteSignatureException",
		"InvalidSignatureException", "MissingAuthenticationTokenException", "UnrecognizedClientException":
		return "com.amazon.coral.service#" + e.code
	default:
		return e.code
	}
}

func (m *Model) envelope(err error) envelope {
	var modeled Modeled
	if errors.As(err, &modeled) {
		return modeledEnvelope(modeled)
	}
	var plain *Error
	if !errors.As(err, &plain) {
		plain = m.translate(err)
	}
	e := envelope{code: plain.Code, message: plain.Message, status: plain.Status}
	if e.status == 0 {
		e.status = http.StatusBadRequest
	}
	e.extra = append(append(e.extra, `"message":`...), appendString(nil, plain.Message)...)
	names := make([]string, 0, len(plain.Extra))
	for name := range plain.Extra {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		e.extra = append(append(append(e.extra, ','), appendString(nil, name)...), ':')
		e.extra = appendString(e.extra, plain.Extra[name])
	}
	return e
}

func modeledEnvelope(err Modeled) envelope {
	m, id := err.Model()
	s := &m.Shapes[id]
	v := reflect.ValueOf(err).Elem()
	e := envelope{code: s.Error.Code, message: err.ErrorMessage(), status: s.Error.Status, modeled: true}
	e.extra = appendMembers(nil, m, s, v)
	if s.member("message", 0) < 0 && s.member("Message", 0) < 0 && e.message != "" {
		if len(e.extra) > 0 {
			e.extra = append(e.extra, ',')
		}
		e.extra = append(append(e.extra, `"message":`...), appendString(nil, e.message)...)
	}
	for i := range s.Members {
		if mem := &s.Members[i]; mem.In == InHeader && !absent(s, v.Field(i)) {
			e.header = append(e.header, [2]string{mem.Wire, scalarText(&m.Shapes[mem.Shape], v.Field(i), "rfc822")})
		}
	}
	e.write = func(b *bytes.Buffer) {
		for i := range s.Members {
			mem := &s.Members[i]
			if f := v.Field(i); mem.Wire != "message" && mem.Wire != "Message" && !absent(s, f) {
				appendXML(b, m, mem.Shape, mem.Wire, mem.Flat, f)
			}
		}
	}
	return e
}

// translate makes an AWS error of a fault that no door knew better.
func (m *Model) translate(err error) *Error {
	f := fault.Of(err)
	message := cmp.Or(f.Detail, f.Error())
	switch f.Kind {
	case fault.NotFound:
		return &Error{Code: "ResourceNotFoundException", Message: message, Status: 404}
	case fault.Exists, fault.Conflict:
		return &Error{Code: "ResourceConflictException", Message: message, Status: 409}
	case fault.Invalid:
		return Fail(dialectOf(m).code, message)
	case fault.TooLarge:
		return &Error{Code: "RequestTooLargeException", Message: message, Status: 413}
	case fault.Throttled:
		return &Error{Code: "ThrottlingException", Message: message, Status: 429}
	case fault.Unsupported:
		return m.notImplemented(message)
	case fault.Denied:
		return &Error{Code: "AccessDeniedException", Message: message, Status: 403}
	case fault.Full:
		return &Error{Code: "ServiceUnavailable", Message: message, Status: 503}
	case fault.Timeout, fault.Canceled:
		return &Error{Code: "ServiceUnavailable", Message: message, Status: 503}
	default:
		return &Error{Code: "InternalFailure", Message: "An internal error occurred; the platform's log has the details.", Status: 500}
	}
}

// NotBuilt is the answer of an operation that the model knows and Anthill does not serve.
func (m *Model) NotBuilt(operation string) *Error {
	return m.notImplemented("Anthill does not implement " + operation + " of " + m.FullName + "; docs/compatibility.md lists what it implements.")
}

func (m *Model) notImplemented(message string) *Error {
	code := "NotImplementedException"
	if m.Protocol == Query || m.Protocol == XML {
		code = "NotImplemented"
	}
	return &Error{Code: code, Message: message, Status: http.StatusNotImplemented}
}
