package protocol

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// validate checks in, an Input, against the model and gives AWS's error that lists every violation, or nil.
func (svc *Service) validate(op *Operation, in reflect.Value) error {
	if op.Input == 0 {
		return nil
	}
	m := svc.Model
	c := checker{m: m, d: dialectOf(m), patterns: &svc.patterns}
	s := &m.Shapes[op.Input]
	if c.d.bodyPrefix {
		prefix := lowerFirst(op.Name) + "Input"
		c.members(s, in, &place{name: prefix}, func(mem *Member) bool { return mem.In == InBody })
		c.members(s, in, nil, func(mem *Member) bool { return mem.In != InBody })
	} else {
		c.members(s, in, nil, nil)
	}
	if len(c.found) == 0 {
		return nil
	}
	return c.d.invalid(c.found)
}

// checker collects violations.
type checker struct {
	m        *Model
	d        dialect
	patterns *patterns
	found    []violation
}

// violation is one broken constraint.
type violation struct {
	value string // as AWS shows it: 'x', null
	at    string
	must  string // "Member must not be null"
	shape *Shape // of the value; nil when there is none
}

// place is where the checker is; a chain towards the root, so that nothing is built unless a constraint is broken.
type place struct {
	up   *place
	name string
}

func (p *place) at(name string) *place { return &place{up: p, name: name} }

func (p *place) String() string {
	if p == nil {
		return ""
	}
	if p.up == nil {
		return p.name
	}
	return p.up.String() + "." + p.name
}

// lowerFirst is how AWS names members in these messages: functionName for FunctionName.
func lowerFirst(name string) string {
	r, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[n:]
}

// members checks the members of a structure that want accepts; nil accepts all.
func (c *checker) members(s *Shape, v reflect.Value, p *place, want func(*Member) bool) {
	for i := range s.Members {
		mem := &s.Members[i]
		if want != nil && !want(mem) {
			continue
		}
		f := v.Field(i)
		if absent(s, f) {
			if mem.Required && mem.In != InURI {
				c.add(nil, "null", p.at(lowerFirst(mem.Name)), "Member must not be null")
			}
			continue
		}
		if f.Kind() == reflect.Func {
			continue
		}
		c.value(mem.Shape, f, p, mem.Name)
	}
}

func (c *checker) add(s *Shape, value string, at *place, must string) {
	c.found = append(c.found, violation{value, at.String(), must, s})
}

// value checks a value that is there. Its place is the member name under p.
func (c *checker) value(id ShapeID, v reflect.Value, p *place, name string) {
	s := &c.m.Shapes[id]
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch s.Kind {
	case Structure:
		c.members(s, v, p.at(lowerFirst(name)), nil)
		return
	case List:
		c.each(s, v, p.at(lowerFirst(name)))
		return
	case Map:
		c.entries(s, v, p.at(lowerFirst(name)))
		return
	}
	if s.Pattern == "" && s.Enum == nil && s.Min == nil && s.Max == nil {
		return
	}
	for _, must := range c.constraints(s, v) {
		c.add(s, quoted(c.m, id, v), p.at(lowerFirst(name)), must)
	}
}

// each checks a list: its own length, and its items. Items that are structures have places of their own; the
// constraints of scalar items are told of the whole list.
func (c *checker) each(s *Shape, v reflect.Value, at *place) {
	for _, must := range length(s, v.Len()) {
		c.add(s, quotedList(c.m, s, v), at, must)
	}
	elem := &c.m.Shapes[s.Elem]
	switch elem.Kind {
	case Structure, List, Map:
		for i := range v.Len() {
			c.value(s.Elem, v.Index(i), at.at(strconv.Itoa(i+1)), "member")
		}
	default:
		for i := range v.Len() {
			if len(c.constraints(elem, v.Index(i))) > 0 {
				c.add(s, quotedList(c.m, s, v), at, c.d.items(s, elem))
				return
			}
		}
	}
}

// entries checks a map: its size, its keys, its values.
func (c *checker) entries(s *Shape, v reflect.Value, at *place) {
	for _, must := range length(s, v.Len()) {
		c.add(s, quotedMap(c.m, s, v), at, must)
	}
	key, elem := &c.m.Shapes[s.Key], &c.m.Shapes[s.Elem]
	keysBad, valuesBad := false, false
	for _, k := range sortedKeys(v) {
		keysBad = keysBad || len(c.constraints(key, k)) > 0
		value := v.MapIndex(k)
		switch elem.Kind {
		case Structure, List, Map:
			c.value(s.Elem, value, at.at(k.String()), "member")
		default:
			valuesBad = valuesBad || len(c.constraints(elem, value)) > 0
		}
	}
	if keysBad {
		c.add(s, quotedMap(c.m, s, v), at, "Map keys must satisfy constraint: ["+strings.Join(all(key), ", ")+"]")
	}
	if valuesBad {
		c.add(s, quotedMap(c.m, s, v), at, "Map value must satisfy constraint: ["+strings.Join(append(all(elem), "Member must not be null"), ", ")+"]")
	}
}

// constraints gives what a scalar breaks.
func (c *checker) constraints(s *Shape, v reflect.Value) []string {
	if s.Pattern == "" && s.Enum == nil && s.Min == nil && s.Max == nil {
		return nil
	}
	var broken []string
	switch s.Kind {
	case String:
		text := v.String()
		broken = length(s, utf16Len(text))
		if s.Pattern != "" && !c.patterns.match(s.Pattern, text) {
			broken = append(broken, mustMatch(s))
		}
		if s.Enum != nil && !slices.Contains(s.Enum, text) {
			broken = append(broken, mustBeOneOf(s))
		}
	case Blob:
		broken = length(s, v.Len())
	case Integer, Long:
		broken = bounds(s, float64(v.Int()))
	case Float:
		broken = bounds(s, v.Float())
	}
	return broken
}

// utf16Len is the length that AWS counts: Java's.
func utf16Len(text string) int {
	n := 0
	for _, r := range text {
		if n++; r > 0xFFFF {
			n++
		}
	}
	return n
}

func length(s *Shape, n int) (broken []string) {
	if s.Max != nil && float64(n) > *s.Max {
		broken = append(broken, "Member must have length less than or equal to "+whole(*s.Max))
	}
	if s.Min != nil && float64(n) < *s.Min {
		broken = append(broken, "Member must have length greater than or equal to "+whole(*s.Min))
	}
	return broken
}

func bounds(s *Shape, n float64) (broken []string) {
	if s.Max != nil && n > *s.Max {
		broken = append(broken, "Member must have value less than or equal to "+number(s, *s.Max))
	}
	if s.Min != nil && n < *s.Min {
		broken = append(broken, "Member must have value greater than or equal to "+number(s, *s.Min))
	}
	return broken
}

// all gives every constraint of a scalar shape, as AWS lists them for list items and map entries.
func all(s *Shape) []string {
	var list []string
	what := "length"
	if s.Kind == Integer || s.Kind == Long || s.Kind == Float {
		what = "value"
	}
	if s.Max != nil {
		list = append(list, "Member must have "+what+" less than or equal to "+number(s, *s.Max))
	}
	if s.Min != nil {
		list = append(list, "Member must have "+what+" greater than or equal to "+number(s, *s.Min))
	}
	if s.Pattern != "" {
		list = append(list, mustMatch(s))
	}
	if s.Enum != nil {
		list = append(list, mustBeOneOf(s))
	}
	return list
}

func mustMatch(s *Shape) string {
	return "Member must satisfy regular expression pattern: " + s.Pattern
}

func mustBeOneOf(s *Shape) string {
	return "Member must satisfy enum value set: [" + strings.Join(s.Enum, ", ") + "]"
}

func whole(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// number writes a bound in the manner of the shape's type: 1.0 for doubles.
func number(s *Shape, f float64) string {
	if s.Kind == Float {
		return string(appendFloat(nil, f))
	}
	return whole(f)
}

func quoted(m *Model, id ShapeID, v reflect.Value) string { return "'" + javaText(m, id, v) + "'" }

func quotedList(m *Model, s *Shape, v reflect.Value) string { return "'" + javaList(m, s, v) + "'" }

func quotedMap(m *Model, s *Shape, v reflect.Value) string { return "'" + javaMap(m, s, v) + "'" }

// javaText shows a value as AWS's servers print it.
func javaText(m *Model, id ShapeID, v reflect.Value) string {
	s := &m.Shapes[id]
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "null"
		}
		v = v.Elem()
	}
	switch s.Kind {
	case Structure:
		parts := make([]string, len(s.Members))
		for i := range s.Members {
			text := "null"
			if f := v.Field(i); !absent(s, f) {
				text = javaText(m, s.Members[i].Shape, f)
			}
			parts[i] = lowerFirst(s.Members[i].Name) + "=" + text
		}
		return s.Name + "(" + strings.Join(parts, ", ") + ")"
	case List:
		return javaList(m, s, v)
	case Map:
		return javaMap(m, s, v)
	case Blob:
		n := v.Len()
		return fmt.Sprintf("java.nio.HeapByteBuffer[pos=0 lim=%d cap=%d]", n, n)
	case Timestamp:
		return v.Interface().(time.Time).UTC().Format("Mon Jan 02 15:04:05 UTC 2006")
	default:
		return scalarText(s, v, "iso8601")
	}
}

func javaList(m *Model, s *Shape, v reflect.Value) string {
	parts := make([]string, v.Len())
	for i := range parts {
		parts[i] = javaText(m, s.Elem, v.Index(i))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func javaMap(m *Model, s *Shape, v reflect.Value) string {
	var parts []string
	for _, k := range sortedKeys(v) {
		parts = append(parts, k.String()+"="+javaText(m, s.Elem, v.MapIndex(k)))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
