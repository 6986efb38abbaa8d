package protocol

import (
	"context"
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// CallSDK runs an operation with the JSON that the AWS SDK integrations of Step Functions use: members are named as in
// the model with a capital letter in front, timestamps are ISO 8601 texts, blobs are texts (developer guide, "AWS SDK
// service integrations"). action is the operation's name with a small letter in front. A JSON value where the model has a
// string stands for its text.
func (svc *Service) CallSDK(ctx context.Context, c *Call, action string, params []byte) ([]byte, error) {
	m := svc.Model
	for i := range m.Operations {
		op := &m.Operations[i]
		if lowerFirst(op.Name) != lowerFirst(action) {
			continue
		}
		if !svc.Serve[i].Built() {
			return nil, m.NotBuilt(op.Name)
		}
		in := svc.Serve[i].newInput()
		v := reflect.ValueOf(in).Elem()
		if op.Input != 0 {
			if err := fromSDK(m, op.Input, params, v); err != nil {
				return nil, Fail("ValidationException", err.Error())
			}
		}
		if err := svc.validate(op, v); err != nil {
			return nil, err
		}
		c.Service, c.Operation = m.Name, op.Name
		out, err := svc.Serve[i].call(WithCall(ctx, c), in)
		if err != nil {
			return nil, err
		}
		if out == nil || op.Output == 0 {
			return []byte("{}"), nil
		}
		return toSDK(nil, m, op.Output, reflect.ValueOf(out).Elem()), nil
	}
	return nil, Fail("UnknownOperationException", fmt.Sprintf("%s has no operation %s", m.FullName, action))
}

// ErrorOf is what the wire would show of err: AWS's code, the message and the HTTP status.
func (m *Model) ErrorOf(err error) (code, message string, status int) {
	e := m.envelope(err)
	return e.code, e.message, e.status
}

// fromSDK fills v, a Go value of shape id, from JSON.
func fromSDK(m *Model, id ShapeID, raw jsontext.Value, v reflect.Value) error {
	s := &m.Shapes[id]
	kind := raw.Kind()
	if kind == 'n' {
		return nil
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch s.Kind {
	case Structure:
		return structureFromSDK(m, s, raw, v)
	case List:
		var items []jsontext.Value
		if err := json.Unmarshal(raw, &items); err != nil {
			return fmt.Errorf("a list was expected")
		}
		v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
		for i, item := range items {
			if err := fromSDK(m, s.Elem, item, v.Index(i)); err != nil {
				return err
			}
		}
	case Map:
		var items map[string]jsontext.Value
		if err := json.Unmarshal(raw, &items); err != nil {
			return fmt.Errorf("a map was expected")
		}
		v.Set(reflect.MakeMapWithSize(v.Type(), len(items)))
		for key, item := range items {
			elem := reflect.New(v.Type().Elem()).Elem()
			if err := fromSDK(m, s.Elem, item, elem); err != nil {
				return err
			}
			v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), elem)
		}
	default:
		return scalarFromSDK(s, raw, v)
	}
	return nil
}

func structureFromSDK(m *Model, s *Shape, raw jsontext.Value, v reflect.Value) error {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(raw, &members); err != nil {
		return fmt.Errorf("an object was expected")
	}
	for i := range s.Members {
		mem := &s.Members[i]
		item, ok := members[upperFirst(mem.Name)]
		if !ok {
			continue
		}
		if err := fromSDK(m, mem.Shape, item, v.Field(i)); err != nil {
			return fmt.Errorf("%s: %w", upperFirst(mem.Name), err)
		}
	}
	return nil
}

func scalarFromSDK(s *Shape, raw jsontext.Value, v reflect.Value) error {
	text := string(raw)
	if raw.Kind() == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
	}
	switch s.Kind {
	case Blob:
		v.SetBytes([]byte(text))
		return nil
	case Timestamp:
		t, err := parseTime(text)
		if err != nil {
			return err
		}
		v.Set(reflect.ValueOf(t))
		return nil
	case String:
		v.SetString(text)
		return nil
	}
	return json.Unmarshal([]byte(text), v.Addr().Interface())
}

// toSDK appends v, a Go value of shape id, as JSON.
func toSDK(b []byte, m *Model, id ShapeID, v reflect.Value) []byte {
	s := &m.Shapes[id]
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return append(b, "null"...)
		}
		v = v.Elem()
	}
	switch s.Kind {
	case Structure:
		b = append(b, '{')
		first := true
		for i := range s.Members {
			f := v.Field(i)
			if absent(s, f) {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(appendString(b, upperFirst(s.Members[i].Name)), ':')
			b = toSDK(b, m, s.Members[i].Shape, f)
		}
		return append(b, '}')
	case List:
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = toSDK(b, m, s.Elem, v.Index(i))
		}
		return append(b, ']')
	case Map:
		b = append(b, '{')
		for i, key := range sortedKeys(v) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, key.String()), ':')
			b = toSDK(b, m, s.Elem, v.MapIndex(key))
		}
		return append(b, '}')
	case Timestamp:
		return appendString(b, v.Interface().(time.Time).UTC().Format("2006-01-02T15:04:05.000Z"))
	case Blob:
		raw := v.Bytes()
		if !utf8.Valid(raw) {
			return appendString(b, base64.StdEncoding.EncodeToString(raw))
		}
		return appendString(b, string(raw))
	default:
		return appendJSON(b, m, id, v)
	}
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// Encode is v, a Go value of the shape of that name, as the JSON of the wire. A shape that the model does not have gives null.
func (m *Model) Encode(shape string, v any) []byte {
	for i := range m.Shapes {
		if m.Shapes[i].Name == shape {
			return appendJSON(nil, m, ShapeID(i), reflect.ValueOf(v))
		}
	}
	return []byte("null")
}
