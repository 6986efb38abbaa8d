package protocol

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/xml"
	"math"
	"reflect"
	"strconv"
	"time"
)

// appendXML writes v, a value of shape id, as an element of that name.
func appendXML(b *bytes.Buffer, m *Model, id ShapeID, name string, flat bool, v reflect.Value) {
	s := &m.Shapes[id]
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	flat = flat || s.Flat
	switch s.Kind {
	case List:
		item := cmp.Or(s.ElemName, "member")
		if flat {
			item = cmp.Or(s.ElemName, name)
		} else {
			open(b, name)
			defer shut(b, name)
		}
		for i := range v.Len() {
			appendXML(b, m, s.Elem, item, false, v.Index(i))
		}
	case Map:
		entry := "entry"
		if flat {
			entry = name
		} else {
			open(b, name)
			defer shut(b, name)
		}
		for _, key := range sortedKeys(v) {
			open(b, entry)
			appendXML(b, m, s.Key, cmp.Or(s.KeyName, "key"), false, key)
			appendXML(b, m, s.Elem, cmp.Or(s.ValName, "value"), false, v.MapIndex(key))
			shut(b, entry)
		}
	case Structure:
		open(b, name)
		appendXMLMembers(b, m, s, v)
		shut(b, name)
	default:
		open(b, name)
		escape(b, scalarText(s, v, "iso8601"))
		shut(b, name)
	}
}

func appendXMLMembers(b *bytes.Buffer, m *Model, s *Shape, v reflect.Value) {
	for i := range s.Members {
		mem := &s.Members[i]
		f := v.Field(i)
		if mem.In != InBody || absent(s, f) {
			continue
		}
		appendXML(b, m, mem.Shape, mem.Wire, mem.Flat, f)
	}
}

// scalarText writes a scalar as plain text; times in that format unless their shape says otherwise.
func scalarText(s *Shape, v reflect.Value, format string) string {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch s.Kind {
	case String:
		return v.String()
	case Integer, Long:
		return strconv.FormatInt(v.Int(), 10)
	case Float:
		f := v.Float()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
		return string(appendFloat(nil, f))
	case Boolean:
		return strconv.FormatBool(v.Bool())
	case Blob:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case Timestamp:
		return formatTime(v.Interface().(time.Time), cmp.Or(s.Format, format))
	default:
		return ""
	}
}

func open(b *bytes.Buffer, name string) {
	b.WriteByte('<')
	b.WriteString(name)
	b.WriteByte('>')
}

func shut(b *bytes.Buffer, name string) {
	b.WriteString("</")
	b.WriteString(name)
	b.WriteByte('>')
}

// escape writes text for XML; characters that XML cannot hold become U+FFFD.
func escape(b *bytes.Buffer, text string) { _ = xml.EscapeText(b, []byte(text)) }
