package gateways

import (
	"maps"
	"slices"
	"time"
)

// RestAPI is one REST API with everything that belongs to it. It is kept as one document.
type RestAPI struct {
	ID          string
	Account     string
	Region      string
	Name        string
	Description *string
	Version     *string
	Created     time.Time

	APIKeySource              string // "HEADER" or "AUTHORIZER"
	BinaryMediaTypes          []string
	MinimumCompressionSize    *int32
	DisableExecuteAPIEndpoint bool
	EndpointTypes             []string // "EDGE", "REGIONAL", "PRIVATE"
	IPAddressType             string
	VPCEndpointIDs            []string
	Policy                    *string
	Tags                      map[string]string

	Models                map[string]*Model     // by name
	Validators            map[string]*Validator // by id
	Authorizers           map[string]*Authorizer
	GatewayResponses      map[string]*GatewayResponse // by type: those that were set
	DocumentationParts    map[string]*DocumentationPart
	DocumentationVersions map[string]*DocumentationVersion // by version

	RootResourceID string
	Resources      map[string]*Resource
	Deployments    map[string]*Deployment
	Stages         map[string]*Stage
}

// Resource is a node of the tree of paths.
type Resource struct {
	ID       string
	ParentID string // "" for the root
	PathPart string // "" for the root; "{id}" and "{proxy+}" are parameters
	Path     string // from the root: "/pets/{id}"
	Methods  map[string]*Method
}

// Method is what one HTTP method (or "ANY") of a resource does.
type Method struct {
	HTTPMethod          string
	AuthorizationType   string
	AuthorizerID        *string
	APIKeyRequired      bool
	OperationName       *string
	RequestValidatorID  *string
	RequestParameters   map[string]bool
	RequestModels       map[string]string
	AuthorizationScopes []string
	Responses           map[string]*MethodResponse
	Integration         *Integration
}

// MethodResponse is a status that a method may answer with.
type MethodResponse struct {
	StatusCode         string
	ResponseParameters map[string]bool
	ResponseModels     map[string]string
}

// Integration is what stands behind a method.
type Integration struct {
	Type                string // "AWS_PROXY", "MOCK", …
	HTTPMethod          *string
	URI                 *string
	ConnectionType      *string
	ConnectionID        *string
	Credentials         *string
	RequestParameters   map[string]string
	RequestTemplates    map[string]string
	PassthroughBehavior string
	ContentHandling     *string
	TimeoutMillis       int32
	CacheNamespace      string
	CacheKeyParameters  []string
	Responses           map[string]*IntegrationResponse
}

// IntegrationResponse maps an answer of an integration to a status of the method.
type IntegrationResponse struct {
	StatusCode         string
	SelectionPattern   *string
	ResponseParameters map[string]string
	ResponseTemplates  map[string]string
	ContentHandling    *string
}

// Deployment is the resources as they stood at one time.
type Deployment struct {
	ID          string
	Description *string
	Created     time.Time
	Resources   map[string]*Resource
	Models      map[string]*Model
	Validators  map[string]*Validator
	Authorizers map[string]*Authorizer
}

// Stage is a name under which a deployment is reached.
type Stage struct {
	Name                 string
	DeploymentID         string
	Description          *string
	Variables            map[string]string
	Created, Updated     time.Time
	TracingEnabled       bool
	CacheClusterEnabled  bool
	CacheClusterSize     *string
	CacheClusterStatus   string
	DocumentationVersion *string
	ClientCertificateID  *string
	Tags                 map[string]string
	Settings             map[string]MethodSetting // by "{path}/{method}", and "*/*"
	Canary               *Canary
	AccessLog            *AccessLog
}

// Summary says which methods a deployment has: path, then HTTP method. It is AWS's apiSummary.
func (d *Deployment) Summary() map[string]map[string]*Method {
	out := map[string]map[string]*Method{}
	for _, r := range d.Resources {
		if len(r.Methods) > 0 {
			out[r.Path] = r.Methods
		}
	}
	return out
}

// children gives the resources right below id.
func (a *RestAPI) children(id string) []*Resource {
	var out []*Resource
	for _, r := range a.Resources {
		if r.ParentID == id && r.ID != id {
			out = append(out, r)
		}
	}
	return out
}

// clone is a copy that shares nothing that a change would touch. Methods are never changed in place, only replaced,
// but their maps are; so they are copied too.
func (r *Resource) clone() *Resource {
	c := *r
	c.Methods = make(map[string]*Method, len(r.Methods))
	for k, m := range r.Methods {
		c.Methods[k] = m.clone()
	}
	return &c
}

func (m *Method) clone() *Method {
	c := *m
	c.RequestParameters, c.RequestModels = maps.Clone(m.RequestParameters), maps.Clone(m.RequestModels)
	c.AuthorizationScopes = slices.Clone(m.AuthorizationScopes)
	c.Responses = make(map[string]*MethodResponse, len(m.Responses))
	for k, r := range m.Responses {
		rc := *r
		rc.ResponseParameters, rc.ResponseModels = maps.Clone(r.ResponseParameters), maps.Clone(r.ResponseModels)
		c.Responses[k] = &rc
	}
	if m.Integration != nil {
		c.Integration = m.Integration.clone()
	}
	return &c
}

func (i *Integration) clone() *Integration {
	c := *i
	c.RequestParameters, c.RequestTemplates = maps.Clone(i.RequestParameters), maps.Clone(i.RequestTemplates)
	c.CacheKeyParameters = slices.Clone(i.CacheKeyParameters)
	c.Responses = make(map[string]*IntegrationResponse, len(i.Responses))
	for k, r := range i.Responses {
		rc := *r
		rc.ResponseParameters, rc.ResponseTemplates = maps.Clone(r.ResponseParameters), maps.Clone(r.ResponseTemplates)
		c.Responses[k] = &rc
	}
	return &c
}

func cloneResources(in map[string]*Resource) map[string]*Resource {
	out := make(map[string]*Resource, len(in))
	for id, r := range in {
		out[id] = r.clone()
	}
	return out
}

// clone copies an API as far as a change may reach. Deployments are immutable and are shared.
func (a *RestAPI) clone() *RestAPI {
	c := *a
	c.BinaryMediaTypes, c.EndpointTypes = slices.Clone(a.BinaryMediaTypes), slices.Clone(a.EndpointTypes)
	c.VPCEndpointIDs = slices.Clone(a.VPCEndpointIDs)
	c.Tags = maps.Clone(a.Tags)
	c.Resources = cloneResources(a.Resources)
	c.Deployments = maps.Clone(a.Deployments)
	c.Stages = make(map[string]*Stage, len(a.Stages))
	for k, s := range a.Stages {
		c.Stages[k] = s.clone()
	}
	c.cloneDefinitions(a)
	return &c
}
