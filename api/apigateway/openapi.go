package apigateway

import (
	"cmp"
	"context"
	"strings"

	"anthill/api/protocol"
	"anthill/gateways"
	"anthill/value"
)

// importer puts an OpenAPI 3 or Swagger 2 definition, in JSON, into an API.
// AWS: "Working with API Gateway extensions to OpenAPI".
type importer struct {
	a           *gateways.RestAPI
	doc         value.Value
	validators  map[string]string // ids by name
	authorizers map[string]string // ids by name
	err         error
}

func (d door) importRestAPI(ctx context.Context, in *ImportRestApiInput) (*RestApi, error) {
	doc, err := definitionOf(in.Body)
	if err != nil {
		return nil, err
	}
	sc := scopeOf(ctx)
	a, err := d.gateways.Create(gateways.RestAPI{Account: sc.Account, Region: sc.Region, Name: doc.Get("info").Get("title").Text(), APIKeySource: "HEADER",
		EndpointTypes: []string{endpointOf(in.Parameters, "EDGE")}, IPAddressType: "ipv4"})
	if err != nil {
		return nil, errorOf(ctx, err)
	}
	out, err := d.putDefinition(ctx, a.ID, doc, "overwrite")
	if err != nil { // nothing of a definition that is refused stays
		if gone := d.gateways.Delete(sc, a.ID); gone != nil {
			return nil, gone
		}
	}
	return out, err
}

func endpointOf(parameters map[string]string, def string) string {
	return cmp.Or(parameters["endpointConfigurationTypes"], def)
}

func (d door) putRestAPI(ctx context.Context, in *PutRestApiInput) (*RestApi, error) {
	doc, err := definitionOf(in.Body)
	if err != nil {
		return nil, err
	}
	return d.putDefinition(ctx, *in.RestApiId, doc, cmp.Or(protocol.Value(in.Mode), "merge"))
}

// definitionOf reads a definition. One in YAML is refused: it is known, and not built.
func definitionOf(body []byte) (value.Value, error) {
	doc, err := value.ParseBytes(body)
	if err != nil && len(body) > 0 && body[0] != '{' && strings.Contains(string(body), ":") {
		return doc, unsupported("a definition in YAML (give it as JSON)")
	}
	if err != nil || doc.Kind() != value.Object || doc.Get("swagger").Text() != "2.0" && !strings.HasPrefix(doc.Get("openapi").Text(), "3.") {
		return doc, bad("Invalid OpenAPI input.")
	}
	return doc, nil
}

func (d door) putDefinition(ctx context.Context, id string, doc value.Value, mode string) (*RestApi, error) {
	var out *gateways.RestAPI
	err := d.change(ctx, &id, func(a *gateways.RestAPI) error {
		out = a
		im := &importer{a: a, doc: doc, validators: map[string]string{}, authorizers: map[string]string{}}
		if mode == "overwrite" {
			im.clear()
		}
		im.all()
		return im.err
	})
	if err != nil {
		return nil, err
	}
	return shownRestAPI(out), nil
}

func (im *importer) fail(err error) {
	if im.err == nil {
		im.err = err
	}
}

// clear takes away what a definition says, but for the root resource itself.
func (im *importer) clear() {
	a := im.a
	root := a.Resources[a.RootResourceID]
	root.Methods = map[string]*gateways.Method{}
	a.Resources = map[string]*gateways.Resource{root.ID: root}
	a.Models, a.Validators, a.Authorizers = map[string]*gateways.Model{}, map[string]*gateways.Validator{}, map[string]*gateways.Authorizer{}
	a.GatewayResponses = map[string]*gateways.GatewayResponse{}
	a.BinaryMediaTypes, a.Description, a.Version, a.Policy, a.MinimumCompressionSize = nil, nil, nil, nil, nil
}

func (im *importer) all() {
	a, info := im.a, im.doc.Get("info")
	a.Name = cmp.Or(info.Get("title").Text(), a.Name)
	if v := textOf(info.Get("description")); v != nil {
		a.Description = v
	}
	if v := textOf(info.Get("version")); v != nil {
		a.Version = v
	}
	if types := im.doc.Get("x-amazon-apigateway-binary-media-types"); types.Kind() == value.Array {
		a.BinaryMediaTypes = nil
		for _, t := range types.Items() {
			a.BinaryMediaTypes = append(a.BinaryMediaTypes, t.Text())
		}
	}
	if n, ok := im.doc.Get("x-amazon-apigateway-minimum-compression-size").Int(); ok {
		a.MinimumCompressionSize = ptr(int32(n))
	}
	if p := im.doc.Get("x-amazon-apigateway-policy"); p.Kind() == value.Object {
		a.Policy = ptr(p.String())
	}
	if s := im.doc.Get("x-amazon-apigateway-api-key-source").Text(); s == "AUTHORIZER" {
		im.fail(unsupported("apiKeySource AUTHORIZER"))
	}
	im.models()
	im.requestValidators()
	im.securitySchemes()
	im.gatewayResponses()
	for path, item := range im.doc.Get("paths").Members() {
		im.path(path, item)
	}
}

func textOf(v value.Value) *string {
	if v.Kind() != value.String || v.Text() == "" {
		return nil
	}
	return ptr(v.Text())
}

func (im *importer) models() {
	schemas := im.doc.Get("components").Get("schemas")
	if schemas.IsAbsent() {
		schemas = im.doc.Get("definitions")
	}
	for name, schema := range schemas.Members() {
		m := &gateways.Model{Name: name, ContentType: "application/json", Schema: schema.String(), Description: textOf(schema.Get("description"))}
		delete(im.a.Models, name)
		if err := im.a.AddModel(m); err != nil {
			im.fail(err)
		}
	}
}

func (im *importer) requestValidators() {
	for name, v := range im.doc.Get("x-amazon-apigateway-request-validators").Members() {
		made := &gateways.Validator{Name: name, Body: v.Get("validateRequestBody").Bool(), Parameters: v.Get("validateRequestParameters").Bool()}
		im.a.AddValidator(made)
		im.validators[name] = made.ID
	}
}

func (im *importer) securitySchemes() {
	schemes := im.doc.Get("components").Get("securitySchemes")
	if schemes.IsAbsent() {
		schemes = im.doc.Get("securityDefinitions")
	}
	for name, s := range schemes.Members() {
		x := s.Get("x-amazon-apigateway-authorizer")
		if x.IsAbsent() {
			continue
		}
		kind := strings.ToUpper(x.Get("type").Text())
		if kind != "TOKEN" && kind != "REQUEST" {
			im.fail(unsupported("an authorizer of type " + kind))
			continue
		}
		au := &gateways.Authorizer{Name: name, Type: kind, AuthType: ptr(cmp.Or(s.Get("x-amazon-apigateway-authtype").Text(), "custom")),
			URI: textOf(x.Get("authorizerUri")), Credentials: textOf(x.Get("authorizerCredentials")), Source: textOf(x.Get("identitySource")),
			Validation: textOf(x.Get("identityValidationExpression"))}
		if au.Source == nil && kind == "TOKEN" {
			au.Source = ptr("method.request.header." + s.Get("name").Text())
		}
		if n, ok := x.Get("authorizerResultTtlInSeconds").Int(); ok {
			au.TTLSeconds = ptr(int32(n))
		}
		if err := checkAuthorizer(au); err != nil {
			im.fail(err)
		}
		if err := im.a.AddAuthorizer(au); err != nil {
			im.fail(err)
		}
		im.authorizers[name] = au.ID
	}
}

func (im *importer) gatewayResponses() {
	for kind, v := range im.doc.Get("x-amazon-apigateway-gateway-responses").Members() {
		g, ok := gateways.NewGatewayResponse(kind)
		if !ok {
			im.fail(bad("Invalid gateway response type specified"))
			return
		}
		g.Default = false
		if code := v.Get("statusCode"); !code.IsAbsent() {
			g.StatusCode = scalar(code)
		}
		if m := texts(v.Get("responseParameters")); m != nil {
			g.Parameters = m
		}
		if m := texts(v.Get("responseTemplates")); m != nil {
			g.Templates = m
		}
		im.a.GatewayResponses[kind] = g
	}
}

func scalar(v value.Value) string {
	if v.Kind() == value.String {
		return v.Text()
	}
	return v.String()
}

func texts(v value.Value) map[string]string {
	if v.Kind() != value.Object || v.Len() == 0 {
		return nil
	}
	m := map[string]string{}
	for k, x := range v.Members() {
		m[k] = scalar(x)
	}
	return m
}

// resource finds or makes the resource of a path.
func (im *importer) resource(path string) *gateways.Resource {
	at := im.a.Resources[im.a.RootResourceID]
next:
	for _, part := range strings.Split(path, "/") {
		if part == "" {
			continue
		}
		for _, r := range im.a.Resources {
			if r.ParentID == at.ID && r.PathPart == part {
				at = r
				continue next
			}
		}
		r, err := im.a.AddResource(at.ID, part)
		if err != nil {
			im.fail(err)
			return at
		}
		at = r
	}
	return at
}

var operations = map[string]string{"get": "GET", "put": "PUT", "post": "POST", "delete": "DELETE", "options": "OPTIONS", "head": "HEAD", "patch": "PATCH",
	"x-amazon-apigateway-any-method": "ANY"}

func (im *importer) path(path string, item value.Value) {
	r := im.resource(path)
	for word, op := range item.Members() {
		if method := operations[word]; method != "" && im.err == nil {
			im.method(r, method, op, item.Get("parameters"))
		}
	}
}

func (im *importer) method(r *gateways.Resource, name string, op, shared value.Value) {
	m := &gateways.Method{HTTPMethod: name, AuthorizationType: "NONE", OperationName: textOf(op.Get("operationId"))}
	for _, list := range []value.Value{shared, op.Get("parameters")} {
		for _, p := range list.Items() {
			im.parameter(m, p)
		}
	}
	for contentType, c := range im.follow(op.Get("requestBody")).Get("content").Members() {
		im.requestModel(m, contentType, c.Get("schema"))
	}
	validator := cmp.Or(op.Get("x-amazon-apigateway-request-validator").Text(), im.doc.Get("x-amazon-apigateway-request-validator").Text())
	if id, ok := im.validators[validator]; ok {
		m.RequestValidatorID = &id
	}
	im.security(m, op)
	delete(r.Methods, name)
	if err := im.a.AddMethod(r.ID, m); err != nil {
		im.fail(err)
		return
	}
	for code, res := range op.Get("responses").Members() {
		im.response(m, code, im.follow(res))
	}
	if x := op.Get("x-amazon-apigateway-integration"); x.Kind() == value.Object {
		im.integration(r, m, x)
	}
}

// follow goes where a $ref leads.
func (im *importer) follow(v value.Value) value.Value {
	ref, ok := strings.CutPrefix(v.Get("$ref").Text(), "#/")
	if !ok {
		return v
	}
	to := im.doc
	for _, part := range strings.Split(ref, "/") {
		to = to.Get(part)
	}
	return to
}

func (im *importer) parameter(m *gateways.Method, p value.Value) {
	p = im.follow(p)
	place := map[string]string{"query": "querystring", "header": "header", "path": "path"}[p.Get("in").Text()]
	switch {
	case place != "":
		if m.RequestParameters == nil {
			m.RequestParameters = map[string]bool{}
		}
		m.RequestParameters["method.request."+place+"."+p.Get("name").Text()] = p.Get("required").Bool()
	case p.Get("in").Text() == "body":
		im.requestModel(m, "application/json", p.Get("schema"))
	}
}

func (im *importer) requestModel(m *gateways.Method, contentType string, schema value.Value) {
	ref := schema.Get("$ref").Text()
	if ref == "" {
		return
	}
	if m.RequestModels == nil {
		m.RequestModels = map[string]string{}
	}
	m.RequestModels[contentType] = ref[strings.LastIndexByte(ref, '/')+1:]
}

func (im *importer) security(m *gateways.Method, op value.Value) {
	security := op.Get("security")
	if security.IsAbsent() {
		security = im.doc.Get("security")
	}
	for _, one := range security.Items() {
		for name := range one.Members() {
			if id, ok := im.authorizers[name]; ok {
				m.AuthorizationType, m.AuthorizerID = "CUSTOM", &id
				continue
			}
			scheme := im.doc.Get("components").Get("securitySchemes").Get(name)
			if scheme.IsAbsent() {
				scheme = im.doc.Get("securityDefinitions").Get(name)
			}
			switch {
			case scheme.Get("x-amazon-apigateway-authtype").Text() == "awsSigv4":
				m.AuthorizationType = "AWS_IAM"
			case scheme.Get("type").Text() == "apiKey" && strings.EqualFold(scheme.Get("name").Text(), "x-api-key"):
				m.APIKeyRequired = true
			}
		}
	}
}

func (im *importer) response(m *gateways.Method, code string, res value.Value) {
	if code == "default" || len(code) != 3 {
		return
	}
	r := &gateways.MethodResponse{StatusCode: code}
	model := func(contentType string, schema value.Value) {
		if ref := schema.Get("$ref").Text(); ref != "" {
			if r.ResponseModels == nil {
				r.ResponseModels = map[string]string{}
			}
			r.ResponseModels[contentType] = ref[strings.LastIndexByte(ref, '/')+1:]
		}
	}
	for contentType, c := range res.Get("content").Members() {
		model(contentType, c.Get("schema"))
	}
	model("application/json", res.Get("schema"))
	for name := range res.Get("headers").Members() {
		if r.ResponseParameters == nil {
			r.ResponseParameters = map[string]bool{}
		}
		r.ResponseParameters["method.response.header."+name] = false
	}
	m.Responses[code] = r
}

func (im *importer) integration(r *gateways.Resource, m *gateways.Method, x value.Value) {
	i := &gateways.Integration{
		Type: strings.ToUpper(x.Get("type").Text()), HTTPMethod: textOf(x.Get("httpMethod")), URI: textOf(x.Get("uri")),
		ConnectionID: textOf(x.Get("connectionId")), ConnectionType: textOf(x.Get("connectionType")), Credentials: textOf(x.Get("credentials")),
		RequestParameters: texts(x.Get("requestParameters")), RequestTemplates: texts(x.Get("requestTemplates")),
		PassthroughBehavior: cmp.Or(strings.ToUpper(x.Get("passthroughBehavior").Text()), "WHEN_NO_MATCH"), ContentHandling: textOf(x.Get("contentHandling")),
		TimeoutMillis: 29000, CacheNamespace: cmp.Or(x.Get("cacheNamespace").Text(), r.ID), CacheKeyParameters: []string{},
		Responses: map[string]*gateways.IntegrationResponse{},
	}
	switch i.Type {
	case "HTTP_PROXY", "AWS_PROXY", "HTTP", "AWS", "MOCK":
	default:
		im.fail(bad("Invalid integration type specified: " + x.Get("type").Text()))
		return
	}
	if n, ok := x.Get("timeoutInMillis").Int(); ok {
		i.TimeoutMillis = int32(n)
	}
	for _, p := range x.Get("cacheKeyParameters").Items() {
		i.CacheKeyParameters = append(i.CacheKeyParameters, p.Text())
	}
	for pattern, res := range x.Get("responses").Members() {
		out := &gateways.IntegrationResponse{StatusCode: scalar(res.Get("statusCode")), ResponseParameters: texts(res.Get("responseParameters")),
			ResponseTemplates: texts(res.Get("responseTemplates")), ContentHandling: textOf(res.Get("contentHandling"))}
		if pattern != "default" {
			out.SelectionPattern = &pattern
		}
		if err := checkTemplates(out.ResponseTemplates); err != nil {
			im.fail(err)
		}
		i.Responses[out.StatusCode] = out
	}
	if err := checkIntegration(i); err != nil {
		im.fail(err)
	}
	if err := checkTemplates(i.RequestTemplates); err != nil {
		im.fail(err)
	}
	m.Integration = i
}

// importDocumentationParts takes the parts out of x-amazon-apigateway-documentation.
func (d door) importDocumentationParts(ctx context.Context, in *ImportDocumentationPartsInput) (*ImportDocumentationPartsOutput, error) {
	doc, err := value.ParseBytes(in.Body)
	parts := doc.Get("x-amazon-apigateway-documentation").Get("documentationParts")
	if parts.IsAbsent() {
		parts = doc.Get("documentationParts")
	}
	if err != nil || parts.Kind() != value.Array {
		return nil, bad("Unable to build importer with provided input.")
	}
	out := &ImportDocumentationPartsOutput{Ids: []string{}, Warnings: []string{}}
	err = d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error {
		if protocol.Value(in.Mode) == "overwrite" {
			a.DocumentationParts = map[string]*gateways.DocumentationPart{}
		}
		for _, v := range parts.Items() {
			l := v.Get("location")
			p := &gateways.DocumentationPart{Properties: v.Get("properties").String(), Location: gateways.DocumentationLocation{Type: l.Get("type").Text(),
				Path: textOf(l.Get("path")), Method: textOf(l.Get("method")), StatusCode: textOf(l.Get("statusCode")), Name: textOf(l.Get("name"))}}
			if err := a.AddDocumentation(p, now()); err != nil {
				return err
			}
			out.Ids = append(out.Ids, p.ID)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
