package remote

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"anthill/value"
)

// decode reads the answer of an operation as a task's output.
func (m *model) decode(op *operation, status int, h http.Header, body []byte) (value.Value, error) {
	out := value.OfObject()
	if op.Output == nil {
		return out, nil
	}
	s := m.Shapes[op.Output.Shape]
	for i := range s.Members {
		mem := &s.Members[i]
		if v := m.fromHead(mem, status, h); !v.IsAbsent() {
			out = out.With(capital(mem.name), v)
		}
	}
	if s.Payload != "" {
		for i := range s.Members {
			if mem := &s.Members[i]; mem.name == s.Payload {
				v, err := m.payload(m.Shapes[mem.Shape], body)
				if err != nil || v.IsAbsent() {
					return out, err
				}
				return out.With(capital(mem.name), v), nil
			}
		}
	}
	v, err := m.document(s, op.Output.ResultWrapper, body)
	for name, x := range v.Members() {
		out = out.With(name, x)
	}
	return out, err
}

// fromHead is a member that travels in the status or in headers; Absent for another, or when it was not sent.
func (m *model) fromHead(mem *member, status int, h http.Header) value.Value {
	s := m.Shapes[mem.Shape]
	switch mem.Location {
	case "statusCode":
		return value.OfInt(int64(status))
	case "header":
		if text := h.Get(mem.wire()); text != "" {
			return m.fromText(s, text)
		}
	case "headers":
		out := value.OfObject()
		for _, name := range sortedNames(h) {
			if len(name) > len(mem.LocationName) && strings.EqualFold(name[:len(mem.LocationName)], mem.LocationName) {
				out = out.With(strings.ToLower(name[len(mem.LocationName):]), value.OfString(h.Get(name)))
			}
		}
		return out
	}
	return value.Value{}
}

func sortedNames(h http.Header) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// payload reads a body that is one member.
func (m *model) payload(s *shape, body []byte) (value.Value, error) {
	switch s.Type {
	case "blob":
		return blob(body), nil
	case "string":
		return value.OfString(string(body)), nil
	}
	return m.document(s, "", body)
}

// blob is bytes as a task has them: as text when they are text.
func blob(b []byte) value.Value {
	if utf8.Valid(b) {
		return value.OfString(string(b))
	}
	return value.OfString(base64.StdEncoding.EncodeToString(b))
}

// document reads a body that is a structure.
func (m *model) document(s *shape, wrapper string, body []byte) (value.Value, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return value.OfObject(), nil
	}
	if strings.HasSuffix(m.Metadata.Protocol, "json") {
		v, err := value.ParseBytes(body)
		if err != nil {
			return v, err
		}
		return m.fromJSON(s, v), nil
	}
	root, err := parseXML(body)
	if err != nil {
		return value.Value{}, err
	}
	if wrapper != "" {
		if root = root.child(wrapper); root == nil {
			return value.OfObject(), nil
		}
	}
	return m.fromXML(s, root), nil
}

// fromJSON is JSON of the wire as a task has it.
func (m *model) fromJSON(s *shape, v value.Value) value.Value {
	switch {
	case v.IsNull():
		return v
	case s.Type == "structure" && v.Kind() == value.Object:
		out := value.OfObject()
		for i := range s.Members {
			mem := &s.Members[i]
			if x := v.Get(mem.wire()); mem.Location == "" && !x.IsAbsent() && !x.IsNull() {
				out = out.With(capital(mem.name), m.fromJSON(m.Shapes[mem.Shape], x))
			}
		}
		return out
	case s.Type == "list" && v.Kind() == value.Array:
		items := make([]value.Value, 0, v.Len())
		for _, x := range v.Items() {
			items = append(items, m.fromJSON(m.Shapes[s.Member.Shape], x))
		}
		return value.OfArray(items...)
	case s.Type == "map" && v.Kind() == value.Object:
		out := value.OfObject()
		for key, x := range v.Members() {
			out = out.With(key, m.fromJSON(m.Shapes[s.Value.Shape], x))
		}
		return out
	case s.Type == "timestamp" && v.Kind() == value.Number:
		return instant(time.UnixMilli(int64(v.Float() * 1000)))
	case s.Type == "timestamp" || s.Type == "blob":
		return m.fromText(s, v.Text())
	}
	return v
}

func instant(t time.Time) value.Value {
	return value.OfString(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// fromText is a scalar that was written as text.
func (m *model) fromText(s *shape, text string) value.Value {
	switch s.Type {
	case "integer", "long", "float", "double", "short", "byte":
		if v, err := value.Parse(strings.TrimSpace(text)); err == nil {
			return v
		}
	case "boolean":
		return value.OfBool(strings.TrimSpace(text) == "true")
	case "blob":
		if b, err := base64.StdEncoding.DecodeString(text); err == nil {
			return blob(b)
		}
	case "timestamp":
		for _, layout := range []string{time.RFC3339Nano, http.TimeFormat, time.RFC1123} {
			if t, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
				return instant(t)
			}
		}
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return instant(time.UnixMilli(int64(n * 1000)))
		}
	}
	return value.OfString(text)
}

// node is an XML element.
type node struct {
	name     string
	attrs    []xml.Attr
	text     string
	children []*node
}

func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// textOf is the text of a child; "" for none.
func (n *node) textOf(name string) string {
	if c := n.child(name); c != nil {
		return c.text
	}
	return ""
}

// parseXML reads a document.
func parseXML(body []byte) (*node, error) {
	dec := xml.NewDecoder(bytes.NewReader(body))
	root := &node{}
	stack := []*node{root}
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		top := stack[len(stack)-1]
		switch t := tok.(type) {
		case xml.StartElement:
			n := &node{name: t.Name.Local, attrs: t.Attr}
			top.children = append(top.children, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(t)
		}
	}
	if len(root.children) != 1 {
		return nil, errors.New("the answer is not an XML document")
	}
	return root.children[0], nil
}

// fromXML is an element as a task has it.
func (m *model) fromXML(s *shape, n *node) value.Value {
	switch s.Type {
	case "structure":
		out := value.OfObject()
		for i := range s.Members {
			mem := &s.Members[i]
			if mem.Location != "" {
				continue
			}
			if v := m.memberFromXML(mem, n); !v.IsAbsent() {
				out = out.With(capital(mem.name), v)
			}
		}
		return out
	case "list":
		return m.listFromXML(s, n.children, cmp.Or(s.Member.LocationName, "member"))
	case "map":
		return m.mapFromXML(s, n.children, "entry")
	}
	return m.fromText(s, n.text)
}

func (m *model) memberFromXML(mem *member, n *node) value.Value {
	s := m.Shapes[mem.Shape]
	name := mem.wire()
	if mem.XMLAttribute {
		_, local, _ := strings.Cut(name, ":")
		for _, a := range n.attrs {
			if a.Name.Local == cmp.Or(local, name) {
				return value.OfString(a.Value)
			}
		}
		return value.Value{}
	}
	if flat := mem.Flattened || s.Flattened; flat && (s.Type == "list" || s.Type == "map") {
		if s.Type == "map" {
			return m.mapFromXML(s, n.children, name)
		}
		if s.Member.LocationName != "" && mem.LocationName == "" {
			name = s.Member.LocationName
		}
		if n.child(name) == nil {
			return value.Value{}
		}
		return m.listFromXML(s, n.children, name)
	}
	if c := n.child(name); c != nil {
		return m.fromXML(s, c)
	}
	return value.Value{}
}

func (m *model) listFromXML(s *shape, among []*node, name string) value.Value {
	items := []value.Value{}
	for _, c := range among {
		if c.name == name {
			items = append(items, m.fromXML(m.Shapes[s.Member.Shape], c))
		}
	}
	return value.OfArray(items...)
}

func (m *model) mapFromXML(s *shape, among []*node, name string) value.Value {
	out := value.OfObject()
	for _, c := range among {
		if c.name == name {
			if v := c.child(cmp.Or(s.Value.LocationName, "value")); v != nil {
				out = out.With(c.textOf(cmp.Or(s.Key.LocationName, "key")), m.fromXML(m.Shapes[s.Value.Shape], v))
			}
		}
	}
	return out
}

// refusal is an error that a service answered.
type refusal struct{ code, message, requestID string }

// refused reads an error answer.
func (m *model) refused(h http.Header, body []byte) refusal {
	r := refusal{requestID: cmp.Or(h.Get("X-Amzn-Requestid"), h.Get("X-Amz-Request-Id"))}
	if strings.HasSuffix(m.Metadata.Protocol, "json") {
		v, _ := value.ParseBytes(body)
		r.code = cmp.Or(h.Get("X-Amzn-Errortype"), v.Get("__type").Text(), v.Get("code").Text())
		r.message = cmp.Or(v.Get("message").Text(), v.Get("Message").Text())
	} else if root, err := parseXML(body); err == nil {
		if id := cmp.Or(root.textOf("RequestId"), root.textOf("RequestID")); id != "" {
			r.requestID = id
		}
		if e := root.child("Error"); e != nil {
			root = e
		}
		r.code, r.message = root.textOf("Code"), root.textOf("Message")
	}
	if _, after, found := strings.Cut(r.code, "#"); found {
		r.code = after
	}
	r.code, _, _ = strings.Cut(r.code, ":")
	return r
}
