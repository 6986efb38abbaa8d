package protocol

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
)

// Label is one variable part of a path, unescaped.
type Label struct{ Name, Value string }

// Request is an HTTP request that has found its operation.
type Request struct {
	Header http.Header
	Query  url.Values // parsed query string; with awsQuery over GET, the parameters
	Labels []Label
	Body   []byte
}

// Decode makes the Input of the operation with index i, checked against the model. Its error is an *Error of AWS's. The
// Input may hold on to r.Body.
func (svc *Service) Decode(i int, r *Request) (any, error) {
	op := &svc.Model.Operations[i]
	in := svc.Serve[i].newInput()
	v := reflect.ValueOf(in).Elem()
	if err := svc.fill(op, r, v); err != nil {
		return nil, err
	}
	if err := svc.validate(op, v); err != nil {
		return nil, err
	}
	return in, nil
}

func (svc *Service) fill(op *Operation, r *Request, v reflect.Value) error {
	m := svc.Model
	if op.Input == 0 {
		return nil
	}
	switch m.Protocol {
	case JSON:
		return decodeJSON(m, op.Input, r.Body, v)
	case Query:
		f, err := parseForm(r.Query)
		if err != nil {
			return err
		}
		return decodeForm(m, op.Input, f, v)
	default:
		return decodeREST(m, op.Input, r, v)
	}
}

// decodeREST reads labels, query string, headers and body into v, a structure of shape id.
func decodeREST(m *Model, id ShapeID, r *Request, v reflect.Value) error {
	s := &m.Shapes[id]
	if err := decodeBody(m, s, id, r.Body, v); err != nil {
		return err
	}
	for i := range s.Members {
		mem := &s.Members[i]
		ms, f := &m.Shapes[mem.Shape], v.Field(i)
		switch mem.In {
		case InURI:
			for _, l := range r.Labels {
				if l.Name == mem.Wire {
					if err := parseText(ms, l.Value, settle(f)); err != nil {
						return err
					}
				}
			}
		case InQuery:
			if err := decodeParameter(m, s, mem, r.Query, f); err != nil {
				return err
			}
		case InHeader:
			if err := decodeHeader(m, mem, ms, r.Header, f); err != nil {
				return err
			}
		case InHeaders:
			decodePrefix(mem, r.Header, f)
		}
	}
	return nil
}

// decodeBody reads the body: the payload member's when there is one, else the members that travel nowhere else.
func decodeBody(m *Model, s *Shape, id ShapeID, body []byte, v reflect.Value) error {
	if s.Payload == 0 {
		for i := range s.Members {
			if s.Members[i].In == InBody {
				return decodeJSON(m, id, body, v)
			}
		}
		return nil
	}
	payload, f := s.Members[s.Payload-1].Shape, v.Field(s.Payload-1)
	if len(body) == 0 {
		return nil
	}
	switch m.Shapes[payload].Kind {
	case Blob:
		f.SetBytes(body)
	case String:
		settle(f).SetString(string(body))
	default:
		return decodeJSON(m, payload, body, settle(f))
	}
	return nil
}

// decodeParameter reads one member of in from the query string. A map takes every parameter that is no other member's.
func decodeParameter(m *Model, in *Shape, mem *Member, q url.Values, f reflect.Value) error {
	s := &m.Shapes[mem.Shape]
	switch s.Kind {
	case Map:
		out := reflect.MakeMap(f.Type())
		for name, texts := range q {
			if i := in.member(name, 0); i >= 0 && in.Members[i].In == InQuery {
				continue
			}
			value := reflect.ValueOf(texts[0])
			if f.Type().Elem().Kind() == reflect.Slice {
				value = reflect.ValueOf(texts)
			}
			out.SetMapIndex(reflect.ValueOf(name), value)
		}
		if out.Len() > 0 {
			f.Set(out)
		}
	case List:
		texts, ok := q[mem.Wire]
		if !ok {
			return nil
		}
		out := reflect.MakeSlice(f.Type(), len(texts), len(texts))
		for i, text := range texts {
			if err := parseText(&m.Shapes[s.Elem], text, out.Index(i)); err != nil {
				return err
			}
		}
		f.Set(out)
	default:
		texts, ok := q[mem.Wire]
		if !ok {
			return nil
		}
		return parseText(s, texts[0], settle(f))
	}
	return nil
}

func decodeHeader(m *Model, mem *Member, s *Shape, h http.Header, f reflect.Value) error {
	texts := h.Values(mem.Wire)
	if len(texts) == 0 {
		return nil
	}
	if s.Kind == List {
		var parts []string
		for _, t := range texts {
			parts = append(parts, strings.Split(t, ",")...)
		}
		out := reflect.MakeSlice(f.Type(), len(parts), len(parts))
		for i, part := range parts {
			if err := parseText(&m.Shapes[s.Elem], strings.Trim(part, " \""), out.Index(i)); err != nil {
				return err
			}
		}
		f.Set(out)
		return nil
	}
	return parseText(s, texts[0], settle(f))
}

// decodePrefix gathers the headers that begin with the member's wire name.
func decodePrefix(mem *Member, h http.Header, f reflect.Value) {
	out := reflect.MakeMap(f.Type())
	for name, texts := range h {
		if len(name) > len(mem.Wire) && strings.EqualFold(name[:len(mem.Wire)], mem.Wire) {
			out.SetMapIndex(reflect.ValueOf(strings.ToLower(name[len(mem.Wire):])), reflect.ValueOf(texts[0]))
		}
	}
	if out.Len() > 0 {
		f.Set(out)
	}
}
