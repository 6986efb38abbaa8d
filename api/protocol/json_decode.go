package protocol

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonDecoder reads one JSON document into Go structures. Unknown members are skipped and the last of two equal names
// counts, as in AWS's own servers.
type jsonDecoder struct {
	m   *Model
	dec jsontext.Decoder
}

// maxDepth is how deep documents may nest.
const maxDepth = 200

// decodeJSON reads data, which must hold one object or nothing, into v, a structure of shape id.
func decodeJSON(m *Model, id ShapeID, data []byte, v reflect.Value) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	d := jsonDecoder{m: m}
	d.dec.Reset(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true))
	if err := d.value(id, v, 0); err != nil {
		return m.serialization(err)
	}
	if _, err := d.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return m.serialization(err)
	}
	return nil
}

// serialization makes AWS's error of a body that cannot be read. Syntax errors have no message at AWS; ours have one.
func (m *Model) serialization(err error) error {
	var e *Error
	var mis *mismatched
	message := "the body is not one JSON document"
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &mis):
		message = dialectOf(m).mismatch(mis.got, mis.want.Kind)
	case err != nil:
		message = strings.TrimPrefix(err.Error(), "jsontext: ")
	}
	return Fail("SerializationException", message)
}

// mismatched is a JSON value of another type than the model's.
type mismatched struct {
	got  jsontext.Kind
	want *Shape
}

func (e *mismatched) Error() string { return "a JSON value of the wrong type" }

func mismatch(got jsontext.Kind, want *Shape) error { return &mismatched{got, want} }

// value reads the next JSON value into v, whose type is that of shape id or a pointer to it. Null leaves v alone.
func (d *jsonDecoder) value(id ShapeID, v reflect.Value, depth int) error {
	if depth > maxDepth {
		return Fail("SerializationException", "the document nests too deeply")
	}
	s := &d.m.Shapes[id]
	kind := d.dec.PeekKind()
	if kind == 'n' {
		return d.dec.SkipValue()
	}
	switch s.Kind {
	case Structure:
		if kind != '{' {
			return d.wrong(kind, s)
		}
		return d.structure(s, settle(v), depth)
	case List:
		if kind != '[' {
			return d.wrong(kind, s)
		}
		return d.list(s, v, depth)
	case Map:
		if kind != '{' {
			return d.wrong(kind, s)
		}
		return d.mapping(s, v, depth)
	case Stream:
		return d.dec.SkipValue()
	}
	tok, err := d.dec.ReadToken()
	if err != nil {
		return err
	}
	return scalar(s, tok, settle(v))
}

// wrong tells a syntax error, which the decoder finds when it reads on, from a value of the wrong type.
func (d *jsonDecoder) wrong(kind jsontext.Kind, s *Shape) error {
	if err := d.dec.SkipValue(); err != nil {
		return err
	}
	return mismatch(kind, s)
}

// settle gives what v points to, made when v is a nil pointer.
func settle(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return v.Elem()
	}
	return v
}

func (d *jsonDecoder) structure(s *Shape, v reflect.Value, depth int) error {
	if _, err := d.dec.ReadToken(); err != nil {
		return err
	}
	next := 0 // clients write members in the model's order more often than not
	for d.dec.PeekKind() != '}' {
		raw, err := d.dec.ReadToken()
		if err != nil {
			return err
		}
		i := s.member(raw.String(), next)
		if i < 0 || s.Members[i].In != InBody {
			if err := d.dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		next = i + 1
		if err := d.value(s.Members[i].Shape, v.Field(i), depth+1); err != nil {
			return err
		}
	}
	_, err := d.dec.ReadToken()
	return err
}

// member finds the member of that name on the wire, looking from the member start on first. It gives -1 when there is none.
func (s *Shape) member(wire string, start int) int {
	n := len(s.Members)
	for k := range n {
		i := start + k
		if i >= n {
			i -= n
		}
		if s.Members[i].Wire == wire {
			return i
		}
	}
	return -1
}

func (d *jsonDecoder) list(s *Shape, v reflect.Value, depth int) error {
	if _, err := d.dec.ReadToken(); err != nil {
		return err
	}
	out := reflect.MakeSlice(v.Type(), 0, 0)
	for d.dec.PeekKind() != ']' {
		if d.dec.PeekKind() == 'n' {
			return Fail("SerializationException", "null found in a list of "+d.m.Shapes[s.Elem].Name)
		}
		out = reflect.Append(out, reflect.Zero(v.Type().Elem()))
		if err := d.value(s.Elem, out.Index(out.Len()-1), depth+1); err != nil {
			return err
		}
	}
	v.Set(out)
	_, err := d.dec.ReadToken()
	return err
}

func (d *jsonDecoder) mapping(s *Shape, v reflect.Value, depth int) error {
	if _, err := d.dec.ReadToken(); err != nil {
		return err
	}
	out := reflect.MakeMap(v.Type())
	for d.dec.PeekKind() != '}' {
		tok, err := d.dec.ReadToken()
		if err != nil {
			return err
		}
		key := tok.String()
		if d.dec.PeekKind() == 'n' {
			if err := d.dec.SkipValue(); err != nil {
				return err
			}
			if d.m.Name == "apigateway" && d.m.Shapes[s.Elem].Kind == String { // it keeps the key, without a text
				out.SetMapIndex(reflect.ValueOf(key), reflect.Zero(v.Type().Elem()))
			}
			continue
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(s.Elem, elem, depth+1); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(key), elem)
	}
	v.Set(out)
	_, err := d.dec.ReadToken()
	return err
}

// scalar puts one token into v.
func scalar(s *Shape, tok jsontext.Token, v reflect.Value) error {
	kind := tok.Kind()
	switch s.Kind {
	case String:
		if kind == '"' {
			v.SetString(tok.String())
			return nil
		}
	case Boolean:
		if kind == 't' || kind == 'f' {
			v.SetBool(kind == 't')
			return nil
		}
	case Integer, Long:
		if kind == '0' {
			return setInteger(s, tok.String(), v)
		}
	case Float:
		if kind == '0' || kind == '"' {
			return setFloat(s, tok.String(), v, kind)
		}
	case Blob:
		if kind == '"' {
			b, err := base64.StdEncoding.DecodeString(tok.String())
			if err != nil {
				return Fail("SerializationException", "a blob is not base64: "+err.Error())
			}
			v.SetBytes(b)
			return nil
		}
	case Timestamp:
		if kind == '0' || kind == '"' {
			t, err := parseTime(tok.String())
			if err != nil {
				return mismatch(kind, s)
			}
			v.Set(reflect.ValueOf(t))
			return nil
		}
	}
	return mismatch(kind, s)
}

// setInteger cuts fractions off, as AWS does.
func setInteger(s *Shape, text string, v reflect.Value) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f, ferr := strconv.ParseFloat(text, 64)
		if ferr != nil || math.Abs(f) >= 1<<63 {
			return mismatch('0', s)
		}
		n = int64(f)
	}
	if s.Kind == Integer && int64(int32(n)) != n {
		return mismatch('0', s)
	}
	v.SetInt(n)
	return nil
}

func setFloat(s *Shape, text string, v reflect.Value, kind jsontext.Kind) error {
	if kind == '"' && text != "NaN" && text != "Infinity" && text != "-Infinity" {
		return mismatch(kind, s)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return mismatch('0', s)
	}
	v.SetFloat(f)
	return nil
}

// parseTime reads the forms of time that clients send: seconds since 1970, ISO 8601, and HTTP dates.
func parseTime(text string) (time.Time, error) {
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		if math.IsNaN(f) || math.Abs(f) > 1e11 {
			return time.Time{}, strconv.ErrRange
		}
		whole, frac := math.Modf(f)
		return time.Unix(int64(whole), int64(math.Round(frac*1e6))*1e3).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02", "Mon, 02 Jan 2006 15:04:05 GMT"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, strconv.ErrSyntax
}
