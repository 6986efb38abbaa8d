package remote

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"anthill/value"
)

// message is what is sent.
type message struct {
	method, path, query, kind string
	header                    http.Header
	body                      []byte
}

// encode writes the arguments of a task as the request of an operation.
func (m *model) encode(op *operation, args value.Value) (*message, error) {
	in := &shape{Type: "structure"}
	if op.Input != nil {
		in = m.Shapes[op.Input.Shape]
	}
	if err := m.check(in, args); err != nil {
		return nil, err
	}
	msg := &message{method: op.HTTP.Method, path: "/", header: http.Header{}}
	switch m.Metadata.Protocol {
	case "json":
		msg.kind = "application/x-amz-json-" + m.Metadata.JSONVersion
		msg.header.Set("X-Amz-Target", m.Metadata.TargetPrefix+"."+op.name)
		body, err := m.json(in, args)
		msg.body = []byte(body.String())
		return msg, err
	case "query":
		form := url.Values{"Action": {op.name}, "Version": {m.Metadata.APIVersion}}
		if err := m.form(form, "", in, args); err != nil {
			return nil, err
		}
		msg.kind, msg.body = "application/x-www-form-urlencoded; charset=utf-8", []byte(form.Encode())
		return msg, nil
	case "rest-json", "rest-xml":
		return msg, m.rest(msg, op, in, args)
	}
	return nil, fmt.Errorf("services with the protocol %s cannot be called", m.Metadata.Protocol)
}

// check refuses members that the operation does not have.
func (m *model) check(in *shape, args value.Value) error {
	known := map[string]bool{}
	for i := range in.Members {
		known[capital(in.Members[i].name)] = true
	}
	for name := range args.Members() {
		if !known[name] {
			return fmt.Errorf("The field '%s' is not supported by Step Functions", name)
		}
	}
	return nil
}

// present gives the argument for a member; false for none.
func present(args value.Value, name string) (value.Value, bool) {
	v := args.Get(capital(name))
	return v, !v.IsAbsent() && !v.IsNull()
}

// json is v as the JSON of a shape.
func (m *model) json(s *shape, v value.Value) (value.Value, error) {
	switch s.Type {
	case "structure":
		out := value.OfObject()
		for i := range s.Members {
			mem := &s.Members[i]
			arg, ok := present(v, mem.name)
			if !ok || mem.Location != "" {
				continue
			}
			x, err := m.json(m.Shapes[mem.Shape], arg)
			if err != nil {
				return x, err
			}
			out = out.With(mem.wire(), x)
		}
		return out, nil
	case "list":
		var items []value.Value
		for _, item := range v.Items() {
			x, err := m.json(m.Shapes[s.Member.Shape], item)
			if err != nil {
				return x, err
			}
			items = append(items, x)
		}
		return value.OfArray(items...), nil
	case "map":
		out := value.OfObject()
		for key, item := range v.Members() {
			x, err := m.json(m.Shapes[s.Value.Shape], item)
			if err != nil {
				return x, err
			}
			out = out.With(key, x)
		}
		return out, nil
	case "timestamp":
		text, err := m.timestamp(s, v, "unixTimestamp")
		if err != nil || s.TimestampFormat == "iso8601" || s.TimestampFormat == "rfc822" {
			return value.OfString(text), err
		}
		return value.OfNumberText(text), nil
	case "blob":
		return value.OfString(base64.StdEncoding.EncodeToString([]byte(plain(v)))), nil
	case "string", "character":
		return value.OfString(plain(v)), nil
	case "integer", "long", "float", "double", "short", "byte":
		if v.Kind() == value.String {
			return value.Parse(v.Text())
		}
	case "boolean":
		if v.Kind() == value.String {
			return value.OfBool(v.Text() == "true"), nil
		}
	}
	return v, nil
}

// plain is a value as text: strings as they are, the rest as JSON.
func plain(v value.Value) string {
	if v.Kind() == value.String {
		return v.Text()
	}
	return v.Compact().String()
}

// timestamp writes an instant: tasks have it as ISO 8601 text or as seconds since 1970.
func (m *model) timestamp(s *shape, v value.Value, format string) (string, error) {
	if s.TimestampFormat != "" {
		format = s.TimestampFormat
	}
	var t time.Time
	if v.Kind() == value.Number {
		t = time.UnixMilli(int64(v.Float() * 1000))
	} else {
		var err error
		if t, err = time.Parse(time.RFC3339Nano, v.Text()); err != nil {
			return "", fmt.Errorf("'%s' is not an instant", v.Text())
		}
	}
	switch t = t.UTC(); format {
	case "iso8601":
		return t.Format("2006-01-02T15:04:05.999Z"), nil
	case "rfc822":
		return t.Format(http.TimeFormat), nil
	}
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64), nil
}

// text is a scalar as forms, headers, paths and XML have it.
func (m *model) text(s *shape, v value.Value, format string) (string, error) {
	switch s.Type {
	case "timestamp":
		return m.timestamp(s, v, format)
	case "blob":
		return base64.StdEncoding.EncodeToString([]byte(plain(v))), nil
	}
	return plain(v), nil
}

// form adds v to a form (awsQuery).
func (m *model) form(form url.Values, at string, s *shape, v value.Value) error {
	under := func(name string) string {
		if at == "" {
			return name
		}
		return at + "." + name
	}
	switch s.Type {
	case "structure":
		for i := range s.Members {
			mem := &s.Members[i]
			if arg, ok := present(v, mem.name); ok {
				inner := m.Shapes[mem.Shape]
				name := mem.wire()
				if inner.Type == "list" && inner.Flattened && inner.Member.LocationName != "" {
					name = inner.Member.LocationName
				}
				if err := m.form(form, under(name), inner, arg); err != nil {
					return err
				}
			}
		}
	case "list":
		for i, item := range v.Items() {
			name := "member"
			if s.Member.LocationName != "" {
				name = s.Member.LocationName
			}
			where := under(name + "." + strconv.Itoa(i+1))
			if s.Flattened {
				where = at + "." + strconv.Itoa(i+1)
			}
			if err := m.form(form, where, m.Shapes[s.Member.Shape], item); err != nil {
				return err
			}
		}
	case "map":
		i := 0
		for key, item := range v.Members() {
			i++
			where := under("entry." + strconv.Itoa(i))
			if s.Flattened {
				where = at + "." + strconv.Itoa(i)
			}
			form.Set(where+"."+cmp.Or(s.Key.LocationName, "key"), key)
			if err := m.form(form, where+"."+cmp.Or(s.Value.LocationName, "value"), m.Shapes[s.Value.Shape], item); err != nil {
				return err
			}
		}
	default:
		text, err := m.text(s, v, "iso8601")
		form.Set(at, text)
		return err
	}
	return nil
}

// rest fills path, query, headers and body (restJson, restXml).
func (m *model) rest(msg *message, op *operation, in *shape, args value.Value) error {
	path, fixed, _ := strings.Cut(op.HTTP.URI, "?")
	query, err := url.ParseQuery(fixed)
	if err != nil {
		return err
	}
	for i := range in.Members {
		mem := &in.Members[i]
		s := m.Shapes[mem.Shape]
		arg, ok := present(args, mem.name)
		if !ok {
			if mem.Location == "uri" {
				return fmt.Errorf("The field '%s' is required but was missing", capital(mem.name))
			}
			continue
		}
		switch mem.Location {
		case "uri":
			text, err := m.text(s, arg, "iso8601")
			if err != nil {
				return err
			}
			path = strings.ReplaceAll(path, "{"+mem.wire()+"}", url.PathEscape(text))
			var parts []string
			for part := range strings.SplitSeq(text, "/") {
				parts = append(parts, url.PathEscape(part))
			}
			path = strings.ReplaceAll(path, "{"+mem.wire()+"+}", strings.Join(parts, "/"))
		case "querystring":
			if err := m.parameters(query, mem, s, arg); err != nil {
				return err
			}
		case "header":
			text, err := m.text(s, arg, "rfc822")
			if err != nil {
				return err
			}
			msg.header.Set(mem.wire(), text)
		case "headers":
			for key, item := range arg.Members() {
				msg.header.Set(mem.LocationName+key, plain(item))
			}
		}
	}
	msg.path, msg.query = path, query.Encode()
	return m.content(msg, op, in, args)
}

func (m *model) parameters(query url.Values, mem *member, s *shape, arg value.Value) error {
	switch s.Type {
	case "list":
		for _, item := range arg.Items() {
			query.Add(mem.wire(), plain(item))
		}
	case "map":
		for key, item := range arg.Members() {
			if item.Kind() == value.Array {
				for _, x := range item.Items() {
					query.Add(key, plain(x))
				}
				continue
			}
			query.Add(key, plain(item))
		}
	default:
		text, err := m.text(s, arg, "iso8601")
		query.Set(mem.wire(), text)
		return err
	}
	return nil
}

// content fills the body of a REST request.
func (m *model) content(msg *message, op *operation, in *shape, args value.Value) error {
	inXML := m.Metadata.Protocol == "rest-xml"
	body, name, arg := in, cmp.Or(op.Input.locationName(), op.name+"Request"), args
	if in.Payload != "" {
		streaming := false
		for i := range in.Members {
			if mem := &in.Members[i]; mem.name == in.Payload {
				var ok bool
				if arg, ok = present(args, mem.name); !ok {
					return nil
				}
				body, name = m.Shapes[mem.Shape], cmp.Or(mem.LocationName, m.Shapes[mem.Shape].LocationName, mem.Shape)
				streaming = mem.Streaming || body.Streaming
			}
		}
		if body.Type == "blob" && streaming { // what is streamed is sent as JSON, a string with its quotes
			msg.kind, msg.body = "text/plain; charset=UTF-8", []byte(arg.Compact().String())
			if given := msg.header.Get("Content-Type"); given != "" {
				msg.kind = given
			}
			if m.Metadata.EndpointPrefix == "s3" {
				msg.header.Set("X-Amz-Checksum-Crc32", base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(msg.body))))
			}
			return nil
		}
		if body.Type == "blob" || body.Type == "string" {
			msg.body = []byte(plain(arg))
			if msg.header.Get("Content-Type") == "" && body.Type == "blob" {
				msg.kind = "application/octet-stream"
			}
			return nil
		}
	} else if !hasBody(in) {
		return nil
	}
	if !inXML {
		v, err := m.json(body, arg)
		msg.kind, msg.body = "application/json", []byte(v.String())
		return err
	}
	var b strings.Builder
	err := m.xml(&b, name, false, body, arg)
	msg.kind, msg.body = "application/xml", []byte(b.String())
	return err
}

func (r *ref) locationName() string {
	if r == nil {
		return ""
	}
	return r.LocationName
}

func hasBody(in *shape) bool {
	for i := range in.Members {
		if in.Members[i].Location == "" {
			return true
		}
	}
	return false
}

// xml writes v as an element.
func (m *model) xml(b *strings.Builder, name string, flat bool, s *shape, v value.Value) error {
	switch s.Type {
	case "structure":
		b.WriteString("<" + name + ">")
		for i := range s.Members {
			mem := &s.Members[i]
			arg, ok := present(v, mem.name)
			if !ok || mem.Location != "" {
				continue
			}
			inner := m.Shapes[mem.Shape]
			if err := m.xml(b, mem.wire(), mem.Flattened || inner.Flattened, inner, arg); err != nil {
				return err
			}
		}
		b.WriteString("</" + name + ">")
	case "list":
		element := cmp.Or(s.Member.LocationName, "member")
		if flat {
			element = name
		} else {
			b.WriteString("<" + name + ">")
		}
		for _, item := range v.Items() {
			if err := m.xml(b, element, false, m.Shapes[s.Member.Shape], item); err != nil {
				return err
			}
		}
		if !flat {
			b.WriteString("</" + name + ">")
		}
	case "map":
		return fmt.Errorf("a map cannot be written to %s", m.Metadata.ServiceID)
	default:
		text, err := m.text(s, v, "iso8601")
		if err != nil {
			return err
		}
		b.WriteString("<" + name + ">")
		if err := xml.EscapeText(b, []byte(text)); err != nil {
			return err
		}
		b.WriteString("</" + name + ">")
	}
	return nil
}
