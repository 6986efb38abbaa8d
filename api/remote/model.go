package remote

import (
	"archive/zip"
	"bytes"
	_ "embed" // models.zip
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/go-json-experiment/json"

	"anthill/value"
)

// models has a file a service: botocore's model of it.
//
//go:embed models.zip
var models []byte

// model is what a caller needs of a service model (botocore/model.py).
type model struct {
	Metadata struct {
		APIVersion     string `json:"apiVersion"`
		EndpointPrefix string `json:"endpointPrefix"`
		JSONVersion    string `json:"jsonVersion"`
		Protocol       string `json:"protocol"` // json, rest-json, rest-xml or query
		ServiceID      string `json:"serviceId"`
		SigningName    string `json:"signingName"`
		TargetPrefix   string `json:"targetPrefix"`
		XMLNamespace   string `json:"xmlNamespace"`
	} `json:"metadata"`
	Operations map[string]*operation `json:"operations"`
	Shapes     map[string]*shape     `json:"shapes"`
}

type operation struct {
	name string
	HTTP struct {
		Method string `json:"method"`
		URI    string `json:"requestUri"`
	} `json:"http"`
	Input  *ref  `json:"input"`
	Output *ref  `json:"output"`
	Errors []ref `json:"errors"`
}

// ref is a use of a shape.
type ref struct {
	Shape         string `json:"shape"`
	Location      string `json:"location"`
	LocationName  string `json:"locationName"`
	ResultWrapper string `json:"resultWrapper"`
	Flattened     bool   `json:"flattened"`
	XMLAttribute  bool   `json:"xmlAttribute"`
	Streaming     bool   `json:"streaming"`
}

type shape struct {
	Type            string   `json:"type"`
	Required        []string `json:"required"`
	Members         members  `json:"members"`
	Member          *ref     `json:"member"`
	Key             *ref     `json:"key"`
	Value           *ref     `json:"value"`
	Payload         string   `json:"payload"`
	Flattened       bool     `json:"flattened"`
	LocationName    string   `json:"locationName"`
	TimestampFormat string   `json:"timestampFormat"`
	Streaming       bool     `json:"streaming"`
	Exception       bool     `json:"exception"`
	Error           struct {
		Code string `json:"code"`
	} `json:"error"`
}

// member is a member of a structure.
type member struct {
	name string
	ref
}

// members are in the order of the model.
type members []member

func (ms *members) UnmarshalJSON(data []byte) error {
	v, err := value.ParseBytes(data)
	if err != nil {
		return err
	}
	for name, m := range v.Members() {
		x := member{name: name}
		if err := json.Unmarshal([]byte(m.String()), &x.ref); err != nil {
			return err
		}
		*ms = append(*ms, x)
	}
	return nil
}

// wire is the member's name on the wire.
func (m *member) wire() string {
	if m.LocationName != "" {
		return m.LocationName
	}
	return m.name
}

// catalog reads models when they are first asked for.
type catalog struct {
	mu struct {
		sync.Mutex
		read map[string]*model // nil values: there is no such service
	}
}

// model gives the model of a service by its name in resources; nil when it is not known.
func (c *catalog) model(service string) *model {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m, ok := c.mu.read[service]; ok {
		return m
	}
	m, err := readModel(service)
	if err != nil {
		m = nil
	}
	if c.mu.read == nil {
		c.mu.read = map[string]*model{}
	}
	c.mu.read[service] = m
	return m
}

func readModel(service string) (*model, error) {
	z, err := zip.NewReader(bytes.NewReader(models), int64(len(models)))
	if err != nil {
		return nil, err
	}
	f, err := z.Open(service)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m := new(model)
	if err := json.UnmarshalRead(f, m); err != nil {
		return nil, err
	}
	for name, op := range m.Operations {
		op.name = name
	}
	return m, nil
}

// Known lists the services whose models are here, by their names in resources.
func Known() []string {
	z, err := zip.NewReader(bytes.NewReader(models), int64(len(models)))
	if err != nil {
		return nil
	}
	var out []string
	for _, f := range z.File {
		out = append(out, f.Name)
	}
	slices.Sort(out)
	return out
}

// operation finds an operation by its name with a small letter in front.
func (m *model) operation(action string) (*operation, error) {
	if op := m.Operations[capital(action)]; op != nil {
		return op, nil
	}
	for name, op := range m.Operations {
		if strings.EqualFold(name, action) {
			return op, nil
		}
	}
	return nil, fmt.Errorf("%s has no operation %s", m.Metadata.ServiceID, capital(action))
}

func (m *model) signing() string {
	if m.Metadata.SigningName != "" {
		return m.Metadata.SigningName
	}
	return m.Metadata.EndpointPrefix
}

// fault finds the modeled error that code stands for; "" when there is none.
func (m *model) fault(op *operation, code string) string {
	for _, e := range op.Errors {
		if s := m.Shapes[e.Shape]; e.Shape == code || s.Error.Code == code {
			return e.Shape
		}
	}
	for name, s := range m.Shapes { // the SDK knows those of other operations too
		if s.Error.Code == code || s.Exception && name == code {
			return name
		}
	}
	return ""
}

// className is the service as the AWS SDK for Java has it in the names of classes: SQS is Sqs, DynamoDB is DynamoDb.
func (m *model) className() string {
	if m.Metadata.ServiceID == "SESv2" {
		return "SesV2"
	}
	var b strings.Builder
	for _, word := range strings.FieldsFunc(m.Metadata.ServiceID, func(r rune) bool { return r == ' ' || r == '-' }) {
		r := []rune(word)
		for i, c := range r {
			switch {
			case i == 0:
				b.WriteRune(unicode.ToUpper(c))
			case unicode.IsUpper(c) && unicode.IsUpper(r[i-1]) && (i+1 == len(r) || !unicode.IsLower(r[i+1])):
				b.WriteRune(unicode.ToLower(c))
			default:
				b.WriteRune(c)
			}
		}
	}
	return b.String()
}

// capital is a name with a capital letter in front.
func capital(name string) string {
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + name[1:]
}
