package protocol

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// form is a form's parameters as a tree: "Tags.member.1.Key=a" is Tags, member, 1, Key.
type form struct {
	text string
	has  bool // a parameter ended here
	kids map[string]*form
}

// maxParameters bounds the work of one form.
const maxParameters = 10_000

// parseForm reads an application/x-www-form-urlencoded body.
func parseForm(values url.Values) (*form, error) {
	if len(values) > maxParameters {
		return nil, Fail("MalformedInput", "too many parameters")
	}
	root := &form{}
	for name, texts := range values {
		at := root
		parts := strings.Split(name, ".")
		if len(parts) > maxDepth {
			return nil, Fail("MalformedInput", "a parameter's name has too many parts")
		}
		for _, part := range parts {
			if at.kids == nil {
				at.kids = map[string]*form{}
			}
			next := at.kids[part]
			if next == nil {
				next = &form{}
				at.kids[part] = next
			}
			at = next
		}
		at.text, at.has = texts[0], true
	}
	return root, nil
}

// decodeForm reads f into v, a value of shape id.
func decodeForm(m *Model, id ShapeID, f *form, v reflect.Value) error {
	s := &m.Shapes[id]
	switch s.Kind {
	case Structure:
		v = settle(v)
		for i := range s.Members {
			mem := &s.Members[i]
			kid := f.kids[mem.Wire]
			if kid == nil {
				continue
			}
			if err := decodeForm(m, mem.Shape, kid, v.Field(i)); err != nil {
				return err
			}
		}
		return nil
	case List:
		return decodeFormList(m, s, f, v)
	case Map:
		return decodeFormMap(m, s, f, v)
	default:
		return parseText(s, f.text, settle(v))
	}
}

func decodeFormList(m *Model, s *Shape, f *form, v reflect.Value) error {
	if f.has && f.text == "" && len(f.kids) == 0 { // how clients write an empty list
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		return nil
	}
	if !s.Flat {
		f = f.kids[cmp.Or(s.ElemName, "member")]
		if f == nil {
			return nil
		}
	}
	order, err := indexes(f)
	if err != nil {
		return err
	}
	out := reflect.MakeSlice(v.Type(), len(order), len(order))
	for i, key := range order {
		if err := decodeForm(m, s.Elem, f.kids[key], out.Index(i)); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

func decodeFormMap(m *Model, s *Shape, f *form, v reflect.Value) error {
	if !s.Flat {
		f = f.kids["entry"]
		if f == nil {
			return nil
		}
	}
	order, err := indexes(f)
	if err != nil {
		return err
	}
	out := reflect.MakeMap(v.Type())
	for _, i := range order {
		entry := f.kids[i]
		key, value := entry.kids[cmp.Or(s.KeyName, "key")], entry.kids[cmp.Or(s.ValName, "value")]
		if key == nil || value == nil {
			return Fail("MalformedInput", "a map entry lacks its key or its value")
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		if err := decodeForm(m, s.Elem, value, elem); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(key.text), elem)
	}
	v.Set(out)
	return nil
}

// indexes gives the numbered children of f in the order of their numbers.
func indexes(f *form) ([]string, error) {
	keys := make([]string, 0, len(f.kids))
	for k := range f.kids {
		if n, err := strconv.Atoi(k); err != nil || n < 0 {
			return nil, Fail("MalformedInput", "Top level element may not be treated as a list")
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	})
	return keys, nil
}

// parseText reads a scalar from plain text: forms, labels, query strings and headers.
func parseText(s *Shape, text string, v reflect.Value) error {
	bad := func(want string) error {
		return Fail("MalformedInput", strconv.Quote(text)+" can not be converted to "+want)
	}
	switch s.Kind {
	case String:
		v.SetString(text)
	case Boolean:
		switch strings.ToLower(text) {
		case "true":
			v.SetBool(true)
		case "false":
			v.SetBool(false)
		default:
			return bad("a Boolean")
		}
	case Integer, Long:
		bits := 64
		if s.Kind == Integer {
			bits = 32
		}
		n, err := strconv.ParseInt(text, 10, bits)
		if err != nil {
			return bad("an Integer")
		}
		v.SetInt(n)
	case Float:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return bad("a Double")
		}
		v.SetFloat(f)
	case Blob:
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return bad("a Blob")
		}
		v.SetBytes(b)
	case Timestamp:
		t, err := parseTime(text)
		if err != nil {
			return bad("a Timestamp")
		}
		v.Set(reflect.ValueOf(t))
	default:
		return bad(s.Name)
	}
	return nil
}
