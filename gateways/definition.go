package gateways

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"anthill/fault"
)

// Model is the shape of a body, as a JSON schema.
type Model struct {
	ID          string
	Name        string
	Description *string
	ContentType string
	Schema      string
}

// Validator says what of a request is checked before its integration.
type Validator struct {
	ID, Name         string
	Body, Parameters bool
}

// Authorizer decides who may call a method.
type Authorizer struct {
	ID, Name     string
	Type         string // "TOKEN", "REQUEST"
	AuthType     *string
	URI          *string
	Credentials  *string
	Source       *string // "method.request.header.Authorization"
	Validation   *string // a regular expression for the token
	TTLSeconds   *int32
	ProviderARNs []string
}

// GatewayResponse is what an API answers by itself, for one kind of refusal.
type GatewayResponse struct {
	Type       string
	StatusCode string // "" is that of the kind
	Parameters map[string]string
	Templates  map[string]string
	Default    bool // nobody set it
}

// DocumentationPart documents one part of an API.
type DocumentationPart struct {
	ID         string
	Location   DocumentationLocation
	Properties string
	Created    time.Time
}

// DocumentationLocation says which part.
type DocumentationLocation struct {
	Type                           string
	Path, Method, StatusCode, Name *string
}

// DocumentationVersion is the documentation as it stood at one time.
type DocumentationVersion struct {
	Version     string
	Description *string
	Created     time.Time
	Parts       map[string]*DocumentationPart
}

// Canary is a deployment that gets a part of a stage's requests.
type Canary struct {
	DeploymentID   string
	Percent        float64 // 0 to 100
	Overrides      map[string]string
	UsesStageCache bool
}

// AccessLog is where a stage would log requests.
type AccessLog struct{ Destination, Format *string }

// MethodSetting are the settings of the methods that a key of Stage.Settings names.
type MethodSetting struct {
	Metrics, DataTrace     bool
	LoggingLevel           *string
	Burst                  int32
	Rate                   float64 // requests a second
	Caching                bool
	CacheTTLSeconds        int32
	CacheEncrypted         bool
	RequireAuthorization   bool
	UnauthorizedCacheReply string
}

// NewMethodSetting is a setting as AWS begins one.
func NewMethodSetting() MethodSetting {
	return MethodSetting{Burst: 5000, Rate: 10000, CacheTTLSeconds: 300, RequireAuthorization: true, UnauthorizedCacheReply: "SUCCEED_WITH_RESPONSE_HEADER"}
}

// BuiltInModels are the models that every new API has.
func builtInModels() map[string]*Model {
	text := func(s string) *string { return &s }
	return map[string]*Model{
		"Empty": {ID: newID(6), Name: "Empty", Description: text("This is a default empty schema model"), ContentType: "application/json",
			Schema: "{\n  \"$schema\": \"http://json-schema.org/draft-04/schema#\",\n  \"title\" : \"Empty Schema\",\n  \"type\" : \"object\"\n}"},
		"Error": {ID: newID(6), Name: "Error", Description: text("This is a default error schema model"), ContentType: "application/json",
			Schema: "{\n  \"$schema\" : \"http://json-schema.org/draft-04/schema#\",\n  \"title\" : \"Error Schema\",\n  \"type\" : \"object\",\n" +
				"  \"properties\" : {\n    \"message\" : { \"type\" : \"string\" }\n  }\n}"},
	}
}

// CheckSchema refuses a schema that is no JSON object with something in it.
func CheckSchema(schema *string) error {
	const op = "gateways.CheckSchema"
	if schema == nil || *schema == "" {
		return invalid(op, "model", "Model schema must have at least 1 property or array items defined")
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(*schema), &doc); err != nil {
		return invalid(op, "model", "Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified]")
	}
	return nil
}

// AddModel keeps a model under its name.
func (a *RestAPI) AddModel(m *Model) error {
	const op = "gateways.AddModel"
	if m.Name == "" {
		return invalid(op, "model", "Model name must be non-empty")
	}
	if strings.ContainsFunc(m.Name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') }) {
		return invalid(op, "model", "Model name must be alphanumeric: "+m.Name)
	}
	if err := CheckSchema(&m.Schema); err != nil {
		return err
	}
	if _, ok := a.Models[m.Name]; ok {
		return conflict(op, "model", m.Name, "Model name already exists for this REST API")
	}
	m.ID = newID(6)
	a.Models[m.Name] = m
	return nil
}

// RemoveModel takes a model away that no method refers to.
func (a *RestAPI) RemoveModel(name string) error {
	const op = "gateways.RemoveModel"
	if _, ok := a.Models[name]; !ok {
		return notFound(op, "model", name)
	}
	for _, r := range a.Resources {
		for _, m := range r.Methods {
			for _, ref := range m.RequestModels {
				if ref == name {
					return conflict(op, "model", name, "Cannot delete model '"+name+"', is referenced in method request: "+r.Path+"/"+m.HTTPMethod)
				}
			}
		}
	}
	delete(a.Models, name)
	return nil
}

// AddAuthorizer gives an authorizer its id.
func (a *RestAPI) AddAuthorizer(au *Authorizer) error {
	for _, other := range a.Authorizers {
		if other.Name == au.Name {
			return conflict("gateways.AddAuthorizer", "authorizer", au.Name, "Authorizer name must be unique. Authorizer "+au.Name+" already exists in this RestApi.")
		}
	}
	au.ID = newID(6)
	a.Authorizers[au.ID] = au
	return nil
}

// AddValidator gives a request validator its id.
func (a *RestAPI) AddValidator(v *Validator) {
	v.ID = newID(6)
	a.Validators[v.ID] = v
}

// AddDocumentation gives a documentation part its id.
func (a *RestAPI) AddDocumentation(p *DocumentationPart, now time.Time) error {
	for _, other := range a.DocumentationParts {
		if other.Location.key() == p.Location.key() {
			return conflict("gateways.AddDocumentation", "documentation part", other.ID, "Documentation part already exists for the specified location: "+describe(p.Location))
		}
	}
	p.ID, p.Created = newID(6), now
	a.DocumentationParts[p.ID] = p
	return nil
}

// AddDocumentationVersion keeps the documentation as it stands under a name.
func (a *RestAPI) AddDocumentationVersion(v *DocumentationVersion, now time.Time) error {
	const op = "gateways.AddDocumentationVersion"
	if _, ok := a.DocumentationVersions[v.Version]; ok {
		return conflict(op, "documentation version", v.Version, "Version already exists")
	}
	v.Created, v.Parts = now, map[string]*DocumentationPart{}
	for id, p := range a.DocumentationParts {
		v.Parts[id] = copyOf(p)
	}
	a.DocumentationVersions[v.Version] = v
	return nil
}

func (l DocumentationLocation) key() string {
	var parts []string
	for _, p := range []*string{l.Path, l.Method, l.StatusCode, l.Name} {
		if p == nil {
			parts = append(parts, "\x00")
		} else {
			parts = append(parts, *p)
		}
	}
	return l.Type + "\x01" + parts[0] + "\x01" + parts[1] + "\x01" + parts[2] + "\x01" + parts[3]
}

func describe(l DocumentationLocation) string {
	s := "type '" + l.Type + "'"
	if l.Path != nil {
		s += ", path '" + *l.Path + "'"
	}
	if l.Method != nil {
		s += ", method '" + *l.Method + "'"
	}
	return s
}

func copyOf[T any](p *T) *T {
	c := *p
	return &c
}

func copies[T any](in map[string]*T) map[string]*T {
	out := make(map[string]*T, len(in))
	for k, v := range in {
		out[k] = copyOf(v)
	}
	return out
}

// cloneDefinitions copies what a change may reach of everything but resources, deployments and stages.
func (a *RestAPI) cloneDefinitions(from *RestAPI) {
	a.Models, a.Validators, a.Authorizers = copies(from.Models), copies(from.Validators), copies(from.Authorizers)
	a.DocumentationParts, a.DocumentationVersions = copies(from.DocumentationParts), copies(from.DocumentationVersions)
	a.GatewayResponses = copies(from.GatewayResponses)
	for _, r := range a.GatewayResponses {
		r.Parameters, r.Templates = maps.Clone(r.Parameters), maps.Clone(r.Templates)
	}
	for _, au := range a.Authorizers {
		au.ProviderARNs = slices.Clone(au.ProviderARNs)
	}
}

func (st *Stage) clone() *Stage {
	c := *st
	c.Variables, c.Tags, c.Settings = maps.Clone(st.Variables), maps.Clone(st.Tags), maps.Clone(st.Settings)
	if st.Canary != nil {
		c.Canary = copyOf(st.Canary)
		c.Canary.Overrides = maps.Clone(st.Canary.Overrides)
	}
	if st.AccessLog != nil {
		c.AccessLog = copyOf(st.AccessLog)
	}
	return &c
}

// CheckMethod refuses references of a method to things that the API does not have.
func (a *RestAPI) CheckMethod(m *Method) error {
	const op = "gateways.CheckMethod"
	switch m.AuthorizationType {
	case "NONE", "AWS_IAM":
		m.AuthorizerID = nil
	case "CUSTOM", "COGNITO_USER_POOLS":
		if m.AuthorizerID == nil || a.Authorizers[*m.AuthorizerID] == nil {
			return invalid(op, "method", "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer.")
		}
		if m.AuthorizationType == "COGNITO_USER_POOLS" {
			return &fault.Error{Kind: fault.Unsupported, Op: op, Noun: "method", Detail: "authorization type COGNITO_USER_POOLS"}
		}
	default:
		return invalid(op, "method", "Invalid authorization type specified. Valid options are NONE, AWS_IAM, CUSTOM, COGNITO_USER_POOLS")
	}
	if id := m.RequestValidatorID; id != nil && a.Validators[*id] == nil {
		return invalid(op, "method", "Invalid Request Validator identifier specified")
	}
	for _, name := range m.RequestModels {
		if a.Models[name] == nil {
			return invalid(op, "method", "Invalid model identifier specified: "+name)
		}
	}
	return checkParameterNames(m.RequestParameters)
}
