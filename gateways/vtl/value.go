package vtl

import (
	"slices"
	"strconv"
	"strings"

	"anthill/value"
)

// Object is a thing of the host that a template reads and calls, such as $input.
type Object interface {
	// Property gives the value of $object.name; ok is false when there is none.
	Property(name string) (v any, ok bool)
	// Call runs $object.name(args); ok is false when there is no such method.
	Call(name string, args []any) (v any, ok bool, err error)
}

// Map is a map that keeps the order in which its keys came.
type Map struct {
	keys  []string
	items map[string]any
}

// NewMap makes a map of pairs: key, value, key, value….
func NewMap(pairs ...any) *Map {
	m := &Map{items: map[string]any{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		m.Put(pairs[i].(string), pairs[i+1])
	}
	return m
}

// Get gives the value of a key, nil when it is not there.
func (m *Map) Get(key string) any { return m.items[key] }

// Has reports whether the key is there.
func (m *Map) Has(key string) bool { _, ok := m.items[key]; return ok }

// Keys gives the keys in order. It must not be changed.
func (m *Map) Keys() []string { return m.keys }

// Put sets a key and gives what was there.
func (m *Map) Put(key string, v any) any {
	old, there := m.items[key]
	if !there {
		m.keys = append(m.keys, key)
	}
	m.items[key] = v
	return old
}

// Remove takes a key away and gives what was there.
func (m *Map) Remove(key string) any {
	old, there := m.items[key]
	if there {
		delete(m.items, key)
		m.keys = slices.DeleteFunc(m.keys, func(k string) bool { return k == key })
	}
	return old
}

// List is a list that may grow.
type List struct{ Items []any }

// Of is a JSON value as templates see it.
func Of(v value.Value) any {
	switch v.Kind() {
	case value.Bool:
		return v.Bool()
	case value.Number:
		if n, ok := v.Int(); ok && !strings.ContainsAny(v.String(), ".eE") {
			return n
		}
		return v.Float()
	case value.String:
		return v.Text()
	case value.Array:
		l := &List{Items: make([]any, 0, v.Len())}
		for _, x := range v.Items() {
			l.Items = append(l.Items, Of(x))
		}
		return l
	case value.Object:
		m := NewMap()
		for k, x := range v.Members() {
			m.Put(k, Of(x))
		}
		return m
	}
	return nil
}

// maxDepth is how deeply maps and lists may lie in each other to be printed: a template can put a map into itself.
const maxDepth = 64

// Text is v as a template prints it: Java's toString of a map ({a=1}), JSON of a list, as AWS's JSON library does.
func Text(v any) string { return string(appendText(nil, v, 0)) }

func appendText(b []byte, v any, depth int) []byte {
	if depth > maxDepth {
		return append(b, "..."...)
	}
	switch v := v.(type) {
	case nil:
		if depth > 0 {
			return append(b, "null"...)
		}
	case bool:
		return strconv.AppendBool(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case float64:
		return append(b, floatText(v)...)
	case string:
		return append(b, v...)
	case *Map:
		b = append(b, '{')
		for i, k := range v.keys {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(append(b, k...), '=')
			b = appendText(b, v.items[k], depth+1)
		}
		return append(b, '}')
	case *List:
		return appendJSON(b, v, depth)
	}
	return b
}

// JSON is v as JSON.
func JSON(v any) string { return string(appendJSON(nil, v, 0)) }

func appendJSON(b []byte, v any, depth int) []byte {
	if depth > maxDepth {
		return append(b, "null"...)
	}
	switch v := v.(type) {
	case string:
		return value.AppendQuoted(b, v)
	case *Map:
		b = append(b, '{')
		for i, k := range v.keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(value.AppendQuoted(b, k), ':')
			b = appendJSON(b, v.items[k], depth+1)
		}
		return append(b, '}')
	case *List:
		b = append(b, '[')
		for i, x := range v.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, x, depth+1)
		}
		return append(b, ']')
	case nil, Object:
		return append(b, "null"...)
	}
	return appendText(b, v, depth)
}

// floatText is Java's Double.toString for the numbers that JSON has in practice: 1.0 keeps its fraction.
func floatText(f float64) string {
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if abs := max(f, -f); abs != 0 && (abs < 1e-3 || abs >= 1e7) {
		s = strings.Replace(strconv.FormatFloat(f, 'E', -1, 64), "E+0", "E", 1)
		s = strings.Replace(strings.Replace(s, "E-0", "E-", 1), "E+", "E", 1)
		mantissa, exponent, _ := strings.Cut(s, "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		return mantissa + "E" + exponent
	}
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
