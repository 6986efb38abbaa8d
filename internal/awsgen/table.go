package main

import (
	"fmt"
	"strconv"
	"strings"
)

// writeTable writes the model as a Go table. It holds no pointers between shapes but indices, so that the linker lays
// it out and nothing runs at start.
func (g *generator) writeTable() {
	md := g.Metadata
	g.printf("\nvar model = protocol.Model{\nName: %q, ID: %q, FullName: %q, Protocol: protocol.%s,\n", g.pkg, md.ServiceID, md.FullName, protocolName(md.Protocol))
	signing := md.SigningName
	if signing == "" {
		signing = md.EndpointPrefix
	}
	g.printf("JSONVersion: %q, SigningName: %q, EndpointPrefix: %q, TargetPrefix: %q, APIVersion: %q, Namespace: %q,\n",
		md.JSONVersion, signing, md.EndpointPrefix, md.TargetPrefix, md.APIVersion, md.XMLNamespace)
	g.printf("Operations: []protocol.Operation{\n")
	for _, name := range sortedKeys(g.Operations) {
		op := g.Operations[name]
		g.printf("{Name: %q, Method: %q, Path: %q, Status: %d, Input: %d, Output: %d},\n", name, op.HTTP.Method, op.HTTP.URI, op.HTTP.Status, g.id(op.Input), g.id(op.Output))
	}
	g.printf("},\nShapes: []protocol.Shape{\n{},\n")
	names := make([]string, len(g.ids)+1)
	for name, id := range g.ids {
		names[id] = name
	}
	for id, name := range names[1:] {
		g.printf("%d: %s,\n", id+1, g.shapeText(name))
	}
	g.printf("},\n}\n")
	g.writeBounds()
}

func protocolName(p string) string {
	switch p {
	case "json":
		return "JSON"
	case "rest-json":
		return "REST"
	case "query":
		return "Query"
	case "rest-xml":
		return "XML"
	default:
		panic("a protocol that awsgen does not know: " + p)
	}
}

func (g *generator) id(r *ref) int {
	if r == nil {
		return 0
	}
	return g.ids[r.Shape]
}

func (g *generator) shapeText(name string) string {
	s := g.Shapes[name]
	var b strings.Builder
	fmt.Fprintf(&b, "{Name: %q, Kind: protocol.%s", name, kind(s))
	text := func(field, v string) {
		if v != "" {
			fmt.Fprintf(&b, ", %s: %q", field, v)
		}
	}
	if s.Member != nil {
		fmt.Fprintf(&b, ", Elem: %d", g.id(s.Member))
		text("ElemName", s.Member.LocationName)
	}
	if s.Key != nil {
		fmt.Fprintf(&b, ", Key: %d, Elem: %d", g.id(s.Key), g.id(s.Value))
		text("KeyName", s.Key.LocationName)
		text("ValName", s.Value.LocationName)
	}
	if s.Min != nil {
		fmt.Fprintf(&b, ", Min: &bounds[%d]", g.bound(*s.Min))
	}
	if s.Max != nil {
		fmt.Fprintf(&b, ", Max: &bounds[%d]", g.bound(*s.Max))
	}
	text("Pattern", s.Pattern)
	if len(s.Enum) > 0 {
		fmt.Fprintf(&b, ", Enum: %#v", s.Enum)
	}
	text("Format", s.TimestampFormat)
	if s.Flattened {
		b.WriteString(", Flat: true")
	}
	for i, m := range s.Members {
		if m.Name == s.Payload {
			fmt.Fprintf(&b, ", Payload: %d", i+1)
		}
	}
	if s.Exception {
		fmt.Fprintf(&b, ", Error: &protocol.ErrorInfo{Code: %q, Status: %d, Server: %t}", g.code(name), status(s), s.Fault)
	}
	if len(s.Members) > 0 {
		b.WriteString(", Members: []protocol.Member{\n")
		for _, m := range s.Members {
			b.WriteString(g.memberText(s, m))
		}
		b.WriteString("}")
	}
	b.WriteString("}")
	return b.String()
}

func (g *generator) memberText(s *shape, m member) string {
	var b strings.Builder
	wire := m.LocationName
	if wire == "" {
		wire = m.Name
	}
	fmt.Fprintf(&b, "{Name: %q, Wire: %q, Shape: %d", m.Name, wire, g.ids[m.Shape])
	if s.requires(m.Name) {
		b.WriteString(", Required: true")
	}
	switch m.Location {
	case "":
	case "uri":
		b.WriteString(", In: protocol.InURI")
	case "querystring":
		b.WriteString(", In: protocol.InQuery")
	case "header":
		b.WriteString(", In: protocol.InHeader")
	case "headers":
		b.WriteString(", In: protocol.InHeaders")
	case "statusCode":
		b.WriteString(", In: protocol.InStatus")
	default:
		panic("a location that awsgen does not know: " + m.Location)
	}
	if m.Flattened {
		b.WriteString(", Flat: true")
	}
	if m.XMLAttribute {
		b.WriteString(", Attr: true")
	}
	b.WriteString("},\n")
	return b.String()
}

func kind(s *shape) string {
	switch s.Type {
	case "string", "integer", "long", "float", "boolean", "blob", "timestamp", "list", "map":
		return strings.ToUpper(s.Type[:1]) + s.Type[1:]
	case "double":
		return "Float"
	case "structure":
		if s.EventStream {
			return "Stream"
		}
		return "Structure"
	default:
		panic("a type that awsgen does not know: " + s.Type)
	}
}

// status is the HTTP status of an error. The JSON protocols do not model it: 400, or 500 for the service's own faults.
func status(s *shape) int {
	switch {
	case s.Error != nil && s.Error.Status != 0:
		return s.Error.Status
	case s.Fault:
		return 500
	default:
		return 400
	}
}

// bound gives the index of v among the bounds of this file.
func (g *generator) bound(v float64) int {
	for i, b := range g.bounds {
		if b == v {
			return i
		}
	}
	g.bounds = append(g.bounds, v)
	return len(g.bounds) - 1
}

func (g *generator) writeBounds() {
	g.printf("\nvar bounds = [...]float64{")
	for _, b := range g.bounds {
		g.printf("%s, ", strconv.FormatFloat(b, 'f', -1, 64))
	}
	g.printf("}\n")
}
