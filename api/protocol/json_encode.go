package protocol

import (
	"encoding/base64"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// appendJSON writes v, a value of shape id, to b.
func appendJSON(b []byte, m *Model, id ShapeID, v reflect.Value) []byte {
	s := &m.Shapes[id]
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return append(b, "null"...)
		}
		v = v.Elem()
	}
	switch s.Kind {
	case Structure:
		return append(appendMembers(append(b, '{'), m, s, v), '}')
	case List:
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, m, s.Elem, v.Index(i))
		}
		return append(b, ']')
	case Map:
		b = append(b, '{')
		for i, key := range sortedKeys(v) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, key.String()), ':')
			if item := v.MapIndex(key); m.Name == "apigateway" && item.Kind() == reflect.String && item.Len() == 0 {
				b = append(b, "null"...) // API Gateway keeps no empty text
			} else {
				b = appendJSON(b, m, s.Elem, item)
			}
		}
		return append(b, '}')
	case String:
		return appendString(b, v.String())
	case Integer, Long:
		return strconv.AppendInt(b, v.Int(), 10)
	case Float:
		return appendFloat(b, v.Float())
	case Boolean:
		return strconv.AppendBool(b, v.Bool())
	case Blob:
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, v.Bytes())
		return append(b, '"')
	case Timestamp:
		if f := s.Format; f != "" && f != "unixTimestamp" {
			return appendString(b, formatTime(v.Interface().(time.Time), f))
		}
		return appendSeconds(b, v.Interface().(time.Time))
	default:
		return append(b, "null"...)
	}
}

// appendMembers writes the members of v that are there and travel in the body, without braces.
func appendMembers(b []byte, m *Model, s *Shape, v reflect.Value) []byte {
	first := true
	for i := range s.Members {
		mem := &s.Members[i]
		f := v.Field(i)
		if mem.In != InBody || absent(s, f) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendString(b, mem.Wire), ':')
		b = appendJSON(b, m, mem.Shape, f)
	}
	return b
}

// absent reports whether a field of a structure of shape s is not there: nil, or in an error, whose scalars are no
// pointers, zero.
func absent(s *Shape, f reflect.Value) bool {
	switch f.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Func:
		return f.IsNil()
	default:
		return s.Error != nil && f.IsZero()
	}
}

func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

// appendString quotes s. Bytes that are no UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}

// appendFloat writes f as Java does, with a fraction always: boto3 shows 1 and 1.0 differently.
func appendFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	case f == math.Trunc(f) && math.Abs(f) < 1e15:
		return append(strconv.AppendFloat(b, f, 'f', -1, 64), ".0"...)
	default:
		return strconv.AppendFloat(b, f, 'g', -1, 64)
	}
}

// appendSeconds writes t as seconds since 1970, down to microseconds.
func appendSeconds(b []byte, t time.Time) []byte {
	micro := t.UnixMicro()
	if micro < 0 {
		return strconv.AppendFloat(b, float64(micro)/1e6, 'f', -1, 64)
	}
	b = strconv.AppendInt(b, micro/1e6, 10)
	frac := micro % 1e6
	if frac == 0 {
		return b
	}
	digits := strconv.AppendInt(nil, 1e6+frac, 10)[1:]
	for digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	return append(append(b, '.'), digits...)
}

// formatTime writes t in one of the model's formats.
func formatTime(t time.Time, format string) string {
	t = t.UTC()
	switch format {
	case "rfc822":
		return t.Format("Mon, 02 Jan 2006 15:04:05 GMT")
	case "unixTimestamp":
		return string(appendSeconds(nil, t))
	default:
		if t.Nanosecond() == 0 {
			return t.Format("2006-01-02T15:04:05Z")
		}
		return t.Format("2006-01-02T15:04:05.000Z")
	}
}
