package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
)

// model is the part of a botocore service model that we use. The format is described in botocore/model.py.
type model struct {
	Metadata   metadata             `json:"metadata"`
	Operations map[string]operation `json:"operations"`
	Shapes     map[string]*shape    `json:"shapes"`
}

type metadata struct {
	APIVersion     string `json:"apiVersion"`
	EndpointPrefix string `json:"endpointPrefix"`
	FullName       string `json:"serviceFullName"`
	JSONVersion    string `json:"jsonVersion,omitempty"`
	Protocol       string `json:"protocol"`
	ServiceID      string `json:"serviceId"`
	SigningName    string `json:"signingName,omitempty"`
	TargetPrefix   string `json:"targetPrefix,omitempty"`
	XMLNamespace   string `json:"xmlNamespace,omitempty"`
}

type operation struct {
	HTTP struct {
		Method string `json:"method"`
		URI    string `json:"requestUri"`
		Status int    `json:"responseCode,omitempty"`
	} `json:"http"`
	Input  *ref  `json:"input,omitempty"`
	Output *ref  `json:"output,omitempty"`
	Errors []ref `json:"errors,omitempty"`
}

// ref is a use of a shape: by a member, a list, a map or an operation.
type ref struct {
	Shape         string          `json:"shape"`
	Location      string          `json:"location,omitempty"`
	LocationName  string          `json:"locationName,omitempty"`
	ResultWrapper string          `json:"resultWrapper,omitempty"`
	Flattened     bool            `json:"flattened,omitempty"`
	Streaming     bool            `json:"streaming,omitempty"`
	XMLAttribute  bool            `json:"xmlAttribute,omitempty"`
	XMLNamespace  json.RawMessage `json:"xmlNamespace,omitempty"`
	EventPayload  bool            `json:"eventpayload,omitempty"`
}

type shape struct {
	Type            string          `json:"type"`
	Required        []string        `json:"required,omitempty"`
	Members         members         `json:"members,omitempty"`
	Member          *ref            `json:"member,omitempty"`
	Key             *ref            `json:"key,omitempty"`
	Value           *ref            `json:"value,omitempty"`
	Min             *float64        `json:"min,omitempty"`
	Max             *float64        `json:"max,omitempty"`
	Pattern         string          `json:"pattern,omitempty"`
	Enum            []string        `json:"enum,omitempty"`
	Payload         string          `json:"payload,omitempty"`
	Streaming       bool            `json:"streaming,omitempty"`
	Flattened       bool            `json:"flattened,omitempty"`
	LocationName    string          `json:"locationName,omitempty"`
	TimestampFormat string          `json:"timestampFormat,omitempty"`
	XMLNamespace    json.RawMessage `json:"xmlNamespace,omitempty"`
	Exception       bool            `json:"exception,omitempty"`
	Fault           bool            `json:"fault,omitempty"`
	EventStream     bool            `json:"eventstream,omitempty"`
	Event           bool            `json:"event,omitempty"`
	Union           bool            `json:"union,omitempty"`
	Document        bool            `json:"document,omitempty"`
	Error           *struct {
		Code   string `json:"code,omitempty"`
		Status int    `json:"httpStatusCode,omitempty"`
		Sender bool   `json:"senderFault,omitempty"`
	} `json:"error,omitempty"`
}

// members are in the order of the model, which is the order of AWS's documentation.
type members []member

type member struct {
	Name string
	ref
}

func (ms *members) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		m := member{Name: name.(string)}
		if err := dec.Decode(&m.ref); err != nil {
			return err
		}
		*ms = append(*ms, m)
	}
	return nil
}

func (ms members) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range ms {
		if i > 0 {
			b.WriteByte(',')
		}
		r, err := marshal(m.ref)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%q:%s", m.Name, r)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// importModel writes a botocore model without its prose, one operation or shape a line.
func importModel(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	var m model
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	var b bytes.Buffer
	meta, err := json.Marshal(m.Metadata)
	if err != nil {
		return err
	}
	fmt.Fprintf(&b, "{\"metadata\":%s,\n\"operations\":{", meta)
	if err := lines(&b, m.Operations); err != nil {
		return err
	}
	b.WriteString("},\n\"shapes\":{")
	if err := lines(&b, m.Shapes); err != nil {
		return err
	}
	b.WriteString("}}\n")
	return os.WriteFile(to, b.Bytes(), 0o644)
}

func lines[V any](b *bytes.Buffer, m map[string]V) error {
	for i, name := range sortedKeys(m) {
		if i > 0 {
			b.WriteByte(',')
		}
		v, err := marshal(m[name])
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "\n%q:%s", name, v)
	}
	return nil
}

// marshal leaves < and > in patterns as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

func readModel(path string) (*model, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := new(model)
	return m, json.Unmarshal(text, m)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func (s *shape) requires(name string) bool { return slices.Contains(s.Required, name) }
