package gateways

import (
	"math"
	"regexp"
	"strings"
	"unicode/utf8"

	"anthill/value"
)

// maxSchemaDepth bounds references that lead in circles.
const maxSchemaDepth = 100

// validBody holds a body against a model: JSON Schema draft 4, as far as API Gateway has it.
func validBody(m *Model, all map[string]*Model, body []byte) bool {
	doc := jsonOf([]byte(bodyText(body)))
	schema, err := value.Parse(m.Schema)
	if err != nil || doc.IsAbsent() {
		return err != nil
	}
	s := &schemas{root: schema, models: all}
	return s.valid(schema, doc, 0)
}

type schemas struct {
	root   value.Value
	models map[string]*Model
}

// follow finds what a $ref names: a place in the schema, or another model by its URL.
func (s *schemas) follow(ref string) (*schemas, value.Value) {
	if path, ok := strings.CutPrefix(ref, "#/"); ok {
		v := s.root
		for _, part := range strings.Split(path, "/") {
			v = v.Get(strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~"))
		}
		return s, v
	}
	if m := s.models[ref[strings.LastIndexByte(ref, '/')+1:]]; m != nil {
		if v, err := value.Parse(m.Schema); err == nil {
			return &schemas{v, s.models}, v
		}
	}
	return s, value.Value{}
}

func (s *schemas) valid(schema, v value.Value, depth int) bool {
	if depth > maxSchemaDepth {
		return false
	}
	if ref := schema.Get("$ref"); ref.Kind() == value.String {
		in, to := s.follow(ref.Text())
		return to.IsAbsent() || in.valid(to, v, depth+1)
	}
	if t := schema.Get("type"); !t.IsAbsent() && !hasType(t, v) {
		return false
	}
	if e := schema.Get("enum"); e.Kind() == value.Array && !contains(e, v) {
		return false
	}
	for _, sub := range schema.Get("allOf").Items() {
		if !s.valid(sub, v, depth+1) {
			return false
		}
	}
	if n := schema.Get("anyOf"); n.Kind() == value.Array && s.count(n, v, depth) == 0 {
		return false
	}
	if n := schema.Get("oneOf"); n.Kind() == value.Array && s.count(n, v, depth) != 1 {
		return false
	}
	if n := schema.Get("not"); n.Kind() == value.Object && s.valid(n, v, depth+1) {
		return false
	}
	switch v.Kind() {
	case value.Object:
		return s.validObject(schema, v, depth)
	case value.Array:
		return s.validArray(schema, v, depth)
	case value.String:
		return validString(schema, v.Text())
	case value.Number:
		return validNumber(schema, v.Float())
	}
	return true
}

func (s *schemas) count(subs, v value.Value, depth int) (n int) {
	for _, sub := range subs.Items() {
		if s.valid(sub, v, depth+1) {
			n++
		}
	}
	return n
}

func hasType(t, v value.Value) bool {
	if t.Kind() == value.Array {
		for _, one := range t.Items() {
			if hasType(one, v) {
				return true
			}
		}
		return false
	}
	switch t.Text() {
	case "object":
		return v.Kind() == value.Object
	case "array":
		return v.Kind() == value.Array
	case "string":
		return v.Kind() == value.String
	case "boolean":
		return v.Kind() == value.Bool
	case "null":
		return v.IsNull()
	case "number":
		return v.Kind() == value.Number
	case "integer":
		return v.Kind() == value.Number && v.Float() == math.Trunc(v.Float())
	}
	return true
}

func contains(list, v value.Value) bool {
	for _, x := range list.Items() {
		if value.Equal(x, v) {
			return true
		}
	}
	return false
}

func (s *schemas) validObject(schema, v value.Value, depth int) bool {
	for _, name := range schema.Get("required").Items() {
		if v.Get(name.Text()).IsAbsent() {
			return false
		}
	}
	if !within(schema, "minProperties", "maxProperties", v.Len()) {
		return false
	}
	properties, patterns, more := schema.Get("properties"), schema.Get("patternProperties"), schema.Get("additionalProperties")
	for k, x := range v.Members() {
		known := false
		if sub := properties.Get(k); !sub.IsAbsent() {
			known = true
			if !s.valid(sub, x, depth+1) {
				return false
			}
		}
		for p, sub := range patterns.Members() {
			if re, err := regexp.Compile(p); err == nil && re.MatchString(k) {
				known = true
				if !s.valid(sub, x, depth+1) {
					return false
				}
			}
		}
		if known {
			continue
		}
		if more.Kind() == value.Bool && !more.Bool() || more.Kind() == value.Object && !s.valid(more, x, depth+1) {
			return false
		}
	}
	return true
}

func (s *schemas) validArray(schema, v value.Value, depth int) bool {
	if !within(schema, "minItems", "maxItems", v.Len()) {
		return false
	}
	items := schema.Get("items")
	for i, x := range v.Items() {
		sub := items
		if items.Kind() == value.Array {
			sub = items.Index(i)
		}
		if sub.Kind() == value.Object && !s.valid(sub, x, depth+1) {
			return false
		}
		if schema.Get("uniqueItems").Bool() {
			for j := range i {
				if value.Equal(v.Index(j), x) {
					return false
				}
			}
		}
	}
	return true
}

func validString(schema value.Value, s string) bool {
	if p := schema.Get("pattern"); p.Kind() == value.String {
		if re, err := regexp.Compile(p.Text()); err == nil && !re.MatchString(s) {
			return false
		}
	}
	return within(schema, "minLength", "maxLength", utf8.RuneCountInString(s))
}

func validNumber(schema value.Value, f float64) bool {
	if m := schema.Get("minimum"); m.Kind() == value.Number && (f < m.Float() || f == m.Float() && schema.Get("exclusiveMinimum").Bool()) {
		return false
	}
	if m := schema.Get("maximum"); m.Kind() == value.Number && (f > m.Float() || f == m.Float() && schema.Get("exclusiveMaximum").Bool()) {
		return false
	}
	if m := schema.Get("multipleOf"); m.Kind() == value.Number && m.Float() != 0 {
		q := f / m.Float()
		return q == math.Trunc(q)
	}
	return true
}

func within(schema value.Value, low, high string, n int) bool {
	if m := schema.Get(low); m.Kind() == value.Number && float64(n) < m.Float() {
		return false
	}
	m := schema.Get(high)
	return m.Kind() != value.Number || float64(n) <= m.Float()
}
